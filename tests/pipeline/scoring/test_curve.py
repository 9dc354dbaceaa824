"""Precision by recall, by hand arithmetic."""

import numpy as np
import pytest

from pipeline.scoring.answered import Revisited
from pipeline.scoring.curve import RECALLS, PrecisionByRecall
from pipeline.scoring.ground_truth import Answers, Query
from pipeline.scoring.judge import SameLandmark

TWO_OF_TWO = [1.0] * 6 + [2 / 3] * 5  # +-+: 1 until half is found, then 2/3
NONE = [0.0] * 11


def judge(totals: list[int]) -> SameLandmark:
    """Photographs 0 and 2 show landmark 7, photograph 1 shows 5; every query shows 7."""
    return SameLandmark(
        protocol="",
        landmarks=np.array([7, 5, 7, -1]),
        own=np.full(len(totals), 7),
        totals=np.array(totals),
        depth=None,
    )


def test_a_ranking_is_as_precise_as_it_is_at_a_recall_or_beyond() -> None:
    found = judge([2, 2]).precisions(np.array([0, 1]), np.array([[0, 1, 2], [1, -1, -1]]))
    np.testing.assert_allclose(found, [TWO_OF_TWO, NONE])


def test_the_curve_is_the_mean_of_the_queries_in_whatever_parts_they_come() -> None:
    rankings = np.array([[0, 1, 2], [1, -1, -1], [2, 0, 1]])
    one, every = PrecisionByRecall(3), judge([2, 2, 2])
    for part in ([2], [0, 1]):
        queries = np.array(part)
        one.put(queries, every.precisions(queries, rankings[queries]))
    expected = (np.array(TWO_OF_TWO) + NONE + np.ones(11)) / 3
    assert list(one.means()) == [str(recall) for recall in RECALLS]
    np.testing.assert_allclose(list(one.means().values()), expected)


def test_a_query_that_is_left_out_is_no_part_of_the_curve() -> None:
    curve = PrecisionByRecall(2)
    curve.put(np.array([0]), np.full((1, len(RECALLS)), 0.25))
    curve.put(np.array([1]), np.full((1, len(RECALLS)), np.nan))
    assert set(curve.means().values()) == {0.25}


def test_no_query_makes_no_curve() -> None:
    with pytest.raises(ValueError, match="no curve can be drawn"):
        PrecisionByRecall(2).means()


def test_junk_is_taken_out_of_a_curve_at_the_main_level() -> None:
    """Junk, then right, wrong, right; the query that nothing answers has no curve."""
    medium = [
        Answers(positives=np.array([4, 6]), junk=np.array([3])),
        Answers(positives=np.array([], int), junk=np.array([3])),
    ]
    easy = [Answers(positives=np.array([9]), junk=np.array([], int))] * 2
    asking = (Query(id="one", positives=("a", "b")), Query(id="two", positives=()))
    revisited = Revisited(protocol="", queries=asking, levels={"easy": easy, "medium": medium})
    found = revisited.precisions(np.array([0, 1]), np.array([[3, 4, 5, 6, -1]] * 2))
    np.testing.assert_allclose(found[0], TWO_OF_TWO)
    assert np.isnan(found[1]).all()
