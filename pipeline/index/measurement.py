"""How well and how fast an index searches."""

import functools
import statistics
import time
from collections.abc import Callable, Iterable

import numpy as np

from pipeline.index.interface import VectorIndex


def recall_against_exact(
    index: VectorIndex, exact: VectorIndex, queries: np.ndarray, k: int = 10
) -> float:
    """The share of the ``k`` truly nearest that the index returns, mean over queries, 0 to 1.

    Args:
        index: The index.
        exact: One that compares with every vector, of the same rows.
        queries: float32 ``(queries, dim)``.
        k: How many, at most what the indexes hold.
    """
    _, found = index.search(queries, k)
    _, nearest = exact.search(queries, k)
    matches = (nearest[:, :, None] == found[:, None, :]).any(axis=2)
    return float(matches.mean())


def milliseconds_per_query(index: VectorIndex, queries: np.ndarray, k: int = 10) -> float:
    """Median time of a search for one query at a time, milliseconds."""
    return median_milliseconds(functools.partial(index.search, query[None], k) for query in queries)


def median_milliseconds(calls: Iterable[Callable[[], object]]) -> float:
    """Median time of some calls, milliseconds; the first, which allocates, is not counted.

    Where there is only one call, it is the one that counts.
    """
    times = []
    for call in calls:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times[1:] or times)
