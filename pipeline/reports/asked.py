"""What stands out among the queries of a result."""

import collections
import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.reports.pictures import NOBODY

NO_NAME = "a landmark without a name"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LandmarkScore:
    """The mean score of a landmark's queries."""

    name: str
    score: float
    queries: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Confusion:
    """Queries of a landmark whose first wrong result shows the same other landmark.

    Attributes:
        landmark: Of the queries.
        instead: Of the first wrong result.
        queries: How many.
        misled: How many of them have it as the very first result.
    """

    landmark: str
    instead: str
    queries: int
    misled: int


def scored(queries: pa.Table, score: str) -> pa.Table:
    """The queries that the protocol scores."""
    return queries.filter(queries[score].is_valid())


def by_landmark(queries: pa.Table, score: str) -> list[LandmarkScore]:
    """Of every landmark that has a name, the worst first."""
    queries = queries.filter(pc.not_equal(queries["landmark"], ""))
    names, places, counts = np.unique(
        np.array(queries["landmark"].to_pylist(), str), return_inverse=True, return_counts=True
    )
    means = np.bincount(places, queries[score].to_numpy()) / counts
    return [
        LandmarkScore(name=str(names[one]), score=float(means[one]), queries=int(counts[one]))
        for one in np.argsort(means, kind="stable")
    ]


def extremes(queries: pa.Table, score: str, count: int) -> tuple[pa.Table, pa.Table]:
    """The best and the worst queries, at most one of a named landmark and none among both.

    Args:
        queries: Those that are scored.
        score: Which score.
        count: How many of either, at most.
    """
    values = queries[score].to_numpy()
    landmarks = queries["landmark"].to_pylist()
    worst = _first_of_landmarks(np.argsort(values, kind="stable"), landmarks, count, ())
    best = _first_of_landmarks(np.argsort(-values, kind="stable"), landmarks, count, worst)
    return queries.take(_rows(best)), queries.take(_rows(worst))


def _first_of_landmarks(
    order: np.ndarray, landmarks: Sequence[str], count: int, taken: Sequence[int]
) -> list[int]:
    chosen: dict[str | int, int] = {}
    for row in order.tolist():
        if len(chosen) == count:
            break
        if row not in taken:
            chosen.setdefault(landmarks[row] or row, row)
    return list(chosen.values())


def confusions(
    queries: pa.Table, landmarks_of: Callable[[list[str]], list[str]]
) -> list[Confusion]:
    """Counts which landmarks the first wrong results show, those that mislead most first.

    Args:
        queries: Those that are scored.
        landmarks_of: Gives the names of what photographs show, by their ids.
    """
    wrong = [_first_wrong(right) for right in queries["right"].to_pylist()]
    rows = [row for row, place in enumerate(wrong) if place is not None]
    found = queries["found"].take(_rows(rows)).to_pylist()
    ids = [one[wrong[row]] for row, one in zip(rows, found, strict=True)]
    asked = queries["landmark"].take(_rows(rows)).to_pylist()
    places = collections.defaultdict(list)
    for row, own, other in zip(rows, asked, landmarks_of(ids), strict=True):
        places[own or NO_NAME, other or NOBODY].append(wrong[row])
    told = [
        Confusion(landmark=own, instead=other, queries=len(at), misled=at.count(0))
        for (own, other), at in places.items()
    ]
    return sorted(told, key=lambda one: (-one.misled, -one.queries, one.landmark, one.instead))


def _rows(numbers: Sequence[int]) -> pa.Array:
    return pa.array(numbers, pa.int64())  # of none, too


def _first_wrong(right: Sequence[bool]) -> int | None:
    return None if all(right) else list(right).index(False)
