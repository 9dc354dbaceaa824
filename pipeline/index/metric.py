"""What two vectors are compared by, and how a distance becomes a similarity."""

import math
from typing import Literal, get_args

import numpy as np

from models.words.bags import Bags
from pipeline.descriptions import Descriptions

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


def checked(vectors: Descriptions, dimension: int, metric: Metric, what: str) -> np.ndarray:
    """Vectors that a dense index can take, as contiguous float32 ``(n, dimension)``.

    Args:
        vectors: ``(n, dimension)``, of any kind of number.
        dimension: Of the index.
        metric: Of the index.
        what: Those vectors, for the error: ``The query``.

    Raises:
        ValueError: If they are bags of words, have another shape, are not finite, or, for the
            cosine, not of unit length.
    """
    if isinstance(vectors, Bags):
        raise ValueError(
            f"{what} is a bag of visual words, which only an index of --kind=inverted holds. "
            "Describe it with the model that filled the index."
        )
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


def checked_bags(found: Descriptions, dimension: int, code_bytes: int, what: str) -> Bags:
    """Bags of words that an inverted file can take; those of nothing are welcome.

    Args:
        found: What to check.
        dimension: How many words the index has.
        code_bytes: Of its codes.
        what: Those bags, for the error: ``The query``.

    Raises:
        ValueError: If they are dense vectors, of other words, or neither of unit length nor empty.
    """
    if not isinstance(found, Bags) or (found.dimension, found.code_bytes) != (
        dimension,
        code_bytes,
    ):
        codes = f" with codes of {code_bytes} bytes" if code_bytes else ""
        received = f"shape {found.shape}"
        if not isinstance(found, Bags):
            received += ", dense"
        raise ValueError(
            f"{what} has to be a bag of {dimension} visual words{codes}. Received: {received}. "
            "Describe it with the model that filled the index."
        )
    lengths = found.lengths
    wrong = ~((np.abs(lengths**2 - 1) <= _TOLERANCE) | (found.counts == 0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{what} has to be of unit length or empty. Received: row {row} of length "
            f"{lengths[row]:.4g}, {int(wrong.sum())} such of {len(found)}."
        )
    return found
