"""What two vectors are compared by, and how a distance becomes a similarity."""

import math
from typing import Literal, get_args

import numpy as np

Metric = Literal["cosine", "euclidean"]
METRICS: tuple[Metric, ...] = get_args(Metric)
_TOLERANCE = 2e-3  # of a unit vector's squared length; 16-bit numbers are within 1e-3


def similarity(metric: Metric, squared_distances: np.ndarray) -> np.ndarray:
    """Similarities, the higher the more alike, from squared Euclidean distances, both float32.

    The cosine of unit vectors; for ``euclidean`` the distance with its sign turned.
    """
    if metric == "cosine":
        return 1 - squared_distances / 2
    return -np.sqrt(np.maximum(squared_distances, 0))


def checked(vectors: np.ndarray, dimension: int, metric: Metric, what: str) -> np.ndarray:
    """Vectors that an index can take, as contiguous float32 ``(n, dimension)``.

    Args:
        vectors: ``(n, dimension)``, of any kind of number.
        dimension: Of the index.
        metric: Of the index.
        what: Those vectors, for the error: ``The query``.

    Raises:
        ValueError: If they have another shape, are not finite, or, for the cosine, not of unit
            length.
    """
    vectors = np.ascontiguousarray(vectors, np.float32)
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ValueError(
            f"{what} has to be of {dimension} dimensions, (n, {dimension}). Received: shape "
            f"{vectors.shape}. Describe it with the model that filled the index."
        )
    if len(vectors) == 1:  # a query; microseconds count
        length = np.vdot(vectors, vectors).item()
        if abs(length - 1) <= _TOLERANCE or (metric == "euclidean" and math.isfinite(length)):
            return vectors
    lengths = np.einsum("nd,nd->n", vectors, vectors)
    right = np.abs(lengths - 1) <= _TOLERANCE if metric == "cosine" else np.isfinite(lengths)
    if not right.all():
        wrong = ~right
        needed = "finite"
        if metric == "cosine":
            needed = "of unit length; divide each by its norm, or build with --metric=euclidean"
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{what} has to be {needed}. Received: row {row} of length "
            f"{float(np.sqrt(lengths[row])):.4g}, {int(wrong.sum())} such of {len(vectors)}."
        )
    return vectors
