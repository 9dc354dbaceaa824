"""What a compared model was made of, and what it has searched, by content: no path decides.

A copy of the same records or weights elsewhere, or a path that is written otherwise, keeps the
model and its rows.
"""

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import manifest, model_folder
from pipeline.data.record_table import open_records
from pipeline.exporting import delf_hub

FILE = "comparison.json"  # in a model's folder
SEARCHED = "searched.json"  # likewise
_MADE_BY = "python -m pipeline.compare"
IMAGENET, RANDOM = "imagenet", "none"


def of_records(folder: Path) -> list[str]:
    """The fingerprints of the shards; of no shard's name."""
    return list(open_records(folder).fingerprints)


@functools.cache
def of_weights(weights: str) -> str:
    """Where a backbone starts: ``imagenet`` or ``none`` as they are, of a file its SHA-256.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if weights in (IMAGENET, RANDOM):
        return weights
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file of weights; pass {IMAGENET}, {RANDOM} or one.")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def of_delf(handle: str) -> str:
    """TF-Hub's handle as it is, of a folder the fingerprint of its files."""
    folder = delf_hub.local_folder(handle)
    if folder is None:
        return handle
    return manifest.fingerprint_files(folder, (one for one in folder.rglob("*") if one.is_file()))


def is_of(folder: Path, decided: dict[str, Any]) -> bool:
    """Whether a model's folder was begun with just that."""
    path = folder / FILE
    return path.is_file() and manifest.read_json(path, _MADE_BY) == decided


def has_searched(folder: Path, records: Sequence[Path]) -> bool:
    """Whether the cells in a model's folder are of just these record folders, in this order."""
    path = folder / SEARCHED
    return path.is_file() and manifest.read_json(path, _MADE_BY) == _told(records)


def write_searched(folder: Path, records: Sequence[Path]) -> None:
    """Says of which record folders the cells in a model's folder are from now on."""
    manifest.write_json(folder / SEARCHED, _told(records))


def _told(records: Sequence[Path]) -> dict[str, Any]:
    return {"searched": [of_records(one) for one in records]}


def is_finished(folder: Path) -> bool:
    """Whether the model is there: stages write what tells of it last."""
    return (folder / model_folder.MODEL_FILE).is_file()
