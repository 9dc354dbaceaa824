"""Tars of photographs: checked whole, listed by their headers, never unpacked."""

import contextlib
import dataclasses
import hashlib
import os
import re
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.manifest import write_atomically

_MEMBER = re.compile(r"(?:.*/)?([0-9a-f]{16})\.jpg")


class BadTarError(Exception):
    """A tar that must not be used; the message says why."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TarMembers:
    """The photographs of a tar, in the order they lie in it.

    Attributes:
        ids: uint64 ``(photographs,)``, from the members' names.
        offsets: int64 ``(photographs,)``, where each begins in the tar, bytes.
        sizes: int64 ``(photographs,)``, bytes.
    """

    ids: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray


def checked_members(tar: Path, md5s: Sequence[str]) -> TarMembers:
    """Lists a tar's photographs once the tar has proved whole.

    Args:
        tar: The tar.
        md5s: What its MD5 may be; with none, only its structure is checked.

    Raises:
        BadTarError: If its MD5 is another, its headers do not lead to its end, or it holds no
            photographs.
    """
    try:
        if md5s and (found := _md5(tar)) not in md5s:
            raise BadTarError(f"its MD5 is {found}, published is {' or '.join(md5s)}")
        members = _walk(tar)
    except OSError as error:
        raise BadTarError(f"it cannot be read ({error.strerror or error})") from error
    if not len(members.ids):
        raise BadTarError("it holds no <16 hexadecimal digits>.jpg")
    return members


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _walk(tar: Path) -> TarMembers:
    found: list[tuple[int, int, int]] = []
    with tar.open("rb") as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for member in archive:
                    named = _MEMBER.fullmatch(member.name)
                    if named and member.isreg() and not member.issparse():
                        found.append((int(named[1], 16), member.offset_data, member.size))
                end = archive.offset
        except tarfile.TarError as error:
            raise BadTarError(f"it is cut short or no tar ({error})") from error
        _require_end(file.fileno(), end)
    ids, offsets, sizes = zip(*found, strict=True) if found else ((), (), ())
    return TarMembers(
        ids=np.array(ids, np.uint64),
        offsets=np.array(offsets, np.int64),
        sizes=np.array(sizes, np.int64),
    )


def _require_end(file: int, end: int) -> None:
    """Checks that the headers led to the block of zeros that closes a tar.

    ``tarfile`` also stops, without an error, at a damaged header and at the end of the file.
    """
    block = os.pread(file, tarfile.BLOCKSIZE, end)
    if not block:
        raise BadTarError(f"it is cut short, after {end:,} bytes")
    if block != tarfile.NUL * tarfile.BLOCKSIZE:
        raise BadTarError(f"its header at byte {end:,} is damaged")


class TarMemory:
    """Remembers which tars proved whole and what they hold, so that each is read only once.

    A tar is read again when its size, its time of change or its published MD5 has changed. A
    folder that cannot be written costs time only.

    Args:
        folder: Where to remember it; by default ``landmark-retrieval/tars`` in the user's cache
            folder (``$XDG_CACHE_HOME``, else ``~/.cache``).
    """

    def __init__(self, folder: Path | None = None) -> None:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self._folder = folder or caches / "landmark-retrieval" / "tars"

    def recall(self, tar: Path, md5s: Sequence[str]) -> TarMembers | None:
        """What ``remember`` was told of the tar as it is now; None if nothing."""
        try:
            # np.load would leave a damaged file open.
            with self._place(tar).open("rb") as file, np.load(file) as content:
                if str(content["state"]) != _state(tar, md5s):
                    return None
                return TarMembers(**{name: content[name] for name in _ARRAYS})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def remember(self, tar: Path, md5s: Sequence[str], members: TarMembers) -> None:
        """Notes that a tar is whole, and what it holds."""
        arrays = {name: getattr(members, name) for name in _ARRAYS}

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, state=np.array(_state(tar, md5s)), **arrays)

        with contextlib.suppress(OSError):
            write_atomically(self._place(tar), write)

    def _place(self, tar: Path) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(tar.resolve())).hexdigest()[:32]}.npz"


_ARRAYS = tuple(field.name for field in dataclasses.fields(TarMembers))


def _state(tar: Path, md5s: Sequence[str]) -> str:
    state = tar.stat()
    return f"{state.st_size} {state.st_mtime_ns} {' '.join(md5s)}"
