"""What every query found first, and scored: ``metrics/queries/NAME.parquet``."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import manifest
from pipeline.scoring.query_scores import QueryScores
from pipeline.scoring.scored_index import ScoredIndex
from pipeline.stored_photograph import StoredPhotograph

FOLDER = "queries"  # beside the results
SHOWN = 10  # results of each query that are kept
PHOTOGRAPH = [field.name for field in dataclasses.fields(StoredPhotograph)]  # columns


class Found:
    """The first results of every query, taken some queries at a time.

    Args:
        queries: How many there are.
        most: How many results of each are kept.
    """

    def __init__(self, queries: int, most: int = SHOWN) -> None:
        self._keys = np.full((queries, most), -1, np.int64)
        self._is_right = np.zeros((queries, most), bool)

    def put(self, queries: np.ndarray, keys: np.ndarray, is_right: np.ndarray) -> None:
        """Takes what some queries found, best first, and which of it is right."""
        kept = min(self._keys.shape[1], keys.shape[1])
        self._keys[queries, :kept] = keys[:, :kept]
        self._is_right[queries, :kept] = is_right[:, :kept]

    def ids(self, index: ScoredIndex, most: int) -> list[list[str]]:
        """The ids of the first results of every query, at most so many of each."""
        ids = np.full(index.keys.max() + 2, "", object)
        ids[index.keys] = index.stored.metadata["id"].to_pylist()
        keys = self._keys[:, :most]
        return [row[there].tolist() for row, there in zip(ids[keys], keys >= 0, strict=True)]

    def table(self, index: ScoredIndex) -> pa.Table:
        """A row a query: ``found``, ids of the first results, and which are ``right``."""
        right = [
            row[there].tolist()
            for row, there in zip(
                self._is_right[:, :SHOWN], self._keys[:, :SHOWN] >= 0, strict=True
            )
        ]
        return pa.table({"found": self.ids(index, SHOWN), "right": right})


def write(path: Path, asking: pa.Table, scores: QueryScores, found: pa.Table) -> None:
    """Writes a row for every query.

    Args:
        path: The file.
        asking: Metadata of those that ask, of which what tells of a photograph and where it lies
            is kept: they need not be in the index.
        scores: Of every query.
        found: As ``Found.table`` gives it.
    """
    table = asking.select(PHOTOGRAPH)
    for more in (scores.table(), found):
        for name in more.column_names:
            table = table.append_column(name, more[name])
    manifest.write_atomically(path, lambda part: pq.write_table(table, part))


def path_of(result: Path) -> Path:
    """Where the queries of a result, ``metrics/NAME.json``, are told."""
    return result.parent / FOLDER / f"{result.stem}.parquet"
