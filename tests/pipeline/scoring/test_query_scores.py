import numpy as np
import pytest

from pipeline.scoring.query_scores import QueryScores


def test_scores_taken_some_at_a_time_are_those_of_all() -> None:
    scores = QueryScores(["mAP", "recall@1"], np.array([0, 0, 1]))
    scores.put(np.array([2]), {"mAP": np.array([1.0]), "recall@1": np.array([1.0])}, 0.5)
    scores.put(np.array([0, 1]), {"mAP": np.array([0.25, 0.1]), "recall@1": np.zeros(2)}, 1.0)
    assert scores.means() == pytest.approx({"mAP": 0.45, "recall@1": 1 / 3})
    assert scores.milliseconds == pytest.approx(500)
    assert scores.table()["mAP"].to_pylist() == [0.25, 0.1, 1.0]


def test_queries_that_a_protocol_leaves_out_do_not_count() -> None:
    scores = QueryScores(["hard"], np.arange(3))
    scores.put(np.arange(3), {"hard": np.array([0.5, np.nan, 1.0])}, 0.0)
    assert scores.means() == {"hard": 0.75}
    assert scores.table()["hard"].to_pylist() == [0.5, None, 1.0]
    (low, high) = scores.intervals()["hard"]
    assert 0.5 <= low <= 0.75 <= high <= 1.0


def test_queries_of_one_landmark_have_a_mean_and_no_interval() -> None:
    scores = QueryScores(["mAP"], np.zeros(2, int))
    scores.put(np.arange(2), {"mAP": np.array([0.5, 1.0])}, 0.0)
    assert scores.means() == {"mAP": 0.75}
    assert scores.intervals() == {}


def test_a_score_of_no_query_is_an_error() -> None:
    scores = QueryScores(["hard"], np.arange(2))
    scores.put(np.arange(2), {"hard": np.full(2, np.nan)}, 0.0)
    with pytest.raises(ValueError, match="hard is of none"):
        scores.means()
