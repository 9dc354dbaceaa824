"""How well and how fast an index searches."""

import dataclasses
import functools
import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import faiss
import numpy as np

from pipeline.index.metric import Metric

_K_FACTORS = (4, 8, 16, 32, 64)  # times as many candidates as results are compared again
_LEAST_GRAPH_EFFORT, _MOST_GRAPH_EFFORT = 16, 4096
_ALMOST = 0.005  # less recall than the highest
_HALVINGS = 3  # of the way between an effort that does not reach a recall and one that does
_LEAST_CELLS = 8  # visited, for queries less like the collection than those it is tuned with
_REPEATED = 3  # a batch is timed; the fastest counts
_LONG = 1.0  # seconds of a batch that is timed once
_TIMED_ALONE = 100  # queries


class Tunable(Protocol):
    """An index that can look harder or less hard."""

    @property
    def metric(self) -> Metric:
        """What its similarities are."""
        ...

    @property
    def cells(self) -> int:
        """Of the inverted file; 1 if it is none."""
        ...

    @property
    def effort(self) -> dict[str, float]:
        """What decides how hard it looks: of ``nprobe``, ``efSearch``, ``k_factor_rf``."""
        ...

    def set_effort(self, effort: dict[str, float]) -> None:
        """Sets what ``effort`` gives."""
        ...

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Similarities and rows of the ``k`` nearest, both ``(queries, k)``."""
        ...

    def __len__(self) -> int:
        """How many vectors it holds."""
        ...


class Truth:
    """The exact nearest of some queries among vectors that are shown to it block by block.

    Args:
        queries: float32 ``(queries, dim)``.
        k: How many of each.
    """

    def __init__(self, queries: np.ndarray, k: int) -> None:
        self.queries = queries
        self.k = k
        self._nearest = faiss.ResultHeap(len(queries), k)
        self._seen = 0

    def show(self, vectors: np.ndarray) -> None:
        """Compares with more vectors, float32 ``(n, dim)``, in the rows that follow."""
        k = min(self.k, len(vectors))
        distances, rows = faiss.knn(self.queries, vectors, k)
        self._nearest.add_result(distances, rows + self._seen)
        self._seen += len(vectors)

    def nearest(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the ``k`` nearest, best first; nothing more can be shown.

        Returns:
            Squared distances float32 and rows int64, both ``(queries, k)``; rows are -1 where
            fewer were shown.
        """
        self._nearest.finalize()
        return self._nearest.D, self._nearest.I


@dataclasses.dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """How an index does at one effort.

    Attributes:
        effort: See ``Tunable.effort``.
        recall: The share of the truly nearest that it returns, mean over queries.
        recall_error: The standard error of that mean.
        milliseconds: Of a query, where many are asked together.
    """

    effort: dict[str, float]
    recall: float
    recall_error: float
    milliseconds: float

    def surely_has(self, least: float) -> bool:
        """Whether its recall on other queries is likely to be as high."""
        return self.recall - self.recall_error >= least


def recalls(found: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """The share of the truly nearest that are found, of every query, 0 to 1.

    Args:
        found: int ``(queries, m)``, rows.
        nearest: int ``(queries, k)``, rows.
    """
    return (nearest[:, :, None] == found[:, None, :]).any(axis=2).mean(axis=1)


def at_present(index: Tunable, queries: np.ndarray, nearest: np.ndarray) -> OperatingPoint:
    """How an index does as it is.

    Args:
        index: The index.
        queries: float32 ``(queries, dim)``.
        nearest: int ``(queries, k)``, the rows truly nearest to them.
    """
    seconds = []
    for _ in range(_REPEATED):
        start = time.perf_counter()
        _, found = index.search(queries, nearest.shape[1])
        seconds.append(time.perf_counter() - start)
        if seconds[0] > _LONG:
            break
    shares = recalls(found, nearest)
    return OperatingPoint(
        effort=index.effort,
        recall=float(shares.mean()),
        recall_error=float(shares.std() / len(shares) ** 0.5),
        milliseconds=1000 * min(seconds) / len(queries),
    )


def tune(
    index: Tunable, queries: np.ndarray, nearest: np.ndarray, least: float
) -> list[OperatingPoint]:
    """Sets the effort that takes the least time of those at which an index surely has a recall.

    Where none has, the quickest is set whose recall is almost the highest.

    Args:
        index: The index.
        queries: float32 ``(queries, dim)``.
        nearest: int ``(queries, k)``, the rows truly nearest to them.
        least: The recall asked for.

    Returns:
        What was tried, in order.
    """
    tried: list[OperatingPoint] = []
    looks = [name for name in ("nprobe", "efSearch") if name in index.effort]
    again: Sequence[float] = _K_FACTORS if "k_factor_rf" in index.effort else (0,)
    for k_factor in again:
        fixed = {"k_factor_rf": k_factor} if k_factor else {}

        def measured(effort: dict[str, float]) -> OperatingPoint:
            index.set_effort(effort)
            tried.append(at_present(index, queries, nearest))
            return tried[-1]

        if not looks:
            measured(fixed)
            continue
        too_little = 0
        for value in _levels(index, looks[0]):
            if measured({**fixed, looks[0]: value}).surely_has(least):
                break
            too_little = value
        enough = value
        for _ in range(_HALVINGS if tried[-1].surely_has(least) else 0):
            between = round((too_little * enough) ** 0.5)
            if between in (0, too_little, enough):
                break
            if measured({**fixed, looks[0]: between}).surely_has(least):
                enough = between
            else:
                too_little = between
    most = max(point.recall for point in tried)
    reached = [point for point in tried if point.surely_has(least)]
    reached = reached or [point for point in tried if point.recall >= most - _ALMOST]
    index.set_effort(min(reached, key=lambda point: point.milliseconds).effort)
    return tried


def milliseconds_per_query(index: Any, queries: np.ndarray, k: int = 10) -> float:
    """Median time of a search for one query at a time, milliseconds."""
    few = queries[:_TIMED_ALONE]
    return median_milliseconds(functools.partial(index.search, query[None], k) for query in few)


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


def most_effort(index: Tunable) -> dict[str, float]:
    """The effort at which an index looks everywhere, or as far as is of use."""
    most = {
        "nprobe": index.cells,
        "efSearch": min(_MOST_GRAPH_EFFORT, 2 * len(index)),
        "k_factor_rf": _K_FACTORS[-1],
    }
    return {name: most[name] for name in index.effort}


def spelled(effort: Mapping[str, float]) -> str:
    """An effort in words, ``nprobe 8, k_factor_rf 4``."""
    return ", ".join(f"{name} {value:g}" for name, value in effort.items())


def _levels(index: Tunable, name: str) -> list[int]:
    """Efforts to try, ascending, each twice the last."""
    most = int(most_effort(index)[name])
    least = min(_LEAST_GRAPH_EFFORT if name == "efSearch" else _LEAST_CELLS, most)
    doubled = itertools.takewhile(lambda value: value < most, (least << n for n in range(32)))
    return [*doubled, most]
