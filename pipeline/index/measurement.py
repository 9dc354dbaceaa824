"""How well and how fast an index searches."""

import dataclasses
import functools
import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from pipeline.index.metric import Metric
from pipeline.index.truth import Nearest

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


def at_present(index: Tunable, queries: np.ndarray, nearest: Nearest) -> OperatingPoint:
    """How an index does as it is.

    Args:
        index: The index.
        queries: float32 ``(queries, dim)``.
        nearest: What is truly nearest to them.
    """
    seconds = []
    for _ in range(_REPEATED):
        start = time.perf_counter()
        _, found = index.search(queries, nearest.k)
        seconds.append(time.perf_counter() - start)
        if seconds[0] > _LONG:
            break
    shares = nearest.recalls(found)
    return OperatingPoint(
        effort=index.effort,
        recall=float(shares.mean()),
        recall_error=float(shares.std() / len(shares) ** 0.5),
        milliseconds=1000 * min(seconds) / len(queries),
    )


def tune(
    index: Tunable, queries: np.ndarray, nearest: Nearest, least: float
) -> list[OperatingPoint]:
    """Sets the effort that takes the least time of those at which an index surely has a recall.

    Where none has, the quickest is set whose recall is almost the highest.

    Args:
        index: The index.
        queries: float32 ``(queries, dim)``.
        nearest: What is truly nearest to them.
        least: The recall asked for.

    Returns:
        What was tried, in order.
    """
    tried: list[OperatingPoint] = []

    def measured(k_factor: int, level: int) -> OperatingPoint:
        effort = {"k_factor_rf": k_factor, "nprobe": level, "efSearch": level}
        index.set_effort({name: effort[name] for name in index.effort})
        tried.append(at_present(index, queries, nearest))
        return tried[-1]

    for k_factor in _K_FACTORS if "k_factor_rf" in index.effort else (0,):
        _find_least(_levels(index), least, functools.partial(measured, k_factor))
    most = max(point.recall for point in tried)
    reached = [point for point in tried if point.surely_has(least)]
    reached = reached or [point for point in tried if point.recall >= most - _ALMOST]
    index.set_effort(min(reached, key=lambda point: point.milliseconds).effort)
    return tried


def _find_least(
    levels: Iterable[int], least: float, measured: Callable[[int], OperatingPoint]
) -> None:
    """Measures at ascending levels until one has a recall, then between that and the last."""
    too_little = 0
    for enough in levels:
        if measured(enough).surely_has(least):
            break
        too_little = enough
    else:
        return
    for _ in range(_HALVINGS):
        between = round((too_little * enough) ** 0.5)
        if between in (0, too_little, enough):
            return
        if measured(between).surely_has(least):
            enough = between
        else:
            too_little = between


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


def _levels(index: Tunable) -> list[int]:
    """Efforts to try, ascending, each twice the last; one where none can be chosen."""
    name = next((name for name in ("nprobe", "efSearch") if name in index.effort), None)
    if name is None:
        return [0]
    most = int(most_effort(index)[name])
    least = min(_LEAST_GRAPH_EFFORT if name == "efSearch" else _LEAST_CELLS, most)
    doubled = itertools.takewhile(lambda value: value < most, (least << n for n in range(32)))
    return [*doubled, most]
