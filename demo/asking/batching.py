"""Concurrent queries are described together."""

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline import model_folder
from pipeline.descriptors import Descriptor, SavedDescriptor, open_descriptor

_MOST = 16  # images at a time: more make a batch slower than it makes each of them faster


def open_batching(folder: Path, count: Callable[[int], None]) -> Descriptor:
    """The descriptor of a model folder; that of a network describes concurrent queries together.

    Args:
        folder: ``exported/MODEL``.
        count: Told the size of every batch.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
        ValueError: As ``open_descriptor`` does.
    """
    if model_folder.is_classical(folder):
        return open_descriptor(folder)
    return BatchingDescriptor(folder, count)


@dataclasses.dataclass(kw_only=True)
class _Waiting:
    """An image that waits for its description, or for the error that it raised."""

    prepared: tuple[tf.Tensor, ...]
    outcome: np.ndarray | BaseException | None = None


class BatchingDescriptor(SavedDescriptor):
    """Describes photographs with a SavedModel, those of several threads in one batch.

    While something is described, what arrives waits, and makes the next batch. So a lone query
    never waits. There is no thread of its own: of those that wait, one describes for all.

    Args:
        folder: A model folder, ``exported/MODEL``.
        count: Told the size of every batch.
    """

    def __init__(self, folder: Path, count: Callable[[int], None]) -> None:
        super().__init__(folder)
        self._count = count
        self._changed = threading.Condition()
        self._waiting: list[_Waiting] = []
        self._is_running = False
        # Traces its graph here: several threads that ask first would each trace one.
        self.prepare_image(np.zeros((8, 8, 3), np.uint8))

    def describe_images(self, images: Any) -> np.ndarray:
        """See ``Descriptor``; one image at a time is described together with others'."""
        if len(images) != 1:
            return super().describe_images(images)
        if not self._begin_alone():
            return self._describe(_Waiting(prepared=self.prepare_image(images[0])))
        try:  # one graph prepares and describes it
            return super().describe_images(images)
        finally:
            self._end()

    def _begin_alone(self) -> bool:
        """Whether nothing is described or waits; if so, something is from here on."""
        with self._changed:
            if self._is_running or self._waiting:
                return False
            self._is_running = True
        self._count(1)
        return True

    def _end(self) -> None:
        with self._changed:
            self._is_running = False
            self._changed.notify_all()

    def _describe(self, own: _Waiting) -> np.ndarray:
        with self._changed:
            self._waiting.append(own)
        while (batch := self._next_batch(own)) is not None:
            try:
                self._run(batch)
            finally:
                self._end()
        if isinstance(own.outcome, np.ndarray):
            return own.outcome
        raise RuntimeError("An image could not be described.") from own.outcome

    def _next_batch(self, own: _Waiting) -> list[_Waiting] | None:
        """Those that wait, where nobody else describes them; None when one's own is done."""
        with self._changed:
            self._changed.wait_for(lambda: own.outcome is not None or not self._is_running)
            if own.outcome is not None:
                return None
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            self._is_running = True
        self._count(len(batch))
        return batch

    def _run(self, batch: list[_Waiting]) -> None:
        try:
            described = self.describe_all([one.prepared for one in batch])
        except BaseException as error:
            for one in batch:
                one.outcome = error
            if not isinstance(error, Exception):
                raise
            return
        for one, description in zip(batch, described, strict=True):
            one.outcome = description[None]
