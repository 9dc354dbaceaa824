"""What every vector index does, whatever engine is behind it."""

from pathlib import Path
from typing import Protocol

import numpy as np


class VectorIndex(Protocol):
    """Finds the nearest of many unit vectors."""

    @property
    def kind(self) -> str:
        """Which index it is, ``flat`` for one."""
        ...

    @property
    def description(self) -> str:
        """How the engine calls it, with its parameters."""
        ...

    @property
    def bytes(self) -> int:
        """Size of the index when written."""
        ...

    def __len__(self) -> int:
        """How many vectors it holds."""
        ...

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Finds the ``k`` nearest of every query.

        Args:
            queries: float32 ``(queries, dim)``, unit length.
            k: How many, at most the vectors held.

        Returns:
            Similarities float32 ``(queries, k)``, the cosine or the index's estimate of it (-1
            to 1), best first, and rows int64 ``(queries, k)``: the position in which each
            vector was added. Where an index finds fewer, rows are -1 and similarities -inf.
        """
        ...

    def save(self, path: Path) -> None:
        """Writes the index to one file."""
        ...
