"""A folder of one's own photographs, a sub-folder a landmark."""

import functools
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.data.sources.source import Skipped, SourcePhotograph


class FolderSource:
    """A folder with one sub-folder a landmark, or one flat folder of unlabelled photographs.

    Photographs beside the sub-folders are unlabelled. Hidden files and folders are passed
    over; every other file is taken for a photograph until it fails to decode. A landmark's label
    is its place among the names in order.

    Args:
        folder: The folder.

    Attributes:
        files: The files, in name order.
        landmarks: The sub-folder of each, "" where it lies beside them.

    Raises:
        FileNotFoundError: If it is no folder.
        ValueError: If it holds no files.
    """

    left_out: Sequence[Skipped] = ()

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(
                f"--photos={folder} is no folder; name one that holds photographs, "
                "in a sub-folder for every landmark or all in one."
            )
        self._folder = folder
        self.files = list(files_below(folder))
        if not self.files:
            raise ValueError(
                f"--photos={folder} is empty; put photographs into it, "
                "in a sub-folder for every landmark or all in one."
            )
        inner = [file.relative_to(folder).parts for file in self.files]
        self.landmarks = [as_text(parts[0]) if len(parts) > 1 else "" for parts in inner]

    @functools.cached_property
    def names(self) -> Mapping[int, str]:
        """Names of the sub-folders."""
        return dict(enumerate(sorted(set(self.landmarks) - {""})))

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """The sub-folder of every file."""
        label_of = {name: label for label, name in self.names.items()} | {"": -1}
        return np.array([label_of[name] for name in self.landmarks], np.int64)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every file's name, size and time of change."""
        digest = hashlib.sha256()
        for file in self.files:
            state = file.stat() if file.exists() else file.lstat()
            name = self._name(file)
            digest.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
        return digest.hexdigest()

    def read(self, numbers: np.ndarray) -> Iterator[SourcePhotograph | Skipped]:
        """Reads these files."""
        for number in numbers:
            name = self._name(self.files[number])
            try:
                encoded = self.files[number].read_bytes()
            except OSError as error:
                yield Skipped(name=name, reason=f"cannot be read: {error.strerror}")
                continue
            yield SourcePhotograph(
                name=name,
                encoded=encoded,
                landmark=self.landmarks[number],
                label=int(self.labels[number]),
                title=name,
            )

    @property
    def titles(self) -> list[str]:
        """The files' paths within the folder."""
        return [self._name(file) for file in self.files]

    def _name(self, file: Path) -> str:
        return as_text(file.relative_to(self._folder).as_posix())


def as_text(name: str) -> str:
    """A file's name in UTF-8, whatever its bytes are."""
    return os.fsencode(name).decode(errors="replace")


def files_below(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Files, in name order, but for hidden ones; links are followed, though not in circles.

    A link that leads nowhere, or a folder that cannot be read, counts as a file: it is then
    skipped by name.

    Args:
        folder: Where to look.
        above: Folders that lead to it and are not entered again.
    """
    above |= {folder.resolve()}
    try:
        inside = sorted(folder.iterdir())
    except PermissionError:
        yield folder
        return
    for path in inside:
        if path.name.startswith("."):
            continue
        if path.is_dir():
            if path.resolve() not in above:
                yield from files_below(path, above)
        elif path.is_file() or path.is_symlink():
            yield path
