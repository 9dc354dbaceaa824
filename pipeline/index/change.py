"""What changes to a collection have in common, whatever engine is behind it."""

import abc
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pipeline.descriptions import Descriptions
from pipeline.index.interface import Collection


class CheckedChange(abc.ABC):
    """A change that takes only what fits the collection. See ``Change``.

    Args:
        described: The manifest that stands.
    """

    def __init__(self, described: dict[str, Any]) -> None:
        self._manifest = described

    def add(self, vectors: Descriptions, photographs: pa.Table) -> None:
        """See ``Change``."""
        vectors = self._checked(vectors, photographs)
        there = self._those_there(photographs["id"])
        if there:
            raise ValueError(
                f"{len(there)} ids are in the collection already, {there[0]!r} for one; replace "
                "those photographs, or give the new ones other ids."
            )
        self._append(vectors, self._conformed(photographs))

    @abc.abstractmethod
    def remove(self, ids: Sequence[str]) -> None:
        """See ``Change``."""

    def replace(self, vectors: Descriptions, photographs: pa.Table) -> None:
        """See ``Change``."""
        vectors = self._checked(vectors, photographs)
        self.remove(photographs["id"].to_pylist())
        self._append(vectors, self._conformed(photographs))

    def describe(self, **entries: Any) -> None:
        """See ``Change``."""
        self._manifest = {**self._manifest, **entries}

    @abc.abstractmethod
    def now(self) -> Collection:
        """See ``Change``."""

    @abc.abstractmethod
    def _those_there(self, ids: pa.ChunkedArray) -> list[str]:
        """The ids that the collection has already."""

    @abc.abstractmethod
    def _append(self, vectors: Any, photographs: pa.Table) -> None:
        """Adds what was checked; the table is of the collection's schema."""

    @abc.abstractmethod
    def _taken(self, vectors: Descriptions) -> Any:
        """Vectors after a check that the collection takes them."""

    def _checked(self, vectors: Descriptions, photographs: pa.Table) -> Any:
        vectors = self._taken(vectors)
        if len(vectors) != len(photographs):
            raise ValueError(
                f"A row for every vector is needed. Received: {len(vectors)} vectors, "
                f"{len(photographs)} rows."
            )
        twice = len(photographs) - len(photographs["id"].unique())
        if twice:
            raise ValueError(f"{twice} ids are given twice.")
        return vectors

    def _conformed(self, photographs: pa.Table) -> pa.Table:
        schema = self.now().schema
        return photographs.select(schema.names).cast(schema)
