"""Hand arithmetic, and an independent loop over random rankings."""

import numpy as np
import pytest

from pipeline.scoring import metrics

Labels = list[int]


def ranking(text: str) -> np.ndarray:
    """``"+-+"``: relevant, not, relevant."""
    return np.array([[mark == "+" for mark in text]])


def circle(degrees: list[float]) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def looped_average_precision(marks: list[bool], total: int, k: int | None) -> float:
    found, score = 0, 0.0
    for rank, relevant in enumerate(marks[:k], start=1):
        if relevant:
            found += 1
            score += found / rank
    return score / (total if k is None else min(total, k))


@pytest.mark.parametrize(
    ("marks", "total", "k", "expected"),
    [
        ("+-+--", 2, None, (1 / 1 + 2 / 3) / 2),
        ("--+", 1, None, 1 / 3),
        ("+++", 3, None, 1.0),
        ("---", 1, None, 0.0),
        ("+----", 2, None, (1 / 1) / 2),  # the second one exists though it was not found
        ("+-+-+", 3, 3, (1 / 1 + 2 / 3) / 3),
        ("+-+-+", 3, 2, (1 / 1) / 2),  # of three, two places can hold two: min(3, 2)
        ("++---", 90, 2, 1.0),
        ("-+", 1, 1, 0.0),
        ("+-", 1, 50, 1.0),  # fewer ranked than k
    ],
)
def test_average_precision_of_hand_rankings(
    marks: str, total: int, k: int | None, expected: float
) -> None:
    found = metrics.average_precision(ranking(marks), np.array([total]), k)
    assert found.shape == (1,)
    assert found[0] == pytest.approx(expected)


@pytest.mark.parametrize("queries", [1, 2, 5])
@pytest.mark.parametrize("k", [None, 1, 7, 100])
def test_average_precision_matches_a_loop(queries: int, k: int | None) -> None:
    generator = np.random.default_rng(queries)
    relevant = generator.random((queries, 20)) < 0.3
    totals = np.maximum(1, relevant.sum(axis=1) + generator.integers(0, 4, queries))
    expected = [
        looped_average_precision(list(row), int(total), k)
        for row, total in zip(relevant, totals, strict=True)
    ]
    np.testing.assert_allclose(metrics.average_precision(relevant, totals, k), expected)


def test_moving_a_relevant_photograph_up_never_lowers_average_precision() -> None:
    scores = [
        metrics.average_precision(ranking(marks), np.array([2]))[0]
        for marks in ("--++", "-+-+", "-++-", "+-+-", "++--")
    ]
    assert scores == sorted(scores)
    assert scores[-1] == 1


@pytest.mark.parametrize("total", [0, -1, 1])
def test_totals_that_cannot_be_are_refused(total: int) -> None:
    with pytest.raises(
        ValueError, match=rf"total is at least 1 .* row 0: 2 ranked, {total} in all"
    ):
        metrics.average_precision(ranking("++-"), np.array([total]))


def test_recall_asks_for_one_relevant_photograph_among_the_first() -> None:
    relevant = np.concatenate([ranking("+--"), ranking("-+-"), ranking("---")])
    assert metrics.recall_at(relevant, 1).tolist() == [True, False, False]
    assert metrics.recall_at(relevant, 2).tolist() == [True, True, False]
    assert metrics.recall_at(relevant, 10).tolist() == [True, True, False]


def test_every_score_is_told_of_every_query() -> None:
    relevant = np.concatenate([ranking("+-"), ranking("-+")])
    scores = metrics.of_queries(relevant, np.array([1, 1]))
    assert scores["mAP"].tolist() == [1, 1 / 2]
    assert scores["recall@1"].tolist() == [1, 0]
    assert scores["recall@5"].tolist() == [1, 1]
    assert list(scores) == [
        *("mAP", "mAP@10", "mAP@50", "mAP@100", "precision@10", "precision@50"),
        *("recall@1", "recall@5", "recall@10"),
    ]


def test_distractors_and_lone_photographs_have_nothing_relevant_elsewhere() -> None:
    labels = np.array([4, -1, 4, 7, -1, 4])
    assert metrics.relevant_elsewhere(labels).tolist() == [2, 0, 2, 0, 0, 2]


def test_all_others_are_ranked_by_similarity() -> None:
    # From 0: 10 (its own), 30; from 10: 0 (its own) before 30; 30 and the distractor never query.
    relevant, totals = metrics.leave_one_out(circle([0, 10, 30, 5]), np.array([1, 1, 2, -1]))
    # Between 0 and 10 lies the distractor at 5, nearer to both than they are to each other.
    assert relevant.tolist() == [[False, True, False], [False, True, False]]
    assert totals.tolist() == [1, 1]


