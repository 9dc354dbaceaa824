"""Where photographs come from before they are records."""

import dataclasses
import hashlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

from pipeline.data.synthetic_city import CitySettings, landmark_name, render_city


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourcePhotograph:
    """A photograph as found: its name in the source, its bytes, its landmark ("" if unknown)."""

    name: str
    encoded: bytes
    landmark: str

    @property
    def content_id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the bytes."""
        return hashlib.sha256(self.encoded).hexdigest()[:16]


class Source(Protocol):
    """A collection of photographs whose landmarks are known beforehand."""

    @property
    def landmarks(self) -> tuple[str, ...]:
        """Names of the landmarks; the position of a name is its label."""
        ...

    def photographs(self, landmarks: Collection[str]) -> Iterator[SourcePhotograph]:
        """The photographs of these landmarks; those of the landmark "" have none."""
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
        files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not _is_hidden(p, folder)]
        if not files:
            raise ValueError(
                f"--photos={folder} is empty; put photographs into it, "
                "in a sub-folder for every landmark or all in one."
            )
        self._folder = folder
        self._files: dict[str, list[Path]] = {}
        for file in files:
            inner = file.relative_to(folder).parts
            self._files.setdefault(inner[0] if len(inner) > 1 else "", []).append(file)

    @property
    def landmarks(self) -> tuple[str, ...]:
        """Names of the sub-folders, sorted."""
        return tuple(sorted(self._files.keys() - {""}))

    def photographs(self, landmarks: Collection[str]) -> Iterator[SourcePhotograph]:
        """Reads the files of these landmarks, in name order."""
        for landmark in sorted(landmarks):
            for file in self._files.get(landmark, []):
                name = file.relative_to(self._folder).as_posix()
                yield SourcePhotograph(name=name, encoded=file.read_bytes(), landmark=landmark)


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


class CitySource:
    """The synthetic city; its street scenes have no landmark."""

    def __init__(self, settings: CitySettings) -> None:
        self._settings = settings

    @property
    def landmarks(self) -> tuple[str, ...]:
        """Names of the landmarks, by number."""
        numbers = range(self._settings.landmarks)
        return tuple(landmark_name(self._settings, number) for number in numbers)

    def photographs(self, landmarks: Collection[str]) -> Iterator[SourcePhotograph]:
        """Renders these landmarks, and the streets where "" is among them."""
        numbers = [n for n, name in enumerate(self.landmarks) if name in landmarks]
        for photograph in render_city(self._settings, numbers, streets="" in landmarks):
            yield SourcePhotograph(
                name=f"{photograph.name}.jpg",
                encoded=photograph.encoded,
                landmark=photograph.landmark,
            )
