"""Which scores are told of an index beside the exact ranking, and what is read for that."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from pipeline.scoring import asking, exactness
from pipeline.scoring.answered import LandmarksRetrieval, Revisited
from pipeline.scoring.ground_truth import Answers, Query
from pipeline.scoring.judge import SameLandmark, leave_one_out
from pipeline.scoring.scored_index import ScoredIndex
from tests.tiny import Tiny


class OnlyWhole(SameLandmark):
    """Has one score, of the whole ranking."""

    @property
    def names(self) -> list[str]:
        return ["mAP"]


def fields(one: Any) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}


@pytest.fixture(scope="module")
def index(tiny: Tiny) -> ScoredIndex:
    return ScoredIndex.open(tiny.index)


def test_no_more_queries_are_described_than_are_compared(
    index: ScoredIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exactness, "_SAMPLED", 5)
    every, judge = leave_one_out(index, None)
    own = asking.from_index(index, every)
    taken: list[int] = []

    def take(queries: np.ndarray) -> Iterator[Any]:
        taken.extend(queries.tolist())
        yield from own.take(queries)

    found = exactness.compare(index, dataclasses.replace(own, take=take), judge)
    assert found is not None
    assert found["queries"] == 5
    assert taken == [0, 6, 12, 17, 23], "23 / 4 apart, rounded"
    assert found["exact"] == found["index"], "the index is exact"


@pytest.mark.parametrize(
    ("depth", "told"), [(23, [1, 5, 10, "all"]), (5, [1, 5]), (10, [1, 5, 10])]
)
def test_scores_of_so_many_places_are_told_whatever_else_their_names_say(
    index: ScoredIndex, monkeypatch: pytest.MonkeyPatch, depth: int, told: list[Any]
) -> None:
    """Of 23 others: all, or the first 5 or 10 of them."""
    monkeypatch.setattr(exactness, "DEPTH", depth)
    own = asking.from_index(index, np.array([0, 8]))
    answers = [Answers(positives=index.keys[[1, 2]], junk=index.keys[:1])] * 2
    queries = tuple(Query(id=name, positives=(), part="Public") for name in "ab")
    revisited = Revisited(protocol="", queries=queries, levels={"medium": answers})
    found = exactness.compare(index, own, revisited)
    assert found is not None
    assert list(found["exact"]) == [f"mP@{k} medium" for k in told if k != "all"]
    google = LandmarksRetrieval(protocol="", queries=queries, levels={"": answers})
    found = exactness.compare(index, own, google)
    assert (found is not None) == ("all" in told)
    if found is not None:
        assert list(found["exact"]) == ["mAP@100", "mAP@100 Public"]


def test_nothing_is_told_where_no_score_is_of_so_many_places(index: ScoredIndex) -> None:
    every, judge = leave_one_out(index, None)
    own = asking.from_index(index, every)
    assert exactness.compare(index, own, OnlyWhole(**fields(judge))) is None
