"""What every artefact says of itself: JSON beside the files, written whole or not at all."""

import contextlib
import dataclasses
import glob
import hashlib
import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_KINDS = ("part", "old")
# Settings that decide where, when and how something is made, not what it is.
_NOT_WHAT = (
    *("output", "overwrite", "mirror", "redownload", "download_to", "beam_runner", "beam_options"),
    *("max_damaged", "serve_in"),
)


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Has ``write`` fill a temporary sibling (a file or a folder), then renames it to ``path``.

    A reader sees the old content or the new, never half. A file replaces a file, a folder a
    folder; a link stays, and what it leads to is replaced. What a killed process of this machine
    left is cleared away.

    Raises:
        IsADirectoryError: If a file was written and a folder stands at ``path``.
        OSError: As ``write`` raised it, with the path where it named none: a full disk does not.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(path)
    temporary, old = (_sibling(path, kind, os.getpid()) for kind in _KINDS)
    try:
        write(temporary)
        if temporary.is_dir() and path.is_dir():
            path.rename(old)  # a folder that holds something cannot be replaced in one step
        elif path.is_dir():
            raise IsADirectoryError(f"{path} is a folder; name a file.")
        temporary.replace(path)
        remove(old)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        remove(temporary)


def _sibling(path: Path, kind: str, process: int | str) -> Path:
    return path.with_name(f".{path.name}.{kind}-{socket.gethostname()}-{process}")


def is_temporary(path: Path) -> bool:
    """Whether a path is one that ``write_atomically`` renames or removes in the end."""
    return re.fullmatch(rf"\..+\.({'|'.join(_KINDS)})-.+-\d+", path.name) is not None


def _clear_leftovers(path: Path) -> None:
    """Removes the temporary siblings of dead processes; puts an old folder back where none is.

    What cannot be removed, because it is somebody else's or just gone, is let be.
    """
    for kind in _KINDS:
        start = _sibling(path, kind, "").name
        for left_over in path.parent.glob(glob.escape(start) + "*"):
            process = left_over.name.removeprefix(start)
            if not process.isdecimal() or _is_running(int(process)):
                continue
            with contextlib.suppress(OSError):
                if kind == "old" and not path.exists():
                    left_over.rename(path)
                else:
                    remove(left_over)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # somebody else's; no process at all
        return True
    return process != os.getpid()


def remove(path: Path) -> None:
    """Removes a file, a folder or a link; does nothing where none stands."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file atomically, indented and in the order given."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def write(part: Path) -> None:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    write_atomically(path, write)


def read_json(path: Path, made_by: str, *keys: str) -> dict[str, Any]:
    """Reads a JSON object from a file.

    Args:
        path: The file.
        made_by: The command that makes it, for the error.
        keys: Some that it has.

    Raises:
        FileNotFoundError: Naming the command that makes the file.
        ValueError: If it is not a JSON object, or lacks a key.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; make it with `{made_by}`.")
    damaged = f"{path} is damaged; make it again with `{made_by}`."
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(damaged) from error
    if not isinstance(content, dict) or not content.keys() >= set(keys):
        raise ValueError(damaged)
    return content


def to_bytes(content: dict[str, Any]) -> bytes:
    """JSON in one line, to lie inside another file."""
    return json.dumps(content, ensure_ascii=False).encode()


def from_bytes(content: bytes) -> dict[str, Any]:
    """What ``to_bytes`` wrote."""
    return json.loads(content)


def fingerprint_files(folder: Path, paths: Iterable[Path]) -> str:
    """SHA-256 over the names (relative to ``folder``) and bytes of files, in name order."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def settings_as_json(settings: Any) -> dict[str, Any]:
    """A settings dataclass as JSON holds it: tuples as lists, paths as text.

    ``output``, ``overwrite`` and the like are left out: they do not decide what is made.
    """
    content = json.loads(json.dumps(dataclasses.asdict(settings), default=str))
    return {name: content[name] for name in content if name not in _NOT_WHAT}


def made_with(path: Path, settings: Any) -> bool:
    """Whether the manifest at ``path`` tells of an output that need not be made again.

    A stage writes its manifest last, so where it stands the output is whole.

    Args:
        path: The manifest.
        settings: The settings dataclass of the stage; with ``overwrite`` nothing need stay.

    Raises:
        ValueError: If the output was made with other settings, naming each difference.
    """
    if settings.overwrite or not path.is_file():
        return False
    before = read_json(path, "--overwrite").get("settings", {})
    now = settings_as_json(settings)
    differences = [
        f"{name} was {before.get(name)!r}, now {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    if differences:
        raise ValueError(
            f"{path.parent} was made with other settings ({'; '.join(differences)}); "
            "name another output, or pass --overwrite to make it anew."
        )
    return True
