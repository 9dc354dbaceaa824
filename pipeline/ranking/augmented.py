"""A collection whose vectors have taken in those of their neighbours."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.descriptions import Descriptions
from pipeline.index import kinds
from pipeline.index.faiss_collection import FaissCollection
from pipeline.index.faiss_index import FaissIndex
from pipeline.index.filters import Condition
from pipeline.index.interface import Collection
from pipeline.ranking.expansion import expanded
from pipeline.ranking.neighbourhood import Neighbourhood, unit_vectors

_AT_A_TIME = 256  # photographs, 29 MB of neighbours' vectors of 1,280 dimensions, 20 each


class AugmentedCollection:
    """The same photographs, each vector the weighted mean of its own and its nearest.

    It is made when first asked, in memory, and compares exactly. The nearest are those that the
    collection finds, by the vectors it holds. See ``Searchable``.

    Args:
        collection: By cosine.
        k: How many nearest take part.
        alpha: See ``expansion.expanded``.
    """

    def __init__(self, collection: Collection, k: int, alpha: float) -> None:
        self._collection = collection
        self._keys = collection.keys()
        self._neighbourhood = Neighbourhood(collection, k)
        self._alpha = alpha

    def __len__(self) -> int:
        return len(self._keys)

    def keys(self) -> np.ndarray:
        """Of all photographs, those that the collection gives them."""
        return self._keys

    def search(
        self, queries: Descriptions, k: int, where: Sequence[Condition] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """See ``Searchable``."""
        similarities, places = self._made.search(queries, k, where)
        return similarities, np.where(places < 0, -1, self._keys[places])

    def vectors(self, keys: np.ndarray) -> Any:
        """See ``Searchable``."""
        return self._made.vectors(np.searchsorted(self._keys, keys))

    def prepare(self) -> None:
        """Makes it, where it is not made yet."""
        self._made  # noqa: B018 - made when first read

    def without(self, key: int) -> tuple[np.ndarray, np.ndarray]:
        """Whose vectors differ if the collection lacks a photograph, and what they are then.

        Returns:
            Keys int64 ``(n,)``, ascending, and vectors float32 ``(n, dim)``.
        """
        keys = self._neighbourhood.of_whom(key, self._neighbourhood.k)
        return keys, self._augmented(keys, key)

    @functools.cached_property
    def _made(self) -> FaissCollection:
        dimension = self._collection.dimension
        index = FaissIndex(kinds.empty_index("Flat", dimension), "flat")
        for start in range(0, len(self), _AT_A_TIME):
            index.add(self._augmented(self._keys[start : start + _AT_A_TIME], None))
        return FaissCollection(index, self._collection.photographs(self._keys), None, {})

    def _augmented(self, keys: np.ndarray, without: int | None) -> np.ndarray:
        similarities, nearest = self._neighbourhood.nearest(keys, without)
        own = unit_vectors(self._collection, keys)
        stand_in = np.where(nearest < 0, keys[:, None], nearest)  # of no weight
        others = unit_vectors(self._collection, stand_in.ravel())
        shape = *nearest.shape, own.shape[1]
        return expanded(own, others.reshape(shape), similarities, self._alpha)
