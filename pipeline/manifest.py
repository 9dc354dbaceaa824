"""What every artefact says of itself: JSON beside the files, written whole or not at all."""

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_BEGUN = "settings.json"


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Has ``write`` fill a temporary sibling (a file or a folder), then renames it to ``path``.

    A reader sees the old content or the new, never half. A folder replaces the folder that
    stands there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        write(temporary)
        if path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    finally:
        remove(temporary)


def remove(path: Path) -> None:
    """Removes a file or a folder; does nothing where neither stands."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file atomically, indented and in the order given."""
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def read_json(path: Path, made_by: str) -> dict[str, Any]:
    """Reads a JSON file.

    Args:
        path: The file.
        made_by: The command that makes it, for the error.

    Raises:
        FileNotFoundError: Naming the command that makes the file.
        ValueError: If it is not JSON.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; make it with `{made_by}`.")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged; make it again with `{made_by}`.") from error


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
    """A settings dataclass as JSON holds it: tuples as lists, ``overwrite`` left out."""
    content = json.loads(json.dumps(dataclasses.asdict(settings)))
    content.pop("overwrite", None)
    return content


def is_finished(output: Path, manifest_name: str, settings: Any) -> bool:
    """Whether a stage has already made ``output`` with these settings.

    The manifest is written last, so where it stands the output is whole. What an interrupted
    run left, it can go on with; ``begin`` has noted that run's settings. With
    ``settings.overwrite`` either is removed.

    Raises:
        ValueError: If the output was made, or begun, with other settings, naming each
            difference.
    """
    noted = [path for path in (output / manifest_name, output / _BEGUN) if path.is_file()]
    if noted and settings.overwrite:
        remove(output)
        return False
    if not noted:
        return False
    made_with = read_json(noted[0], "the stage with --overwrite").get("settings", {})
    wanted = settings_as_json(settings)
    differences = [
        f"{name} was {made_with.get(name)!r}, now {wanted.get(name)!r}"
        for name in sorted(made_with.keys() | wanted.keys())
        if made_with.get(name) != wanted.get(name)
    ]
    if differences:
        raise ValueError(
            f"{output} was made with other settings ({'; '.join(differences)}); "
            "name another output, or pass --overwrite to make it anew."
        )
    return noted[0].name == manifest_name


def begin(output: Path, settings: Any) -> None:
    """Notes the settings of a run that writes its output bit by bit, before anything else."""
    write_json(output / _BEGUN, {"settings": settings_as_json(settings)})
