"""What lies beside records and goes with a copy of them, as far as it is true of that."""

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data import record_folder, triplet_table
from pipeline.progress import logger


def copy_triplets(source: Path, folder: Path, ids: np.ndarray) -> None:
    """Copies the triplets whose three photographs are all there; without one, nothing.

    Args:
        source: The folder of records.
        folder: That of the copy.
        ids: The id of every record of the copy, bytes ``(records,)``.
    """
    path = source / triplet_table.FILE
    if not path.is_file():
        return
    triplets = pq.read_table(path)
    columns = [np.array(triplets[role].to_pylist(), bytes) for role in triplet_table.ROLES]
    whole = np.logical_and.reduce([np.isin(column, ids) for column in columns])
    logger.info("%d of %d triplets have all their photographs here.", whole.sum(), len(whole))
    if whole.any():
        pq.write_table(triplets.filter(pa.array(whole)), folder / triplet_table.FILE)


def copy_landmarks(source: Path, folder: Path, labels: np.ndarray) -> None:
    """Copies what is told of the landmarks that are there.

    Args:
        source: The folder of records.
        folder: That of the copy.
        labels: The landmark of every record of the copy, int64 ``(records,)``.
    """
    path = source / record_folder.LANDMARKS
    if not path.is_file():
        return
    present = set(labels.tolist())
    with (
        path.open(newline="", encoding="utf-8") as file,
        (folder / path.name).open("w", newline="", encoding="utf-8") as copy,
    ):
        reader = csv.DictReader(file)
        writer = csv.DictWriter(copy, reader.fieldnames or [])
        writer.writeheader()
        writer.writerows(row for row in reader if int(row["label"]) in present)
