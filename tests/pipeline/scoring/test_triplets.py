"""Hand arithmetic, and plain loops over random descriptions with ties."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models.words import bags
from models.words.bags import Bags
from pipeline.scoring import triplets
from pipeline.scoring.triplets import PositiveRanks


def circle(*degrees: float) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def random_bags(count: int, generator: np.random.Generator, code_bytes: int = 0) -> Bags:
    parts = [Bags.none(12, code_bytes)]
    for _ in range(count):
        words = np.flatnonzero(generator.random(12) < 0.3)
        weights = generator.integers(1, 4, len(words))
        codes = generator.integers(0, 256, (len(words), code_bytes)).astype(np.uint8)
        length = max(float(np.linalg.norm(weights)), 1.0)
        parts.append(Bags.of_one(words, weights / length, codes, 12))
    return bags.concatenate(parts)


def ranked(photographs: Any, pairs: np.ndarray, labels: np.ndarray, block: int) -> list[int]:
    ranks = PositiveRanks(photographs[pairs[:, 0]], photographs[pairs[:, 1]], labels[pairs[:, 0]])
    for start in range(0, len(labels), block):
        part = slice(start, start + block)
        ranks.show(photographs[part], labels[part])
    return ranks.ranks().tolist()


def looped_ranks(similarities: np.ndarray, pairs: np.ndarray, labels: np.ndarray) -> list[int]:
    """One photograph after the other that is not joined with the anchor."""
    ranks = []
    for anchor, positive in pairs.tolist():
        before = 0
        for other in range(len(labels)):
            if other in (anchor, positive) or labels[other] == labels[anchor]:
                continue
            before += similarities[anchor, other] >= similarities[anchor, positive] - 1e-6
        ranks.append(1 + before)
    return ranks


def test_rank_counts_what_stands_before_the_positive_by_hand() -> None:
    # From 0 degrees: 5 and 9 are before the positive at 10; 10.5 and 180 behind; 3 is joined.
    photographs = circle(0, 10, 3, 5, -9, 10.5, 180)
    labels = np.array([4, 4, 4, -1, 7, -1, -1])
    assert ranked(photographs, np.array([[0, 1]]), labels, block=7) == [3]
    # From 10: 5 (5 away), 10.5, and the positive at 0 is 10 away; -9 and 180 are farther.
    assert ranked(photographs, np.array([[1, 0]]), labels, block=7) == [3]


def test_what_is_as_near_as_the_positive_stands_before_it() -> None:
    photographs = circle(0, 20, 20, -20, 40)
    labels = np.array([0, 0, -1, -1, -1])
    assert ranked(photographs, np.array([[0, 1]]), labels, block=5) == [3]


def test_a_model_that_sees_no_difference_ranks_every_positive_last_and_is_never_right() -> None:
    photographs = circle(*[70] * 9)
    pairs, labels = np.array([[0, 1], [2, 3]]), np.array([0, 0, 1, 1, -1, -1, -1, -1, -1])
    assert ranked(photographs, pairs, labels, block=4) == [8, 8]  # of 9 but the anchor: all
    same = triplets.pair_similarities(photographs[:2], photographs[2:4])
    assert not triplets.is_nearer(same, same).any()


@pytest.mark.parametrize("together", [1, 3, 256])
@pytest.mark.parametrize("block", [1, 6, 40])
def test_ranks_match_a_loop(block: int, together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triplets, "_TOGETHER", together)
    generator = np.random.default_rng(block)
    photographs = circle(*generator.integers(0, 60, 40).tolist())  # with copies
    labels = generator.integers(0, 12, 40)
    labels[30:] = -1
    pairs = np.array(
        [(a, b) for a in range(30) for b in range(30) if a != b and labels[a] == labels[b]]
    )
    assert len(pairs) > 20
    expected = looped_ranks(photographs @ photographs.T, pairs, labels)
    assert ranked(photographs, pairs, labels, block) == expected


@pytest.mark.parametrize("code_bytes", [0, 2])
def test_bags_of_words_are_ranked_by_what_an_inverted_file_gives(code_bytes: int) -> None:
    generator = np.random.default_rng(5)
    photographs = random_bags(20, generator, code_bytes)
    labels = np.repeat(np.arange(10), 2)
    pairs = np.arange(20).reshape(10, 2)
    similarities = np.concatenate(
        [triplets.compared_with(photographs)(photographs[row : row + 1]) for row in range(20)]
    )
    if not code_bytes:
        dense = photographs.dense()
        np.testing.assert_allclose(similarities, dense @ dense.T, atol=1e-6)
    assert ranked(photographs, pairs, labels, 7) == looped_ranks(similarities, pairs, labels)


@pytest.mark.parametrize(
    "describe",
    [
        lambda generator: circle(*generator.integers(0, 360, 9).tolist()),
        lambda generator: random_bags(9, generator),
    ],
)
@pytest.mark.parametrize("together", [1, 4, 256])
def test_similarities_of_pairs_are_the_diagonal(
    describe: Callable[[np.random.Generator], Any],
    together: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(triplets, "_TOGETHER", together)
    generator = np.random.default_rng(1)
    first, second = describe(generator), describe(generator)
    dense = [one.dense() if isinstance(one, Bags) else one for one in (first, second)]
    expected = [float(a @ b) for a, b in zip(*dense, strict=True)]
    np.testing.assert_allclose(triplets.pair_similarities(first, second), expected, atol=1e-6)


def test_summary_by_hand() -> None:
    found = triplets.summarise(np.array([True, True, False, True]), np.array([1, 5, 6, 40]))
    assert found == {
        "triplet accuracy": 0.75,
        "recall@1": 0.25,
        "recall@5": 0.5,
        "recall@10": 0.75,
        "mean rank": 13.0,
        "median rank": 5.5,
    }


def test_intervals_draw_pseudo_landmarks_whole() -> None:
    """One of two is always right, the other never, so that a mean drawn is 0, 1/2 or 1."""
    labels = np.array([8, 8, 5, 5])
    found = triplets.intervals(
        np.array([True, True, False, False]), labels, np.array([1, 1, 7, 7]), labels
    )
    assert found == {
        "triplet accuracy": [0, 1],
        "recall@1": [0, 1],
        "recall@5": [0, 1],
        "recall@10": [1, 1],
        "mean rank": [1, 7],
    }


def test_no_triplets_are_no_score() -> None:
    with pytest.raises(ValueError, match="no triplet to score"):
        triplets.summarise(np.zeros(0, bool), np.zeros(0, int))
