"""Folders of photographs that somebody sent or chose, for ``python -m pipeline.embed --photos``."""

import os
import re
import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from demo.refusals import NotFound, Refused
from demo.texts import Collections
from pipeline import manifest
from pipeline.data.sources.folder import files_below
from pipeline.data.stripping import stripped

_TOLD = ".collection.json"  # hidden, so that no stage takes it for a photograph
_MOST_LETTERS = 80  # of a name
_UNSAFE = re.compile(r"[^\w .,'()+&-]")
_SUFFIXES = {b"\xff": ".jpg", b"\x89": ".png"}  # by the first byte of what ``stripped`` gives
_TOKEN = re.compile(r"[\w-]{24}", re.ASCII)
_HOURS = 24.0  # after which what was sent and not made a collection is removed


class PhotographFolder:
    """The photographs of a collection: files that were sent, and links to those of a folder here.

    A link takes no room, and removing it leaves the photograph where it is.

    Args:
        folder: Where they are; made when the first comes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def put(self, encoded: bytes, name: str, landmark: str = "") -> Path:
        """Stores a photograph without its position; once, however often it is sent.

        Args:
            encoded: Its file.
            name: What the file was called; only letters, digits and the like are kept of it.
            landmark: What it shows, the name of its sub-folder; "" where unknown.

        Raises:
            ValueError: If it is no photograph, or damaged.
        """
        content = stripped(encoded)
        stem = Path(safe_name(name)).stem or Collections.NAMELESS
        into = self.folder / safe_name(landmark) if safe_name(landmark) else self.folder
        with self._lock:
            path = _free(into, stem, _SUFFIXES[content[:1]], lambda: content)
            if not path.exists():
                manifest.write_atomically(path, lambda part: part.write_bytes(content))
        return path

    def link(self, source: Path, within: Path) -> int:
        """Links the photographs of a folder that are not linked yet, nor were removed.

        Args:
            source: The folder.
            within: The folder that is allowed; links that lead out of it are not followed.

        Returns:
            How many there are new.
        """
        self.remember(source=str(source))
        removed = set(self.told()["removed"])
        new = 0
        for file in files_below(source):
            inner = file.relative_to(source)
            path = self.folder / inner
            is_out = not file.resolve().is_relative_to(within.resolve())
            if is_out or inner.as_posix() in removed or os.path.lexists(path):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(file.absolute())
            new += 1
        return new

    def take(self, other: "PhotographFolder") -> int:
        """Takes the photographs of another folder, which is removed.

        Returns:
            How many there were.
        """
        files = list(other.files())
        if not self.folder.exists():
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            other.folder.replace(self.folder)
            return len(files)
        for file in files:
            inner = file.relative_to(other.folder)
            into = self.folder / inner.parent
            with self._lock:
                path = _free(into, inner.stem, inner.suffix, file.read_bytes)
                path.parent.mkdir(parents=True, exist_ok=True)
                file.replace(path)
        manifest.remove(other.folder)
        return len(files)

    def remove(self, paths: list[Path]) -> None:
        """Removes photographs; those that are none of this folder's are left alone."""
        own = [path for path in paths if _is_below(path, self.folder)]
        inner = [path.relative_to(self.folder).as_posix() for path in own]
        self.remember(removed=sorted({*self.told()["removed"], *inner}))
        for path in own:
            path.unlink(missing_ok=True)

    def files(self) -> Iterator[Path]:
        """All of them, in order."""
        return files_below(self.folder) if self.folder.is_dir() else iter(())

    def told(self) -> dict[str, Any]:
        """What is remembered: ``source``, where photographs were linked from, and ``removed``."""
        path = self.folder / _TOLD
        told = manifest.read_json(path, "the page") if path.is_file() else {}
        return {"source": "", "removed": [], **told}

    def remember(self, **entries: object) -> None:
        """Adds to what is remembered."""
        manifest.write_json(self.folder / _TOLD, {**self.told(), **entries})


class Baskets:
    """What users have sent and not yet made a collection of, each under a token of its own.

    Args:
        folder: Where they are.
        most: Photographs in one.
        baskets: At a time.
        bytes: Of all that was sent since the server was started and is not a collection yet.
        free: Bytes that are left free on the disk.
    """

    def __init__(
        self,
        folder: Path,
        most: int,
        *,
        baskets: int = 100,
        bytes: int = 100_000_000_000,
        free: int = 2_000_000_000,
    ) -> None:
        self._folder = folder
        self._most = most
        self._most_baskets = baskets
        self._most_bytes = bytes
        self._free = free
        self._bytes: Counter[str] = Counter()
        self._opened: dict[str, PhotographFolder] = {}
        self._held: dict[str, set[Path]] = {}  # so that no folder is listed for every photograph

    def open(self) -> str:
        """A new one's token; what was left a day ago is removed.

        Raises:
            Refused: If there are too many.
        """
        for path in self._folder.glob("*"):
            if time.time() - path.stat().st_mtime > 3600 * _HOURS:
                manifest.remove(path)
        if sum(1 for _ in self._folder.glob("*")) >= self._most_baskets:
            raise Refused(Collections.NO_ROOM)
        token = secrets.token_urlsafe(18)
        (self._folder / token).mkdir(parents=True)
        return token

    def __contains__(self, token: str) -> bool:
        """Whether there is a basket of a token."""
        return _TOKEN.fullmatch(token) is not None and (self._folder / token).is_dir()

    def of(self, token: str) -> PhotographFolder:
        """The basket of a token.

        Raises:
            NotFound: If there is none, or no more.
        """
        if token not in self:
            raise NotFound(Collections.NO_BASKET)
        return self._opened.setdefault(token, PhotographFolder(self._folder / token))

    def put(self, token: str, encoded: bytes, name: str, landmark: str) -> int:
        """Adds a photograph to a basket.

        Returns:
            How many it holds now.

        Raises:
            Refused: If there is no such basket, or it or the disk is full.
            ValueError: If this is no photograph.
        """
        basket = self.of(token)
        held = self._held.setdefault(token, set(basket.files()))
        if len(held) >= self._most:
            raise Refused(Collections.too_many(self._most))
        for gone in [one for one in list(self._bytes) if one not in self]:
            self._bytes.pop(gone, None)  # a collection by now, or removed
        is_full = self._bytes.total() + len(encoded) > self._most_bytes
        if is_full or shutil.disk_usage(basket.folder).free < self._free + len(encoded):
            raise Refused(Collections.NO_ROOM)
        held.add(basket.put(encoded, name, landmark))
        self._bytes[token] += len(encoded)
        return len(held)

    def remove(self, token: str) -> None:
        """Removes a basket with what is in it."""
        shutil.rmtree(self.of(token).folder, ignore_errors=True)
        self._opened.pop(token, None)
        self._held.pop(token, None)


def safe_name(name: str) -> str:
    """A name that can be a file's, without a folder in it, and is not hidden; "" of nothing."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return _UNSAFE.sub("_", last).strip(" .")[:_MOST_LETTERS]


def _free(into: Path, stem: str, suffix: str, content: Callable[[], bytes]) -> Path:
    """A path that nothing is at, or this very content, which is read where something is."""
    path, number = into / f"{stem}{suffix}", 2
    while os.path.lexists(path) and not (path.is_file() and path.read_bytes() == content()):
        path, number = into / f"{stem}-{number}{suffix}", number + 1
    return path


def _is_below(path: Path, folder: Path) -> bool:
    """As it is written, no link being followed: a link's own place counts."""
    return Path(os.path.normpath(path)).is_relative_to(folder)
