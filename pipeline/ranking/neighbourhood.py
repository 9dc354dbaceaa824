"""The nearest of every photograph of a collection."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from pipeline.descriptions import Descriptions
from pipeline.index.filters import Condition

_ASKING = 256  # photographs at a time


class Searchable(Protocol):
    """What of a ``Collection`` re-ranking needs; each method as there."""

    def search(
        self, queries: Descriptions, k: int, where: Sequence[Condition] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Similarities and keys of the ``k`` photographs most like every query."""
        ...

    def keys(self) -> np.ndarray:
        """Of all photographs, ascending."""
        ...

    def vectors(self, keys: np.ndarray) -> Any:
        """Of the photographs with these keys."""
        ...

    def __len__(self) -> int:
        """How many photographs it holds."""
        ...


def unit_vectors(collection: Searchable, keys: np.ndarray) -> np.ndarray:
    """Vectors of photographs as the index holds them, but of unit length, float32 ``(n, dim)``."""
    vectors = collection.vectors(keys)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


class Neighbourhood:
    """The nearest of photographs in their collection, found when first asked for, and kept.

    Memory is 12 bytes a photograph and neighbour, touched only for those asked for.

    Args:
        collection: Of the photographs, by cosine.
        k: How many nearest, itself not counted.
    """

    def __init__(self, collection: Searchable, k: int) -> None:
        self._collection = collection
        self._all = collection.keys()
        # One more, for where one is left out.
        self.k = min(k, max(0, len(collection) - 1))
        shape = len(self._all), min(k + 1, max(0, len(collection) - 1))
        self._keys = np.empty(shape, np.int64)
        self._similarities = np.empty(shape, np.float32)
        self._is_known = np.zeros(len(self._all), bool)

    def nearest(
        self, keys: np.ndarray, without: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The nearest of some photographs, as the index finds them, best first.

        Args:
            keys: int64 ``(n,)``.
            without: A photograph that is none's neighbour, as if the collection lacked it.

        Returns:
            Similarities float32 and keys int64, both ``(n, k)``; -inf and -1 where there are fewer.
        """
        places = np.searchsorted(self._all, keys)
        self._find(np.unique(places[~self._is_known[places]]))
        found, similarities = self._keys[places], self._similarities[places]
        if without is not None:
            similarities = np.where(found == without, -np.inf, similarities)
            order = np.argsort(found == without, axis=1, kind="stable")
            found = np.take_along_axis(np.where(found == without, -1, found), order, 1)
            similarities = np.take_along_axis(similarities, order, 1)
        return similarities[:, : self.k], found[:, : self.k]

    def of_whom(self, key: int, k: int) -> np.ndarray:
        """Whose ``k`` nearest a photograph is among, keys int64 ``(n,)``; finds those of all."""
        self._find(np.flatnonzero(~self._is_known))
        return self._all[(self._keys[:, :k] == key).any(axis=1)]

    def _find(self, places: np.ndarray) -> None:
        wanted = self._keys.shape[1]
        if not wanted:
            return
        for start in range(0, len(places), _ASKING):
            part = places[start : start + _ASKING]
            own = self._all[part]
            similarities, keys = self._collection.search(
                unit_vectors(self._collection, own), wanted + 1
            )
            is_own = keys == own[:, None]
            order = np.argsort(is_own, axis=1, kind="stable")[:, :wanted]
            self._keys[part] = np.take_along_axis(keys, order, 1)
            self._similarities[part] = np.take_along_axis(similarities, order, 1)
            self._is_known[part] = True
