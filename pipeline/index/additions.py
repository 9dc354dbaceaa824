"""Checks of what is to be added to a collection."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.index import metric
from pipeline.index.metric import Metric


def checked(
    vectors: np.ndarray, photographs: pa.Table, dimension: int, metric_name: Metric
) -> np.ndarray:
    """Vectors that a collection takes, as contiguous float32 ``(n, dimension)``.

    Raises:
        ValueError: If they are none such, there are more or fewer rows, or two have the same id.
    """
    vectors = metric.checked(vectors, dimension, metric_name, "A vector")
    if len(vectors) != len(photographs):
        raise ValueError(
            f"A row for every vector is needed. Received: {len(vectors)} vectors, "
            f"{len(photographs)} rows."
        )
    twice = len(photographs) - len(photographs["id"].unique())
    if twice:
        raise ValueError(f"{twice} ids are given twice.")
    return vectors


def require_none(there: Sequence[str]) -> None:
    """Checks that no id of what is to be added is in the collection.

    Args:
        there: Those that are.

    Raises:
        ValueError: If one is.
    """
    if there:
        raise ValueError(
            f"{len(there)} ids are in the collection already, {there[0]!r} for one; replace those "
            "photographs, or give the new ones other ids."
        )
