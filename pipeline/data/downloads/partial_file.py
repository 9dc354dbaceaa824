"""A file on its way, beside the name that it gets when it is whole and right."""

import collections
import contextlib
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline import manifest
from pipeline.progress import logger


@dataclasses.dataclass(frozen=True, kw_only=True)
class Version:
    """A file as a server has it.

    Attributes:
        size: Bytes.
        validator: An ETag or a date that changes with the bytes; "" where the server gives none.
    """

    size: int
    validator: str


class PartialFile:
    """The first bytes of a file, as ``NAME.part``.

    ``NAME.part.version`` holds the validator of the version that they are of.

    Args:
        path: Where the whole file goes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".part")
        self._final = path
        self._described = path.with_name(path.name + ".part.version")

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def keep_only_start_of(self, version: Version) -> None:
        """Removes bytes that are not known to be the first ones of a version."""
        known = self._described.read_text("utf-8") if self._described.is_file() else ""
        same = version.validator != "" and known == version.validator
        if same and self.path.is_file() and self.size <= version.size:
            return
        self.discard()
        self._final.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_atomically(
            self._described, lambda path: path.write_text(version.validator, "utf-8")
        )
        self.path.touch()

    def discard(self) -> None:
        """Removes what is there."""
        self.path.unlink(missing_ok=True)
        self._described.unlink(missing_ok=True)

    def finish(self) -> None:
        """Gives the file its name."""
        self.path.replace(self._final)
        self._described.unlink(missing_ok=True)


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keeps other processes from fetching the same file.

    Two that append to one part would mix their bytes; two that fetch different tars into one
    folder meet at the tables.
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("Waiting for another process, which is fetching %s.", path)
        lock.acquire()
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # one that waits for it makes its own
        lock.release()


def require_space(sizes: dict[Path, int]) -> None:
    """Checks that what is still to come of some files fits on their disks.

    Args:
        sizes: Bytes of every file; its folder exists.

    Raises:
        OSError: Naming what is needed and what is free.
    """
    needed: collections.Counter[int] = collections.Counter()
    folders: dict[int, Path] = {}
    for path, size in sizes.items():
        disk = path.parent.stat().st_dev
        needed[disk] += max(size - PartialFile(path).size, 0)
        folders[disk] = path.parent
    for disk, folder in folders.items():
        free = shutil.disk_usage(folder).free
        if needed[disk] > free:
            raise OSError(
                f"{needed[disk] / 1e9:,.3f} GB are to be fetched into {folder}, where "
                f"{free / 1e9:,.3f} GB are free; make room, ask for fewer files, or name a folder "
                "on another disk."
            )
