"""Changes to a collection behind Milvus, see ``milvus_collection`` for how they take effect."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.descriptions import Descriptions
from pipeline.index import generations, metric, milvus_expressions
from pipeline.index.change import CheckedChange
from pipeline.index.generations import Generation
from pipeline.index.milvus_collection import (
    BUILD_COMMAND,
    REMOVED,
    MilvusCollection,
    open_index,
    removed_keys,
)
from pipeline.index.milvus_index import MilvusIndex
from pipeline.index.milvus_table import MilvusTable


class MilvusChange(CheckedChange):
    """A change that is being made to a collection.

    Args:
        index: Of a collection of Milvus.
        described: The manifest that stands.
    """

    def __init__(self, index: MilvusIndex, described: dict[str, Any]) -> None:
        super().__init__(described)
        self._index = index
        self._table = index.table
        self._generation = described["generation"] + 1
        self._first_key = index.table.next_key
        self._removed = np.zeros(0, np.int64)
        self._count = described["photographs"]

    def remove(self, ids: Sequence[str]) -> None:
        """See ``Change``."""
        keys = np.unique(self.now().keys_of(ids))
        self._removed = np.concatenate([self._removed, keys])
        self._count -= len(keys)

    def _taken(self, vectors: Descriptions) -> np.ndarray:
        described = self._manifest
        return metric.checked(vectors, described["dimension"], described["metric"], "A vector")

    def now(self) -> MilvusCollection:
        """See ``Change``."""
        return MilvusCollection(
            self._index, self._manifest, self._generation, self._removed, self._count
        )

    def write(self, folder: Path) -> None:
        """Makes it the generation that is read, and deletes what was removed."""
        if self._table.next_key > self._first_key:
            self._table.flush()
        self.describe(photographs=self._count)
        self.describe(milvus={**self._manifest["milvus"], "next_key": self._table.next_key})
        generation = Generation(folder, self._manifest)
        if len(self._removed):
            generation.write(REMOVED, ".npy", lambda path: np.save(path, self._removed))
        generation.commit(self._manifest)
        _clear(folder, self._table)

    def _those_there(self, ids: pa.ChunkedArray) -> list[str]:
        return list(self.now().those_there(ids.to_pylist()))

    def _append(self, vectors: np.ndarray, photographs: pa.Table) -> None:
        self._table.add(vectors, photographs, self._generation)
        self._count += len(vectors)


@contextlib.contextmanager
def changing(folder: Path) -> Iterator[MilvusChange]:
    """Changes a collection: what the block did takes effect as a whole, when it ends well.

    Raises:
        FileNotFoundError: If the folder holds none, or the database does not have it.
        ConnectionError: If the server does not answer.
        BlockingIOError: If another process is changing it, or has Milvus Lite's folder open.
    """
    generations.described(folder, BUILD_COMMAND)
    with generations.writing(folder):
        described = generations.described(folder, BUILD_COMMAND)
        index = open_index(folder, described)
        described = _clear(folder, index.table)
        change = MilvusChange(index, described)
        change.now().require_whole()
        try:
            yield change
        except BaseException:
            _clear(folder, index.table)
            raise
        change.write(folder)


def _clear(folder: Path, table: MilvusTable) -> dict[str, Any]:
    """Deletes from Milvus what the manifest does not tell of, whoever left it there.

    Returns:
        The manifest, which names no removed rows any more.
    """
    described = generations.described(folder, BUILD_COMMAND)
    table.delete_where(milvus_expressions.after(described["generation"]))
    removed = removed_keys(folder, described)
    if len(removed):
        table.delete(removed)
        generation = Generation(folder, described)
        generation.drop(REMOVED)
        generation.commit(described)
    return generations.described(folder, BUILD_COMMAND)