def test_query_is_left_out_even_among_exact_duplicates() -> None:
    """A duplicate of other identity ranks; the query itself never does."""
    relevant, totals = metrics.leave_one_out(circle([20] * 4), np.array([3, 3, 3, 5]))
    assert relevant.shape == (3, 3)
    assert relevant.sum(axis=1).tolist() == totals.tolist() == [2, 2, 2]


@pytest.mark.parametrize("rows_at_a_time", [1, 3, 1024])
def test_leave_one_out_matches_a_loop(rows_at_a_time: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_ROWS_AT_A_TIME", rows_at_a_time)
    generator = np.random.default_rng(8)
    embeddings = generator.normal(size=(17, 4)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    labels = generator.integers(-1, 5, 17)
    labels[3] = 99  # the only photograph of its landmark
    expected = []
    for query in range(17):
        others = [i for i in range(17) if i != query]
        others.sort(key=lambda i: float(np.sum((embeddings[i] - embeddings[query]) ** 2)))
        marks = [bool(labels[i] == labels[query]) for i in others]
        if labels[query] >= 0 and any(marks):
            expected.append(marks)
    relevant, totals = metrics.leave_one_out(embeddings, labels)
    assert relevant.tolist() == expected
    assert totals.tolist() == [sum(marks) for marks in expected]


@pytest.mark.parametrize("labels", [[0, 1, 2], [-1, -1, -1], [-1, 5, -1]])
def test_nothing_to_find_is_refused(labels: Labels) -> None:
    with pytest.raises(ValueError, match="No landmark has two photographs"):
        metrics.leave_one_out(circle([0, 10, 20]), np.array(labels))


def test_precision_counts_places_that_are_not_ranked_as_wrong() -> None:
    relevant = np.concatenate([ranking("++-"), ranking("-+-"), ranking("---")])
    assert metrics.precision_at(relevant, 2).tolist() == [1.0, 0.5, 0.0]
    assert metrics.precision_at(relevant, 10).tolist() == [0.2, 0.1, 0.0]


def test_interpolated_precision_is_the_best_at_a_recall_or_beyond() -> None:
    # "-+-++": precisions 1/2 at 1 of 4, 2/4 at 2, 3/5 at 3; the fourth is not ranked.
    found = metrics.precision_at_recall(
        ranking("-+-++"), np.array([4]), np.array([0.1, 0.25, 0.5, 0.75, 0.76, 1.0])
    )
    np.testing.assert_allclose(found, [[0.6, 0.6, 0.6, 0.6, 0.0, 0.0]])


def test_interpolated_precision_matches_a_loop() -> None:
    generator = np.random.default_rng(3)
    relevant = generator.random((20, 15)) < 0.4
    totals = np.maximum(relevant.sum(axis=1) + generator.integers(0, 2, 20), 1)
    levels = np.linspace(0.1, 1, 10)
    for row, total, found in zip(
        relevant, totals, metrics.precision_at_recall(relevant, totals, levels), strict=True
    ):
        marks = row.tolist()
        for level, value in zip(levels.tolist(), found.tolist(), strict=True):
            best = 0.0
            for rank in range(1, 16):
                seen = sum(marks[:rank])
                if seen / total >= level - 1e-9 and seen:
                    best = max(best, seen / rank)
            assert value == pytest.approx(best)


def test_scores_beyond_the_depth_of_a_ranking_are_left_out() -> None:
    scores = metrics.of_queries(ranking("+-+--"), np.array([3]), depth=5)
    assert list(scores) == metrics.names(5) == ["mAP", "recall@1", "recall@5"]
    assert "mAP@10" in metrics.names(10)
    assert "precision@50" not in metrics.names(49)


def test_scores_are_those_of_an_independent_ranking_with_ties() -> None:
    """Ties stand in the order that the index gives them; each query is ranked by sorting alone."""
    generator = np.random.default_rng(4)
    for queries in (1, 2, 5):
        similarities = generator.integers(0, 4, (queries, 30)) / 4  # many equal ones
        labels = generator.integers(0, 3, 30)
        own = generator.integers(0, 3, queries)
        order = np.argsort(-similarities, axis=1, kind="stable")
        totals = np.array([(labels == one).sum() for one in own])
        found = metrics.of_queries(labels[order] == own[:, None], totals)
        for query in range(queries):
            ranked = sorted(range(30), key=lambda row: (-similarities[query][row], row))
            marks = [bool(labels[row] == own[query]) for row in ranked]
            for k in (10, 50):
                expected = looped_average_precision(marks, int(totals[query]), k)
                assert found[f"mAP@{k}"][query] == pytest.approx(expected)
                assert found[f"precision@{k}"][query] == pytest.approx(sum(marks[:k]) / k)
            assert found["recall@5"][query] == float(any(marks[:5]))
