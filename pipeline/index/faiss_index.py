"""Faiss indexes over unit vectors.

All compare by Euclidean distance, which ranks unit vectors as the cosine does
(``d^2 = 2 - 2 cos``), because Faiss's locality-sensitive hashing knows no inner product.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import faiss
import numpy as np

IndexKind = Literal["flat", "ivf", "lsh", "pq"]
KINDS: tuple[IndexKind, ...] = get_args(IndexKind)

# Measured on 78,480 descriptors of Google Landmarks v1, 256 dimensions, recall@10 against
# exact search: 8 bits a dimension .77, 4 bits .69 (hashing); on 2,356 of them, 2 dimensions
# a code .91, 4 dimensions .76 (product quantisation).
_BITS_PER_DIMENSION = 8
_DIMENSIONS_PER_CODE = 2
_LEAST_BITS = 3  # of a code; Faiss's tables for 2 dimensions a code take centroids by eights
# With fewer a centroid holds one vector; more cost training time and gain no recall.
_LEAST_POINTS_PER_CENTROID = 2
_MOST_POINTS_PER_CENTROID = 64


def fewest_vectors(kind: str) -> int:
    """How many vectors an index of this kind needs to be built."""
    return _LEAST_POINTS_PER_CENTROID * 2**_LEAST_BITS if kind == "pq" else 1


class FaissIndex:
    """A Faiss index behind the interface of ``VectorIndex``.

    Args:
        index: The Faiss index.
        kind: One of ``KINDS``.
    """

    def __init__(self, index: Any, kind: str) -> None:
        self.kind = kind
        self._index = index

    @classmethod
    def build(cls, kind: str, vectors: np.ndarray) -> "FaissIndex":
        """Trains an index on vectors and adds them, in their order.

        Args:
            kind: One of ``KINDS``.
            vectors: float32 ``(n, dim)``, unit length.

        Raises:
            ValueError: For another kind, or vectors that are none, not finite or not of unit
                length.
        """
        if kind not in KINDS:
            raise ValueError(f"An index is one of {', '.join(KINDS)}. Received: {kind}.")
        lengths = np.linalg.norm(vectors, axis=1)
        if not len(vectors) or not np.allclose(lengths, 1.0, atol=1e-3):
            raise ValueError(
                f"An index takes vectors of unit length. Received: {len(vectors)} vectors, "
                f"lengths {lengths.min(initial=np.inf):.3g} to {lengths.max(initial=0):.3g}."
            )
        index = _EMPTY[kind](*vectors.shape)
        index.train(vectors)
        index.add(vectors)
        return cls(index, kind)

    @classmethod
    def load(cls, path: Path, kind: str) -> "FaissIndex":
        """Reads an index from its file.

        Raises:
            ValueError: If the file is no Faiss index.
        """
        try:
            return cls(faiss.read_index(str(path)), kind)
        except RuntimeError as error:
            raise ValueError(
                f"{path} is damaged; build it again with `python -m pipeline.build_index`."
            ) from error

    @property
    def description(self) -> str:
        """Which Faiss index, with its parameters."""
        return _DESCRIPTION[self.kind](self._index)

    @property
    def bytes(self) -> int:
        """Size of the index when written."""
        return len(faiss.serialize_index(self._index))

    def __len__(self) -> int:
        return self._index.ntotal

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Finds the ``k`` nearest of every query, see ``VectorIndex.search``."""
        distances, rows = self._index.search(np.ascontiguousarray(queries, np.float32), k)
        if self.kind == "lsh":
            similarities = np.cos(np.pi * distances / self._index.nbits)
        else:
            similarities = 1.0 - distances / 2.0
        return np.where(rows < 0, -np.inf, similarities).astype(np.float32), rows

    def save(self, path: Path) -> None:
        """Writes the index to one file."""
        faiss.write_index(self._index, str(path))


def _flat(count: int, dimension: int) -> Any:
    """Compares with every vector: exact, and the slowest."""
    return faiss.IndexFlatL2(dimension)


def _ivf(count: int, dimension: int) -> Any:
    """Looks into the cells nearest to the query only.

    About ``sqrt(count)`` cells, of which an eighth but at least 16 are visited.
    """
    cells = max(1, min(int(np.sqrt(count)), count // _LEAST_POINTS_PER_CENTROID))
    index: Any = faiss.index_factory(dimension, f"IVF{cells},Flat")
    _bound_training(index.cp)
    index.nprobe = min(cells, max(16, cells // 8))
    return index


def _lsh(count: int, dimension: int) -> Any:
    """Compares the signs of random projections: Hamming distance, proportional to the angle."""
    return faiss.IndexLSH(dimension, _BITS_PER_DIMENSION * dimension)


def _pq(count: int, dimension: int) -> Any:
    """Compares codes of a few dimensions each, with as many centroids as the data can train."""
    codes = max(m for m in range(1, dimension // _DIMENSIONS_PER_CODE + 1) if dimension % m == 0)
    bits = min(8, int(np.log2(max(1, count // _LEAST_POINTS_PER_CENTROID))))
    if bits < _LEAST_BITS:
        raise ValueError(
            f"Product quantisation needs {fewest_vectors('pq')} photographs to learn its codes "
            f"from; use --kind=flat. Received: {count}."
        )
    index = faiss.IndexPQ(dimension, codes, bits)
    _bound_training(index.pq.cp)
    return index


def _bound_training(parameters: Any) -> None:
    parameters.min_points_per_centroid = _LEAST_POINTS_PER_CENTROID
    parameters.max_points_per_centroid = _MOST_POINTS_PER_CENTROID


_EMPTY: dict[str, Callable[[int, int], Any]] = {
    "flat": _flat,
    "ivf": _ivf,
    "lsh": _lsh,
    "pq": _pq,
}
_DESCRIPTION: dict[str, Callable[[Any], str]] = {
    "flat": lambda index: "IndexFlatL2",
    "ivf": lambda index: f"IndexIVFFlat, {index.nlist} cells, nprobe {index.nprobe}",
    "lsh": lambda index: f"IndexLSH, {index.nbits} bits",
    "pq": lambda index: f"IndexPQ, {index.pq.M} codes of {index.pq.nbits} bits",
}
