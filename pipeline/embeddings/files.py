"""Embeddings as files, in the layout that clip-retrieval and autofaiss read.

``img_emb/img_emb_<k>.npy`` holds the vectors of a shard, ``metadata/metadata_<k>.parquet`` a row
for each.
"""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.embeddings.data_sets import OF_SEVERAL, open_data_sets
from pipeline.embeddings.pairs import IN_A_FILE, MANIFEST, METADATA, Pairs

__all__ = ["IN_A_FILE", "MANIFEST", "METADATA", "OF_SEVERAL"]

VECTORS = Pairs(
    name="img_emb",
    what="vectors",
    whole="embeddings",
    elsewhere="--output",
    schema=METADATA,
    command="python -m pipeline.embed --model=exported/MODEL --records=tfrecords/NAME",
)
vectors_path, metadata_path = VECTORS.array_path, VECTORS.metadata_path
write_pair, write_rows = VECTORS.write_pair, VECTORS.write_rows
read_rows, read_entry, numbers_in = VECTORS.read_rows, VECTORS.read_entry, VECTORS.numbers_in
remove_pair, remove_all = VECTORS.remove_pair, VECTORS.remove_all
write_manifest, remove_manifest = VECTORS.write_manifest, VECTORS.remove_manifest
read_manifest = VECTORS.read_manifest

_BLOCK = 65_536  # vectors that are in memory together


@dataclasses.dataclass(frozen=True, kw_only=True)
class Embeddings:
    """Vectors and what they are of.

    Attributes:
        vectors: float32 ``(photographs, dim)``, unit length.
        metadata: A table of the schema ``OF_SEVERAL``, a row for every vector.
        model_fingerprint: Of the model that made them.
        shards: SHA-256 of every record file they are of, by data set.
        duplicates: Rows left out because an earlier one is of the same photograph.
    """

    vectors: np.ndarray
    metadata: pa.Table
    model_fingerprint: str
    shards: dict[str, list[str]]
    duplicates: int = 0

    @property
    def labels(self) -> np.ndarray:
        """int64 ``(photographs,)``, -1 where unknown."""
        return self.metadata["label"].to_numpy()


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredEmbeddings:
    """Embeddings whose vectors stay in their files until they are asked for.

    Attributes:
        metadata: See ``Embeddings``; likewise ``model_fingerprint``, ``shards``, ``duplicates``.
        pairs: Folder, number and rows of every pair of files.
        kept: int ``(photographs,)``, which of the pairs' rows the metadata is of, ascending.
    """

    metadata: pa.Table
    model_fingerprint: str
    shards: dict[str, list[str]]
    duplicates: int
    pairs: tuple[tuple[str, int, int], ...]
    kept: np.ndarray

    def __len__(self) -> int:
        return len(self.metadata)

    @functools.cached_property
    def dimension(self) -> int:
        """Of a vector."""
        return next(self._vectors()).shape[1]

    def blocks(self) -> Iterator[np.ndarray]:
        """The vectors in order, float32 ``(n, dim)`` of at most ``_BLOCK`` photographs each."""
        return self.take(np.arange(len(self)))

    def some(self, rows: np.ndarray) -> "StoredEmbeddings":
        """Those of some rows of the metadata, ascending."""
        table, kept = self.metadata.take(rows), self.kept[rows]
        return dataclasses.replace(self, metadata=table, kept=kept)

    def take(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """The vectors of some rows of the metadata, ascending, likewise in blocks."""
        wanted = self.kept[rows]
        start = 0
        for vectors in self._vectors():
            inside = wanted[np.searchsorted(wanted, start) :]
            inside = inside[: np.searchsorted(inside, start + len(vectors))] - start
            for block in range(0, len(inside), _BLOCK):
                yield vectors[inside[block : block + _BLOCK]].astype(np.float32)
            start += len(vectors)

    def _vectors(self) -> Iterator[np.ndarray]:
        for folder, number, rows in self.pairs:
            yield VECTORS.read_array(folder, number, rows)


def read_embeddings(folders: Sequence[str | Path]) -> Embeddings:
    """Reads embeddings of one model, of one data set or several, one after the other.

    Raises:
        FileNotFoundError: If a folder holds no finished embeddings.
        ValueError: If the folders were made by different models, or a file of another run.
    """
    stored = open_embeddings(folders)
    return Embeddings(
        vectors=np.concatenate([np.zeros((0, stored.dimension), np.float32), *stored.blocks()]),
        metadata=stored.metadata,
        model_fingerprint=stored.model_fingerprint,
        shards=stored.shards,
        duplicates=stored.duplicates,
    )


def open_embeddings(folders: Sequence[str | Path]) -> StoredEmbeddings:
    """Opens what ``read_embeddings`` reads, the vectors staying where they are.

    Labels and ids of different data sets are kept apart: see ``open_data_sets``.

    Raises:
        FileNotFoundError: If a folder holds no finished embeddings.
        ValueError: If the folders were made by different models, a file is of another run, or a
            data set has an id twice.
    """
    opened = open_data_sets(VECTORS, folders)
    return StoredEmbeddings(
        metadata=opened.metadata,
        model_fingerprint=opened.model_fingerprint,
        shards=opened.shards,
        duplicates=opened.duplicates,
        pairs=opened.pairs,
        kept=opened.kept,
    )
