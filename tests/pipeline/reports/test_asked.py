"""What stands out among queries, of five made by hand."""

import pyarrow as pa
import pytest

from pipeline.reports import asked
from pipeline.reports.asked import Confusion

QUERIES = pa.table(
    {
        "id": ["q0", "q1", "q2", "q3", "q4"],
        "landmark": ["tower", "tower", "bridge", "bridge", ""],
        "mAP": [0.2, 0.4, 1.0, 0.5, 0.1],
        "found": [["b0", "t1"], ["t0", "b1"], ["b2"], ["d0", "b2"], ["b0"]],
        "right": [[False, True], [True, False], [True], [False, True], [False]],
    }
)
SHOWN = {"b0": "bridge", "b1": "bridge", "d0": ""}


def landmarks_of(ids: list[str]) -> list[str]:
    return [SHOWN[one] for one in ids]


def test_landmarks_come_worst_first() -> None:
    found = asked.by_landmark(QUERIES, "mAP")
    assert [(one.name, one.queries) for one in found] == [("tower", 2), ("bridge", 2)]
    # (.2 + .4) / 2 and (1 + .5) / 2; the fifth query's landmark has no name.
    assert [one.score for one in found] == pytest.approx([0.3, 0.75])


def test_extremes_are_of_different_landmarks_and_none_is_both() -> None:
    best, worst = asked.extremes(QUERIES, "mAP", 2)
    assert worst["id"].to_pylist() == ["q4", "q0"]
    assert best["id"].to_pylist() == ["q2", "q1"]
    best, worst = asked.extremes(QUERIES, "mAP", 9)
    assert worst["id"].to_pylist() == ["q4", "q0", "q3"]
    assert best["id"].to_pylist() == ["q2", "q1"]


def test_queries_without_names_are_not_taken_for_one_landmark() -> None:
    nameless = QUERIES.set_column(1, "landmark", pa.array([""] * 5))
    _, worst = asked.extremes(nameless, "mAP", 3)
    assert worst["id"].to_pylist() == ["q4", "q0", "q1"]


def test_first_wrong_results_are_counted_by_both_landmarks() -> None:
    """Tower's are a bridge twice, of which once in the very first place."""
    assert asked.confusions(QUERIES, landmarks_of) == [
        Confusion(landmark="tower", instead="bridge", queries=2, misled=1),
        Confusion(landmark="a landmark without a name", instead="bridge", queries=1, misled=1),
        Confusion(landmark="bridge", instead="no known landmark", queries=1, misled=1),
    ]


def test_landmarks_that_mislead_come_before_more_that_only_follow() -> None:
    queries = pa.table(
        {
            "landmark": ["bridge", "bridge", "tower"],
            "found": [["b2", "d0"], ["b2", "d0"], ["b0"]],
            "right": [[True, False], [True, False], [False]],
        }
    )
    told = [(one.landmark, one.misled) for one in asked.confusions(queries, landmarks_of)]
    assert told == [("tower", 1), ("bridge", 0)]


def test_no_wrong_result_is_no_confusion() -> None:
    assert asked.confusions(QUERIES.slice(2, 1), landmarks_of) == []


def test_no_query_is_the_best_where_none_is_wanted() -> None:
    best, worst = asked.extremes(QUERIES, "mAP", 0)
    assert len(best) == len(worst) == 0


def test_queries_that_a_protocol_leaves_out_are_left_out() -> None:
    scores = pa.array([0.2, None, 1.0, None, 0.1])
    left_out = QUERIES.set_column(2, "mAP", scores)
    assert asked.scored(left_out, "mAP")["id"].to_pylist() == ["q0", "q2", "q4"]
