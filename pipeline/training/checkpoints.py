"""What a killed run goes on from."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filelock
import tensorflow as tf

_KEPT = 2  # the newest may be half written when a machine goes down
_LOCK = ".lock"


class Checkpoints:
    """Saves and restores the state of a run.

    Args:
        folder: Where checkpoints go.
        state: What is saved, by name: variables, networks, optimizers.
    """

    def __init__(self, folder: Path, **state: Any) -> None:
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(**state), str(folder), max_to_keep=_KEPT
        )
        self._folder = folder

    def restore(self) -> bool:
        """Restores the newest checkpoint; whether there was one."""
        latest = self._manager.latest_checkpoint
        if latest is None:
            return False
        self._manager.checkpoint.restore(latest).assert_existing_objects_matched()
        return True

    def save(self) -> None:
        """Writes a checkpoint, and only then removes the oldest; a half written one is removed."""
        try:
            self._manager.save()
        finally:
            for half_written in self._folder.glob("*_temp"):
                shutil.rmtree(half_written, ignore_errors=True)


def has_checkpoint(folder: Path) -> bool:
    """Whether a run can go on from what a folder holds."""
    return tf.train.latest_checkpoint(str(folder)) is not None


@contextlib.contextmanager
def room_in(folder: Path) -> Iterator[None]:
    """Says what to do where something cannot be written within the block.

    Raises:
        OSError: Naming the folder and the remedy.
    """
    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise OSError(
            f"{folder} could not be written to ({reason}). Make room there; the same command then "
            "goes on from the last checkpoint."
        ) from error


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Claims a folder for one run; the claim ends with the process, however that ends.

    Raises:
        ValueError: If another run trains there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise ValueError(
            f"Another run is training in {folder}; wait for it, or name another --output."
        ) from error
    try:
        yield
    finally:
        lock.release()
