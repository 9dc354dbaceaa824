"""What a model that is compared was made of, by content: a path decides nothing.

A copy of the same records or weights elsewhere, or a path that is written otherwise, keeps the
model and its rows.
"""

import functools
import hashlib
from pathlib import Path
from typing import Any

from pipeline import manifest, model_folder
from pipeline.data.record_table import open_records
from pipeline.exporting import delf_hub

FILE = "comparison.json"  # in a model's folder
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
    return path.is_file() and manifest.read_json(path, "python -m pipeline.compare") == decided


def is_finished(folder: Path) -> bool:
    """Whether the model is there: stages write what tells of it last."""
    return (folder / model_folder.MODEL_FILE).is_file()
