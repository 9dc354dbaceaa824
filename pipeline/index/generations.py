"""Files that change together: a reader sees those of one generation, never some of each.

The folder's ``manifest.json`` names its files, each with the generation that wrote it:
``index-3.faiss``. A new generation is written beside the old one, and takes its place when the
manifest is replaced. Whoever has the old files open goes on reading them.
"""

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import filelock

from pipeline import manifest

MANIFEST = "manifest.json"
_LOCK = ".writing.lock"
_ATTEMPTS = 5  # to open what is changed meanwhile
_OWN_FILE = re.compile(r"\w+-(\d+)\.\w+")
_SCRATCH = ".scratch"
_SAMPLES, _SAMPLE_BYTES = 64, 4096  # of a file, by which it is known again
_KEYS = ("generation", "files", "kind", "metric", "dimension", "model_fingerprint")

Opened = TypeVar("Opened")


class Generation:
    """The next generation of a folder, being written.

    Args:
        folder: The folder; nobody else writes into it meanwhile.
        before: The manifest that stands, empty if none.

    Attributes:
        number: One more than that one's.
    """

    def __init__(self, folder: Path, before: dict[str, Any]) -> None:
        self._folder = folder
        self.number = before.get("generation", 0) + 1
        self._files: dict[str, dict[str, Any]] = dict(before.get("files", {}))

    def write(self, name: str, suffix: str, write: Callable[[Path], None]) -> None:
        """Has ``write`` fill a file that takes the place of the one by that name."""
        path = self._folder / f"{name}-{self.number}{suffix}"
        write(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        self._files[name] = {
            "file": path.name, "bytes": path.stat().st_size, "samples": _sampled(path),
        }  # fmt: skip

    def drop(self, name: str) -> None:
        """Leaves a file out, if there is one by that name."""
        self._files.pop(name, None)

    def commit(self, described: dict[str, Any]) -> None:
        """Makes it the generation that is read.

        Args:
            described: What the manifest says besides.
        """
        content = {**described, "generation": self.number, "files": self._files}
        manifest.write_json(self._folder / MANIFEST, content)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Keeps other writers out of a folder, which is made if need be.

    In the end, files that no generation reads are removed, those of a killed writer among them.

    Yields:
        A folder within it for what is not to stay.

    Raises:
        BlockingIOError: If another process writes into it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / _LOCK, timeout=0):
            try:
                _clear(folder)
                (folder / _SCRATCH).mkdir()
                yield folder / _SCRATCH
            except OSError as error:
                if error.errno is None:
                    raise
                raise type(error)(
                    error.errno,
                    f"{error.strerror}; what {folder} holds is as it was. Mend that, then run "
                    "this again",
                    error.filename,
                ) from error
            finally:
                _clear(folder)
    except filelock.Timeout as error:
        raise BlockingIOError(
            f"Another process is changing {folder}; nothing was changed here. Run this again when "
            "it has ended."
        ) from error


def described(folder: Path, made_by: str) -> dict[str, Any]:
    """What the manifest of a folder says.

    Args:
        folder: The folder.
        made_by: The command that fills it, for the error.

    Raises:
        FileNotFoundError: If it holds nothing.
        ValueError: If it is damaged, or of an earlier version.
    """
    return manifest.read_json(folder / MANIFEST, made_by, *_KEYS)


def standing(folder: Path) -> dict[str, Any]:
    """The manifest of a folder that is to be written over; of a damaged one, what is still known.

    That is the number of its generation, so that none of its files is taken for a new one.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        return described(folder, "")
    except ValueError:
        numbers = [int(match[1]) for match in map(_own_file, folder.iterdir()) if match]
        return {"generation": max(numbers, default=0)}


def _own_file(path: Path) -> re.Match[str] | None:
    return _OWN_FILE.fullmatch(path.name)


def _clear(folder: Path) -> None:
    """Removes what the manifest does not name: of earlier generations, or half written.

    Beside a damaged manifest nothing is removed.
    """
    shutil.rmtree(folder / _SCRATCH, ignore_errors=True)
    content = standing(folder)
    if content and "files" not in content:
        return
    kept = {entry["file"] for entry in content.get("files", {}).values()}
    for other in folder.iterdir():
        if _own_file(other) and other.name not in kept:
            other.unlink(missing_ok=True)


def paths(folder: Path, described: dict[str, Any]) -> dict[str, Path]:
    """Where the files of a generation lie, by name.

    Raises:
        FileNotFoundError: If one is gone.
        ValueError: If one is not what was written: as long, and the same in some places.
    """
    found = {}
    for name, entry in described["files"].items():
        path = folder / entry["file"]
        size = path.stat().st_size
        if size != entry["bytes"]:
            wrong = f"damaged: it has {size:,} bytes, {entry['bytes']:,} were written"
        elif _sampled(path) != entry.get("samples"):
            wrong = "damaged or another's: it holds other bytes than were written"
        else:
            found[name] = path
            continue
        raise ValueError(
            f"{path} is {wrong}. Copy it back, or build it again with `python -m "
            "pipeline.build_index --overwrite`."
        )
    return found


def _sampled(path: Path) -> str:
    """A hash of some of a file's bytes, which takes as long for a file of any size."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        last = max(0, path.stat().st_size - _SAMPLE_BYTES)
        for place in range(_SAMPLES):
            file.seek(last * place // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def read(folder: Path, made_by: str, opened: Callable[[Path, dict[str, Any]], Opened]) -> Opened:
    """Opens what a folder holds, again where a writer has replaced it meanwhile.

    Args:
        folder: The folder.
        made_by: The command that fills it, for the error.
        opened: Opens what a manifest tells of.

    Raises:
        FileNotFoundError: If the folder holds nothing, or a part of it is gone.
    """
    for attempt in range(_ATTEMPTS):
        content = described(folder, made_by)
        try:
            return opened(folder, content)
        except FileNotFoundError:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")
