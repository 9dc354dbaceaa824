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
        is_written: Whether this process saves; all restore.
        state: What is saved, by name: variables, networks, optimizers.
    """

    def __init__(self, folder: Path, *, is_written: bool, **state: Any) -> None:
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(**state), str(folder), max_to_keep=_KEPT
        )
        self._folder = folder
        self._is_written = is_written

    def restore(self) -> bool:
        """Restores the newest checkpoint; whether there was one."""
        latest = self._manager.latest_checkpoint
        if latest is None:
            return False
        self._manager.checkpoint.restore(latest).assert_existing_objects_matched()
        return True

    def save(self) -> None:
        """Writes a checkpoint, and only then removes the oldest.

        Raises:
            OSError: If it cannot be written, as where the disk is full; those before stay.
        """
        if not self._is_written:
            return
        try:
            self._manager.save()
        except (tf.errors.OpError, OSError) as error:
            for half_written in self._folder.glob("*_temp"):
                shutil.rmtree(half_written, ignore_errors=True)
            reason = str(error).splitlines()[0]
            raise OSError(
                f"No checkpoint could be written to {self._folder} ({reason}). Make room there; "
                "the same command then goes on from the checkpoint before."
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
