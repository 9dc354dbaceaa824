"""Where photographs come from before they are records."""

import dataclasses
import hashlib
import itertools
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

from pipeline.data.synthetic_city import CitySettings, landmark_name, render_city


def content_id(encoded: bytes) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a photograph's bytes."""
    return hashlib.sha256(encoded).hexdigest()[:16]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourcePhotograph:
    """A photograph as found: its name in the source, its bytes, its landmark ("" if unknown)."""

    name: str
    encoded: bytes
    landmark: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skipped:
    """A photograph left out, and why."""

    name: str
    reason: str


class Source(Protocol):
    """A collection of photographs whose landmarks are known beforehand."""

    @property
    def fingerprint(self) -> str:
        """Differs when the photographs may have changed; "" where the settings decide them."""
        ...

    def __len__(self) -> int:
        """How many photographs there are."""
        ...

    @property
    def landmarks(self) -> tuple[str, ...]:
        """Names of the landmarks; the position of a name is its label."""
        ...

    def photographs(self, landmarks: Collection[str]) -> Iterator[SourcePhotograph | Skipped]:
        """The photographs of these landmarks, or why one cannot be had.

        Those of the landmark "" have none.
        """
        ...


class FolderSource:
    """A folder with one sub-folder a landmark, or one flat folder of unlabelled photographs.

    Photographs beside the sub-folders are unlabelled. Hidden files and folders are passed
    over; every other file is taken for a photograph until it fails to decode.

    Args:
        folder: The folder.

    Raises:
        FileNotFoundError: If it is no folder.
        ValueError: If it holds no files.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(
                f"--photos={folder} is no folder; name one that holds photographs, "
                "in a sub-folder for every landmark or all in one."
            )
        files = list(_files_below(folder, {folder.resolve()}))
        if not files:
            raise ValueError(
                f"--photos={folder} is empty; put photographs into it, "
                "in a sub-folder for every landmark or all in one."
            )
        self._folder = folder
        self._files: dict[str, list[Path]] = {}
        for file in files:
            inner = file.relative_to(folder).parts
            landmark = _as_text(inner[0]) if len(inner) > 1 else ""
            self._files.setdefault(landmark, []).append(file)

    @property
    def landmarks(self) -> tuple[str, ...]:
        """Names of the sub-folders, sorted."""
        return tuple(sorted(self._files.keys() - {""}))

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every file's name, size and time of change."""
        digest = hashlib.sha256()
        for file in itertools.chain.from_iterable(self._files.values()):
            state = file.stat() if file.exists() else file.lstat()
            name = self._name(file)
            digest.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())
        return digest.hexdigest()

    def __len__(self) -> int:
        return sum(len(files) for files in self._files.values())

    def photographs(self, landmarks: Collection[str]) -> Iterator[SourcePhotograph | Skipped]:
        """Reads the files of these landmarks, in name order."""
        for landmark in sorted(landmarks):
            for file in self._files.get(landmark, []):
                name = self._name(file)
                try:
                    encoded = file.read_bytes()
                except OSError as error:
                    yield Skipped(name=name, reason=f"cannot be read: {error.strerror}")
                    continue
                yield SourcePhotograph(name=name, encoded=encoded, landmark=landmark)

    def _name(self, file: Path) -> str:
        return _as_text(file.relative_to(self._folder).as_posix())


def _as_text(name: str) -> str:
    """A file's name in UTF-8, whatever its bytes are."""
    return os.fsencode(name).decode(errors="replace")


def _files_below(folder: Path, above: set[Path]) -> Iterator[Path]:
    """Files, in name order, but for hidden ones; links are followed, though not in circles.

    A link that leads nowhere, or a folder that cannot be read, counts as a file: it is then
    skipped by name.
    """
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
                yield from _files_below(path, above | {path.resolve()})
        elif path.is_file() or path.is_symlink():
            yield path


class CitySource:
    """The synthetic city; its street scenes have no landmark."""

    def __init__(self, settings: CitySettings) -> None:
        self._settings = settings

    @property
    def landmarks(self) -> tuple[str, ...]:
        """Names of the landmarks, by number."""
        numbers = range(self._settings.landmarks)
        return tuple(landmark_name(self._settings, number) for number in numbers)

    @property
    def fingerprint(self) -> str:
        """Empty: the settings decide every photograph."""
        return ""

    def __len__(self) -> int:
        of_landmarks = self._settings.landmarks * self._settings.photographs_per_landmark
        return of_landmarks + self._settings.distractors

    def photographs(self, landmarks: Collection[str]) -> Iterator[SourcePhotograph]:
        """Renders these landmarks, and the streets where "" is among them."""
        numbers = [n for n, name in enumerate(self.landmarks) if name in landmarks]
        for photograph in render_city(self._settings, numbers, streets="" in landmarks):
            yield SourcePhotograph(
                name=f"{photograph.name}.jpg",
                encoded=photograph.encoded,
                landmark=photograph.landmark,
            )
