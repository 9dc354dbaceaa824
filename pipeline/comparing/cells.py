"""The cells of a comparison as files in the models' folders: a row for every kind of index."""

import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline import manifest, model_folder
from pipeline.comparing import row as rows
from pipeline.comparing.row import Row
from pipeline.data import records as record_files
from pipeline.data.record_table import open_records
from pipeline.progress import logger

_FOLDER = "cells"
_EXTRACTION = "extraction.json"
_MILLISECONDS = "extraction_milliseconds"
_TIMED_PHOTOGRAPHS = 9
_MADE_BY = "python -m pipeline.compare"


def path_of(model: Path, kind: str) -> Path:
    """Where a cell lies."""
    return model / _FOLDER / f"{kind}.json"


def read(path: Path) -> Row | None:
    """A cell; None where there is none of this version."""
    if not path.is_file():
        return None
    try:
        return rows.as_row(manifest.read_json(path, _MADE_BY), str(path))
    except ValueError as error:
        logger.warning("%s", error)
        return None


def write(model: Path, row: Row) -> None:
    """Writes a cell."""
    manifest.write_json(path_of(model, row.index), dataclasses.asdict(row))


def of_model(model: Path) -> list[Row]:
    """All that a model has."""
    read_rows = map(read, sorted((model / _FOLDER).glob("*.json")))
    return [row for row in read_rows if row is not None]


def extraction_milliseconds(model: Path, records: Path) -> float:
    """Of describing some photographs one at a time, measured once a model and kept there."""
    path = model / _EXTRACTION
    if not path.is_file():
        measured = rows.extraction_milliseconds(model, _some_photographs(records))
        manifest.write_json(path, {_MILLISECONDS: measured})
    return float(manifest.read_json(path, _MADE_BY, _MILLISECONDS)[_MILLISECONDS])


def forget(model: Path, *kinds: str) -> None:
    """Removes cells, and what extraction took."""
    for path in (model / _EXTRACTION, *(path_of(model, kind) for kind in kinds)):
        manifest.remove(path)


def forget_all(model: Path) -> None:
    """Removes all cells, and what they were measured on; embeddings stay, a shard at a time."""
    for name in (_FOLDER, _EXTRACTION, model_folder.INDEXES, model_folder.METRICS):
        manifest.remove(model / name)


def _some_photographs(records: Path) -> list[bytes]:
    table = open_records(records)
    numbers = np.linspace(0, len(table) - 1, min(_TIMED_PHOTOGRAPHS, len(table))).astype(int)
    encoded = [tf.constant(table.files.read(number)) for number in numbers.tolist()]
    return [record_files.parse_photograph(one)["image/encoded"].numpy() for one in encoded]
