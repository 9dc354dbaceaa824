"""Where the parts of a Google Landmarks v2 download lie, as people really have them."""

import dataclasses
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_TABLE_FOLDERS = (".", "metadata", "ground_truth")
_HEXADECIMAL = frozenset("0123456789abcdef")
_PHOTOGRAPH = re.compile(r"[0-9a-f]{16}\.jpg")
_MD5 = re.compile(rb"\s*([0-9a-fA-F]{32})\b")


@dataclasses.dataclass(frozen=True, kw_only=True)
class LandmarkTree:
    """One split of Google Landmarks v2, or of a Kaggle Landmark 2020 or 2021 set.

    Photographs lie unpacked in ``<split>/<a>/<b>/<c>/<id>.jpg``, where a, b and c are the first
    digits of the id, or in tars ``<split>/images_000.tar``; both also in ``images/<split>/``.
    Tables lie in the folder itself, in ``metadata`` or in ``ground_truth``. A folder made by
    the original download script holds photographs or tars themselves; those may be of any split,
    so they count where a table lists the split's photographs.

    Attributes:
        folder: The folder of the data set.
        split: train, index or test.
    """

    folder: Path
    split: str

    def table(self, name: str) -> Path | None:
        """Where a table lies; None if it is nowhere."""
        places = (self.folder / inside / name for inside in _TABLE_FOLDERS)
        return next((place for place in places if place.is_file()), None)

    @property
    def tables(self) -> list[Path]:
        """The split's tables."""
        places = [self.folder / inside for inside in _TABLE_FOLDERS]
        return [table for place in places for table in place.glob(f"{self.split}*.csv")]

    @property
    def own_folders(self) -> list[Path]:
        """The folders that are the split's own."""
        places = (self.folder / self.split, self.folder / "images" / self.split)
        return [place for place in places if place.is_dir()]

    @property
    def roots(self) -> list[Path]:
        """The folders that may hold tars, or photographs in sub-folders of one digit."""
        listed = self.split == "train" or self.table(f"{self.split}.csv") is not None
        return [*self.own_folders, *([self.folder] if listed else [])]

    @property
    def tars(self) -> list[Path]:
        """The tars, in the order of their numbers."""
        return [tar for root in self.roots for tar in sorted(root.glob("images_*.tar"))]

    def md5_files(self, tar: Path) -> list[Path]:
        """The files that may tell what a tar's MD5 should be.

        A tar in the split's own folder has one at most. Which split's another tar is remains
        unknown, so all that bear its number are given.
        """
        name = f"md5.{tar.stem}.txt"
        if tar.parent == self.folder:
            places = [*sorted(self.folder.glob("md5sum/*")), self.folder]
        else:
            above = (tar.parents[1], self.folder)
            places = [place / "md5sum" / self.split for place in above]
            places += [tar.parent, self.folder]
        files = [place / name for place in places if (place / name).is_file()]
        return files if tar.parent == self.folder else files[:1]

    def is_refetchable(self, tar: Path) -> bool:
        """Whether its path tells which of the published tars it is."""
        return tar.parent.name == self.split and re.fullmatch(r"images_\d{3}", tar.stem) is not None

    def name(self, path: Path) -> str:
        """A path relative to the folder, for messages."""
        return path.relative_to(self.folder).as_posix()

    @property
    def holds_photographs(self) -> bool:
        """Whether there are tars, or folders of unpacked photographs."""
        return bool(self.tars) or any(
            next(_numbered_folders(root, 1), None) is not None for root in self.roots
        )

    def fingerprint(self) -> str:
        """SHA-256 over names, sizes and times of change of photographs, tars and tables."""
        digest = hashlib.sha256()
        tars = self.tars
        files = [*tars, *(md5 for tar in tars for md5 in self.md5_files(tar)), *self.tables]
        for file in sorted(set(files)):
            _add(digest, self.name(file), file.stat())
        for root in self.roots:
            for folder in _numbered_folders(root, 3):
                _add(digest, self.name(folder), folder.stat())
                with os.scandir(folder) as entries:
                    for entry in sorted(entries, key=lambda entry: entry.name):
                        _add(digest, entry.name, entry.stat(follow_symlinks=False))
        return digest.hexdigest()


def _add(digest: "hashlib._Hash", name: str, state: os.stat_result) -> None:
    digest.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\0".encode())


def _numbered_folders(folder: Path, depth: int) -> Iterator[Path]:
    """Sub-folders named by one hexadecimal digit, so many levels down, in order."""
    if depth == 0:
        yield folder
        return
    for name in sorted(_HEXADECIMAL.intersection(os.listdir(folder))):
        if (folder / name).is_dir():
            yield from _numbered_folders(folder / name, depth - 1)


def unpacked_ids(root: Path) -> np.ndarray:
    """Ids of the photographs below a folder, ascending, uint64 ``(photographs,)``."""
    found = [np.empty(0, np.uint64)]
    for folder in _numbered_folders(root, 3):
        names = [name for name in os.listdir(folder) if _PHOTOGRAPH.fullmatch(name)]
        found.append(np.array([int(name[:16], 16) for name in names], np.uint64))
    return np.sort(np.concatenate(found))


def photograph_path(photograph_id: str) -> str:
    """``0/1/2/0123456789abcdef.jpg``, where a photograph lies below its root."""
    return "/".join((*photograph_id[:3], f"{photograph_id}.jpg"))


def published_md5(path: Path) -> str | None:
    """The hash of an md5 file, ``<hash>  <file>``; None where it holds none."""
    found = _MD5.match(path.read_bytes()[:200])
    return None if found is None else found[1].decode().lower()
