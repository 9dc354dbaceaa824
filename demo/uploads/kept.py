"""Uploaded photographs, kept for a stated time under names that cannot be guessed."""

import contextlib
import dataclasses
import secrets
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from pathlib import Path

import filelock
import numpy as np
import tensorflow as tf

from demo.refusals import NotFound
from demo.uploads.intake import Limits, decode

_PREFIX, _UNLOCKED = "landmark-demo-", "landmark-demo.new-"
_LOCK = ".lock"
_QUALITY = 95
_DECODED_BYTES = 300_000_000  # of the photographs used last, that searching again is quick


@dataclasses.dataclass(frozen=True)
class _Entry:
    path: Path
    until: float  # of time.monotonic
    bytes: int
    pixels: int


class Kept:
    """Photographs that users uploaded.

    They lie in a folder of this process alone, written anew from their pixels: without EXIF, a
    position or anything else that was in the file. What a killed process left is removed.

    Args:
        limits: Of one photograph.
        minutes: How long one is kept.
        bytes: How much is kept in all; the oldest go before it is exceeded.
        folder: Where the folder is made; by default among temporary files.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        minutes: float = 30,
        bytes: int = 2_000_000_000,
        folder: Path | None = None,
    ) -> None:
        self.limits = limits
        self.minutes = minutes
        self._bytes = bytes
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._decoded: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()
        parent = Path(tempfile.gettempdir()) if folder is None else folder
        _remove_orphans(parent)
        # Named so that others take it for what a killed process left only when its lock is taken.
        made = Path(tempfile.mkdtemp(prefix=_UNLOCKED, dir=parent))
        self._owned = filelock.FileLock(made / _LOCK)
        self._owned.acquire()
        self._folder = made.rename(parent / made.name.replace(_UNLOCKED, _PREFIX))

    def keep(self, data: bytes) -> str:
        """Keeps a photograph.

        Args:
            data: The file that was sent.

        Returns:
            Its token.

        Raises:
            Refused: As ``decode`` does.
        """
        image = decode(data, self.limits)
        encoded = tf.io.encode_jpeg(image, quality=_QUALITY, chroma_downsampling=False).numpy()
        token = secrets.token_urlsafe(18)
        path = self._folder / f"{token}.jpg"
        path.write_bytes(encoded)
        until = time.monotonic() + 60 * self.minutes
        with self._lock:
            self._entries[token] = _Entry(
                path, until, len(encoded), image.shape[0] * image.shape[1]
            )
        self.sweep()
        return token

    def read(self, token: str) -> np.ndarray:
        """A photograph that is kept, uint8 ``(height, width, 3)`` RGB.

        Raises:
            NotFound: If there is none of this token, or no more.
        """
        with self._lock:
            entry = self._entries.get(token)
            image = self._decoded.get(token)
            if image is not None:
                self._decoded.move_to_end(token)
        if entry is None or entry.until < time.monotonic():
            raise self._gone()
        if image is None:
            image = tf.io.decode_jpeg(self._bytes_of(entry), channels=3).numpy()
            image.setflags(write=False)
            self._remember(token, image)
        return image

    def pixels(self, token: str) -> int:
        """How many a photograph has.

        Raises:
            NotFound: As ``read`` does.
        """
        with self._lock:
            entry = self._entries.get(token)
        if entry is None:
            raise self._gone()
        return entry.pixels

    def forget(self, token: str) -> None:
        """Removes a photograph at once, if it is there."""
        with self._lock:
            entry = self._entries.pop(token, None)
            self._decoded.pop(token, None)
        if entry is not None:
            entry.path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Removes those whose time has come, and the oldest where they are too many."""
        now = time.monotonic()
        with self._lock:
            total = sum(entry.bytes for entry in self._entries.values())
            going = []
            for token, entry in self._entries.items():
                if entry.until >= now and total <= self._bytes:
                    break
                going.append(token)
                total -= entry.bytes
        for token in going:
            self.forget(token)

    def close(self) -> None:
        """Removes all of them."""
        with self._lock:
            self._entries.clear()
            self._decoded.clear()
        self._owned.release()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __len__(self) -> int:
        return len(self._entries)

    def _bytes_of(self, entry: _Entry) -> bytes:
        try:
            return entry.path.read_bytes()
        except FileNotFoundError as error:  # swept since it was looked up
            raise self._gone() from error

    def _gone(self) -> NotFound:
        return NotFound(
            f"The photograph is there no more: it was kept for {self.minutes:g} minutes. "
            "Upload it again."
        )

    def _remember(self, token: str, image: np.ndarray) -> None:
        with self._lock:
            if token not in self._entries:
                return
            self._decoded[token] = image
            while sum(one.nbytes for one in self._decoded.values()) > _DECODED_BYTES:
                self._decoded.popitem(last=False)


def _remove_orphans(parent: Path) -> None:
    """Removes the folders of processes that have ended, whose lock is nobody's."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError, filelock.Timeout):
            with filelock.FileLock(folder / _LOCK, timeout=0):
                pass
            shutil.rmtree(folder, ignore_errors=True)
