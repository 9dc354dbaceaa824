"""Triplets as an index into records: ``triplets.parquet`` beside the shards."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.progress import logger

FILE = "triplets.parquet"
ROLES = ("anchor", "positive", "negative")


def write_triplets(folder: Path, ids: np.ndarray) -> None:
    """Writes triplets.

    Args:
        folder: The records.
        ids: The ids of anchor, positive and negative, text ``(triplets, 3)``.
    """
    table = pa.table({role: ids[:, place].astype(str) for place, role in enumerate(ROLES)})
    pq.write_table(table, folder / FILE)


def read_triplets(folder: Path, ids: np.ndarray) -> np.ndarray:
    """The triplets whose three photographs are all among some records.

    Args:
        folder: The records.
        ids: The id of every record to look among, bytes ``(records,)``.

    Returns:
        Positions in ``ids`` of anchor, positive and negative, int64 ``(triplets, 3)``.

    Raises:
        FileNotFoundError: If the records came without triplets.
        ValueError: If no triplet is whole.
    """
    if not (folder / FILE).is_file():
        raise FileNotFoundError(
            f"{folder} came without triplets; learn from its labels with --batches=landmarks, or "
            "build records from Kaggle's triplets with `python -m pipeline.build_records "
            "--triplets='DIR/train*.tfrec' --output=DIR`."
        )
    table = pq.read_table(folder / FILE)
    order = np.argsort(ids, kind="stable")
    columns = [np.array(table[role].to_pylist(), bytes) for role in ROLES]
    places = [np.searchsorted(ids, column, sorter=order) for column in columns]
    numbers = np.stack([order[np.minimum(place, len(ids) - 1)] for place in places], axis=1)
    whole = (ids[numbers] == np.stack(columns, axis=1)).all(axis=1)
    if not whole.any():
        raise ValueError(f"None of the {len(table)} triplets of {folder} is whole in this split.")
    if not whole.all():
        logger.info(
            "%d of %d triplets have all their photographs in this split.", whole.sum(), len(table)
        )
    return numbers[whole]
