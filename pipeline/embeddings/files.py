"""Embeddings as files, in the layout that clip-retrieval and autofaiss read.

``img_emb/img_emb_<k>.npy`` holds the vectors of a shard, ``metadata/metadata_<k>.parquet`` a row
for each. Models of visual words have other files, see ``bag_files``, and are read alike.
"""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import descriptions
from pipeline.embeddings.bag_files import BAGS, bags_of
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

_SPARSE = "is_sparse"  # entry of models and embeddings that are bags of words
_BLOCK = 65_536  # vectors that are in memory together


@dataclasses.dataclass(frozen=True, kw_only=True)
class Embeddings:
    """Vectors and what they are of.

    Attributes:
        vectors: float32 ``(photographs, dim)``, unit length; or as many ``Bags`` of words.
        metadata: A table of the schema ``OF_SEVERAL``, a row for every vector.
        model_fingerprint: Of the model that made them.
        shards: SHA-256 of every record file they are of, by data set.
        duplicates: Rows left out because an earlier one is of the same photograph.
    """

    vectors: Any
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
        pairs: Folder, number and elements of every pair of files.
        kept: int ``(photographs,)``, which of the pairs' rows the metadata is of, ascending.
        counts: int ``(rows,)``, how many words each row has, an array a pair; None for vectors.
        words: How many there are; 0 for vectors.
    """

    metadata: pa.Table
    model_fingerprint: str
    shards: dict[str, list[str]]
    duplicates: int
    pairs: tuple[tuple[str, int, int], ...]
    kept: np.ndarray
    counts: tuple[np.ndarray, ...] | None = None
    words: int = 0

    def __len__(self) -> int:
        return len(self.metadata)

    @functools.cached_property
    def dimension(self) -> int:
        """Of a vector."""
        return next(self._vectors()).shape[1]

    @property
    def is_sparse(self) -> bool:
        """Whether photographs are described by bags of words."""
        return self.counts is not None

    def none(self) -> Any:
        """What ``blocks`` gives, of no photographs."""
        nothing = next(self._vectors())[:0]
        return nothing if self.is_sparse else nothing.astype(np.float32)

    def blocks(self) -> Iterator[Any]:
        """The vectors in order, float32 ``(n, dim)`` of at most ``_BLOCK`` photographs each.

        Or as many ``Bags`` of words.
        """
        return self.take(np.arange(len(self)))

    def some(self, rows: np.ndarray) -> "StoredEmbeddings":
        """Those of some rows of the metadata, ascending."""
        table, kept = self.metadata.take(rows), self.kept[rows]
        return dataclasses.replace(self, metadata=table, kept=kept)

    def take(self, rows: np.ndarray) -> Iterator[Any]:
        """The vectors of some rows of the metadata, ascending, likewise in blocks."""
        wanted = self.kept[rows]
        start = 0
        for vectors in self._vectors():
            inside = wanted[np.searchsorted(wanted, start) :]
            inside = inside[: np.searchsorted(inside, start + len(vectors))] - start
            for block in range(0, len(inside), _BLOCK):
                part = vectors[inside[block : block + _BLOCK]]
                yield part if self.is_sparse else part.astype(np.float32)
            start += len(vectors)

    def _vectors(self) -> Iterator[Any]:
        if self.counts is None:
            for folder, number, rows in self.pairs:
                yield VECTORS.read_array(folder, number, rows)
            return
        for pair, counts in zip(self.pairs, self.counts, strict=True):
            yield bags_of(BAGS.read_array(*pair), counts, self.words)


def layout_of(described: dict[str, Any]) -> Pairs:
    """The files of a model's embeddings.

    Args:
        described: The model's ``model.json``, or the embeddings' manifest.
    """
    return BAGS if described.get(_SPARSE) else VECTORS


def told_of(described: dict[str, Any]) -> dict[str, Any]:
    """What the manifest of embeddings says of their files.

    Args:
        described: The model's ``model.json``.
    """
    return {_SPARSE: True} if described.get(_SPARSE) else {}


def read_embeddings(folders: Sequence[str | Path]) -> Embeddings:
    """Reads embeddings of one model, of one data set or several, one after the other.

    Raises:
        FileNotFoundError: If a folder holds no finished embeddings.
        ValueError: If the folders were made by different models, or a file of another run.
    """
    stored = open_embeddings(folders)
    return Embeddings(
        vectors=descriptions.concatenate([stored.none(), *stored.blocks()]),
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
    described = [read_manifest(folder) for folder in folders]
    layouts = [layout_of(one) for one in described]
    is_sparse = layouts[0] is BAGS
    opened = open_data_sets(layouts[0], folders)
    return StoredEmbeddings(
        metadata=opened.metadata.select(OF_SEVERAL.names),
        model_fingerprint=opened.model_fingerprint,
        shards=opened.shards,
        duplicates=opened.duplicates,
        pairs=opened.pairs,
        kept=opened.kept,
        counts=opened.counts if is_sparse else None,
        words=described[0]["dimension"] if is_sparse else 0,
    )
