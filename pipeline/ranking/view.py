"""A collection as one query sees it: without the query itself, where that is in it."""

from collections.abc import Sequence

import numpy as np

from pipeline.descriptions import Descriptions
from pipeline.index.filters import Condition
from pipeline.ranking.neighbourhood import Neighbourhood, Searchable, unit_vectors

_NOTHING: tuple[np.ndarray, np.ndarray] = np.zeros(0, np.int64), np.zeros((0, 0), np.float32)


class View:
    """What a query may know of a collection.

    Args:
        collection: What is asked.
        neighbourhood: The nearest of its photographs.
        without: A photograph that is left out, as if the collection lacked it; None for none.
        changed: Keys int64 ``(n,)``, ascending, of those whose vectors are others without it, and
            these, float32 ``(n, dim)``.
    """

    def __init__(
        self,
        collection: Searchable,
        neighbourhood: Neighbourhood,
        without: int | None = None,
        changed: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        self._collection = collection
        self._neighbourhood = neighbourhood
        self._without = without
        self._changed, self._changed_vectors = changed or _NOTHING

    def search(
        self, asked: Descriptions, depth: int, where: Sequence[Condition] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Similarities and keys of what one query finds, both ``(n,)``, best first."""
        depth = min(depth + (self._without is not None), len(self._collection))
        if not depth:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        similarities, keys = self._collection.search(asked, depth, where)
        is_there = keys[0] >= 0
        if self._without is not None:
            is_there &= keys[0] != self._without
            depth -= 1
        similarities, keys = similarities[0][is_there][:depth], keys[0][is_there][:depth]
        rows, places = self._which_changed(keys)
        if not len(rows):
            return similarities, keys
        if isinstance(asked, np.ndarray):
            similarities[rows] = self._changed_vectors[places] @ asked[0]
        order = np.argsort(-similarities, kind="stable")
        return similarities[order], keys[order]

    def vectors(self, keys: np.ndarray) -> np.ndarray:
        """Of some photographs, float32 ``(n, dim)``, unit length."""
        vectors = unit_vectors(self._collection, keys)
        rows, places = self._which_changed(keys)
        if len(rows):
            vectors[rows] = self._changed_vectors[places]
        return vectors

    def nearest(self, keys: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Similarities and keys of the nearest of some photographs, as ``Neighbourhood`` does.

        Who is among the nearest of a photograph whose vector has changed stays as it was, but for
        the one that is left out; how near they are does not.
        """
        similarities, nearest = self._neighbourhood.nearest(keys, self._without)
        similarities, nearest = similarities[:, :k].copy(), nearest[:, :k]
        affected = np.isin(nearest, self._changed) | np.isin(keys, self._changed)[:, None]
        rows, columns = np.nonzero(affected & (nearest >= 0))
        if not len(rows):
            return similarities, nearest
        others = self.vectors(nearest[rows, columns])
        similarities[rows, columns] = np.einsum("nd,nd->n", self.vectors(keys[rows]), others)
        order = np.argsort(-similarities, axis=1, kind="stable")
        return np.take_along_axis(similarities, order, 1), np.take_along_axis(nearest, order, 1)

    def _which_changed(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of those that have changed, and their places among these."""
        if not len(self._changed):
            return self._changed, self._changed
        places = np.minimum(np.searchsorted(self._changed, keys), len(self._changed) - 1)
        rows = np.flatnonzero(self._changed[places] == keys)
        return rows, places[rows]
