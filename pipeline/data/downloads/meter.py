"""How far a download is, in megabytes."""

from pathlib import Path
from typing import Any, Self

from tqdm import tqdm

from pipeline.data.downloads.partial_file import PartialFile
from pipeline.progress import progress_bar

_MEGABYTE = 10**6


class Meter:
    """One bar for the bytes of several files, in whole megabytes.

    Args:
        what: Said before the bar.
        sizes: Bytes of every file; what is there of it already counts as done.
    """

    def __init__(self, what: str, sizes: dict[Path, int]) -> None:
        self._received = {path: PartialFile(path).size for path in sizes}
        self._sum = sum(self._received.values())
        total, done = -(-sum(sizes.values()) // _MEGABYTE), self._sum // _MEGABYTE
        self._bar: tqdm[Any] = progress_bar(what, unit="MB", total=total, done=done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def show(self, path: Path, received: int) -> None:
        """Shows that so many bytes of a file are there; fewer than before if it starts anew."""
        self._sum += received - self._received[path]
        self._received[path] = received
        self._bar.update(self._sum // _MEGABYTE - self._bar.n)
