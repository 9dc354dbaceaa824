"""What is truly nearest to some queries, and how much of it a search finds."""

import dataclasses

import faiss
import numpy as np

# Squared distances of unit vectors that differ by less are equal: float32 sums of products have
# such errors.
_EQUAL = 1e-6


@dataclasses.dataclass(frozen=True)
class Nearest:
    """The exact ranking of some queries, best first, as deep as it was asked for.

    Attributes:
        distances: Squared, float32 ``(queries, depth)``.
        rows: int64 ``(queries, depth)``.
        k: Of how many results recall is measured, 1 to the depth.
    """

    distances: np.ndarray
    rows: np.ndarray
    k: int

    def of(self, queries: slice | np.ndarray) -> "Nearest":
        """The ranking of some of the queries."""
        return Nearest(self.distances[queries], self.rows[queries], self.k)

    def recalls(self, found: np.ndarray) -> np.ndarray:
        """The share of the ``k`` truly nearest that are found, of every query, 0 to 1.

        What is as near as the ``k``-th is as right as it, where the ranking is deep enough to
        tell: copies of a photograph stand in for one another.

        Args:
            found: int ``(queries, m)``, rows, none twice.
        """
        last = self.distances[:, self.k - 1, None]
        is_right = self.distances <= last + _EQUAL * np.maximum(last, 1)
        is_found = (self.rows[:, :, None] == found[:, None, :]).any(axis=2)
        return np.minimum((is_right & is_found).sum(axis=1) / self.k, 1.0)


class Truth:
    """The exact nearest of some queries among vectors that are shown to it block by block.

    Args:
        queries: float32 ``(queries, dim)``.
        depth: How many of each.
    """

    def __init__(self, queries: np.ndarray, depth: int) -> None:
        self._queries = queries
        self._depth = depth
        self._nearest = faiss.ResultHeap(len(queries), depth)
        self._seen = 0

    def show(self, vectors: np.ndarray) -> None:
        """Compares with more vectors, float32 ``(n, dim)``, in the rows that follow."""
        distances, rows = faiss.knn(self._queries, vectors, min(self._depth, len(vectors)))
        self._nearest.add_result(distances, rows + self._seen)
        self._seen += len(vectors)

    def nearest(self) -> tuple[np.ndarray, np.ndarray]:
        """The nearest, best first; nothing more can be shown.

        Returns:
            Squared distances float32 and rows int64, both ``(queries, depth)``; rows are -1 where
            fewer were shown.
        """
        self._nearest.finalize()
        return self._nearest.D, self._nearest.I
