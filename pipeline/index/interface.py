"""What every searchable collection does, whatever engine is behind it.

A collection knows its photographs by string ids, which stay. Within one opened collection a
photograph also has a key, an integer, which is what searches give: looking up what it stands
for is left to whoever needs it.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from pipeline.descriptions import Descriptions
from pipeline.index.filters import Condition
from pipeline.index.metric import Metric


class Collection(Protocol):
    """Photographs that can be searched by vector."""

    @property
    def kind(self) -> str:
        """Which index it has, ``flat`` for one."""
        ...

    @property
    def metric(self) -> Metric:
        """What its similarities are."""
        ...

    @property
    def dimension(self) -> int:
        """Of a vector."""
        ...

    @property
    def manifest(self) -> dict[str, Any]:
        """The model's fingerprint, the data sets, how the index was built and measured."""
        ...

    @property
    def schema(self) -> pa.Schema:
        """What is known of a photograph: the columns of ``photographs``."""
        ...

    def __len__(self) -> int:
        """How many photographs it holds."""
        ...

    def search(
        self, queries: Descriptions, k: int, where: Sequence[Condition] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds the ``k`` photographs most like every query.

        Args:
            queries: float32 ``(queries, dim)``, of unit length where the metric is the cosine; of
                an inverted file, bags of words.
            k: How many, 1 to the photographs held.
            where: Conditions that a photograph has to satisfy.

        Returns:
            Similarities float32 ``(queries, k)``, best first: the metric's, or the index's
            estimate of it. Keys int64 ``(queries, k)``. Where it finds fewer, keys are -1 and
            similarities -inf.

        Raises:
            ValueError: If the queries are of another dimension, not finite or not of unit length,
                if ``k`` is out of range, or a condition is on no column.
        """
        ...

    def keys(self) -> np.ndarray:
        """Of all photographs, int64 ``(len(self),)``, ascending."""
        ...

    def ids(self) -> list[str]:
        """Of all photographs, in the order of their keys."""
        ...

    def keys_of(self, ids: Sequence[str]) -> np.ndarray:
        """Of the photographs with these ids, int64 ``(len(ids),)``.

        Raises:
            ValueError: If an id is not in the collection, naming it.
        """
        ...

    def photographs(self, keys: np.ndarray) -> pa.Table:
        """What is known of the photographs with these keys, in their order."""
        ...

    def vectors(self, keys: np.ndarray) -> Any:
        """Their vectors, as the index holds them, float32 ``(n, dim)``; compressed ones roughly.

        Of an inverted file, their bags of words.
        """
        ...


class Change(Protocol):
    """A change to a collection, which readers see as a whole or not at all."""

    def add(self, vectors: Descriptions, photographs: pa.Table) -> None:
        """Adds photographs.

        Args:
            vectors: float32 ``(n, dim)`` or bags of words, by the model that filled the collection.
            photographs: Of the collection's schema, a row for every vector.

        Raises:
            ValueError: If a vector is none that the collection takes, or an id is there already.
        """
        ...

    def remove(self, ids: Sequence[str]) -> None:
        """Removes photographs.

        Raises:
            ValueError: If an id is not in the collection.
        """
        ...

    def replace(self, vectors: Descriptions, photographs: pa.Table) -> None:
        """Gives photographs that are there other vectors and rows; as ``add`` takes them.

        Raises:
            ValueError: If an id is not in the collection, or a vector is none that it takes.
        """
        ...

    def describe(self, **entries: Any) -> None:
        """Sets entries of the manifest."""
        ...

    def now(self) -> Collection:
        """The collection as it would be if the change ended here."""
        ...
