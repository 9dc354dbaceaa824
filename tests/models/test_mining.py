import math

import numpy as np
import pytest
import tensorflow as tf

from models import mining
from models.losses.pairs import Pairs
from models.mining import Triplets
from tests.models.losses.embeddings import (
    LABELS,
    negatives,
    positive_pairs,
    random_rows,
    squared,
    tensor,
)


def row_of(to_positive: float, to_reference: list[float], negative: list[bool]) -> Triplets:
    return Triplets(
        tf.constant([[to_positive]]), tf.constant([to_reference]), tf.constant([negative])
    )


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_triplets_are_the_positive_pairs_with_a_negative(labels: list[int]) -> None:
    rows = random_rows(len(labels))
    found = mining.triplets_of(Pairs.within(rows, tensor(labels)))
    expected = [(a, p) for a, p in positive_pairs(labels) if negatives(labels, a)]
    assert found.to_reference.shape == found.negative.shape == (len(expected), len(labels))
    for row, (a, p) in enumerate(expected):
        assert float(found.to_positive[row, 0]) == pytest.approx(
            squared(rows[a], rows[p]), abs=1e-5
        )
        distances = [squared(rows[a], other) for other in rows]
        np.testing.assert_allclose(found.to_reference[row], distances, atol=1e-5)
        assert list(np.flatnonzero(found.negative[row])) == negatives(labels, a)


def test_triplets_of_a_large_batch_take_a_row_a_positive_pair() -> None:
    """1,024 photographs of 256 landmarks: 13 MB a tensor, not the 4 GB of all triplets."""
    pairs = Pairs.within(random_rows(1024, 512), tf.repeat(tf.range(256, dtype=tf.int64), 4))
    assert mining.triplets_of(pairs).to_reference.shape == (1024 * 3, 1024)


def test_farthest_and_nearest_of_hand_numbers() -> None:
    distances = tf.constant([[1.0, 3.0, 2.0], [0.5, 0.1, 0.2]])
    among = tf.constant([[True, False, True], [False, False, False]])
    np.testing.assert_allclose(mining.farthest(distances, among), [2, 0])
    np.testing.assert_allclose(mining.nearest(distances, among), [1, 8])  # 8: beyond all


@pytest.mark.parametrize(
    ("to_reference", "negative", "expected"),
    [
        # Farther than the positive, at 0.5, are 0.6 and 0.9.
        ([0.9, 0.2, 0.6], [True, True, True], 0.6),
        # All are nearer: the mildest.
        ([0.1, 0.4, 0.2], [True, True, True], 0.4),
        # As far as the positive is not farther.
        ([0.5, 0.7], [True, True], 0.7),
        # The positive itself, at 0.5, and another, at 0.6, are no negatives.
        ([0.5, 0.6, 0.8], [False, False, True], 0.8),
    ],
)
def test_semi_hard_negative_of_hand_numbers(
    to_reference: list[float], negative: list[bool], expected: float
) -> None:
    found = mining.semi_hard(row_of(0.5, to_reference, negative))
    np.testing.assert_allclose(found, [[expected]])


@pytest.mark.parametrize("dimension", [2, 3, 8])
def test_distance_weights_match_a_loop(dimension: int) -> None:
    distances = np.random.default_rng(dimension).uniform(0, 2, (5, 6)).astype(np.float32)
    among = np.random.default_rng(1).uniform(size=(5, 6)) < 0.7
    found = mining.distance_weights(tf.constant(distances), tf.constant(among), dimension)
    for row in range(5):
        weights = []
        for distance, is_negative in zip(distances[row], among[row], strict=True):
            d = min(max(float(distance), 0.5), math.sqrt(2))
            density = d ** (dimension - 2) * (1 - d**2 / 4) ** ((dimension - 3) / 2)
            weights.append(1 / density if is_negative else 0.0)
        np.testing.assert_allclose(found[row], np.divide(weights, sum(weights)), rtol=1e-4)


def test_distance_weights_make_all_distances_of_random_points_as_likely() -> None:
    """That is what they are for; a wrong density would leave a slope."""
    points = random_rows(200_000, 6)
    distances = np.sqrt(2 - 2 * points[:, 0])[None].astype(np.float32)  # to the first axis' pole
    within = tf.constant((distances > 0.5) & (distances < math.sqrt(2)))
    weights = mining.distance_weights(tf.constant(distances), within, 6).numpy()
    counts, _ = np.histogram(distances, bins=5, range=(0.5, math.sqrt(2)))
    likely, _ = np.histogram(distances, bins=5, range=(0.5, math.sqrt(2)), weights=weights)
    assert counts.max() > 10 * counts.min()
    np.testing.assert_allclose(likely, np.full(5, 0.2), atol=0.02)


def test_very_near_negatives_weigh_alike_and_far_ones_the_least() -> None:
    distances = tf.constant([[0.0, 0.3, 0.5, 1.0, 1.4143, 2.0]])
    weights = mining.distance_weights(distances, tf.ones_like(distances, tf.bool), 16).numpy()[0]
    assert weights[0] == weights[1] == weights[2] > weights[3] > weights[4] == weights[5] > 0


def test_distance_weights_stay_finite_in_many_dimensions_and_without_negatives() -> None:
    """At 512 the weights of 0.5 and 1.4 differ by a factor of 10 ** 154."""
    distances = tf.constant([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [1.4, 1.45, 2.0]])
    among = tf.constant([[True, True, True], [False, False, False], [True, True, True]])
    weights = mining.distance_weights(distances, among, 512).numpy()
    np.testing.assert_allclose(weights.sum(axis=1), [1, 0, 1], rtol=1e-5)


def test_distance_weights_have_no_gradient() -> None:
    distances = tf.constant([[0.6, 0.9]])
    with tf.GradientTape() as tape:
        tape.watch(distances)
        weights = mining.distance_weights(distances, tf.constant([[True, True]]), 8)
    assert tape.gradient(weights, distances) is None


@pytest.mark.parametrize("count", [1, 2, 100])
@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_nearest_negatives_match_a_loop(labels: list[int], count: int) -> None:
    rows = random_rows(len(labels))
    pairs = Pairs.within(rows, tensor(labels))
    found = mining.nearest_negatives(pairs, count)
    for a, row in enumerate(rows):
        by_distance = sorted((squared(row, rows[n]), n) for n in negatives(labels, a))
        expected = sorted(n for _, n in by_distance[:count])
        assert list(np.flatnonzero(found.negative[a])) == expected
    np.testing.assert_array_equal(found.positive, pairs.positive)


def test_negatives_as_near_as_the_last_are_all_kept() -> None:
    """In a collapsed batch all are equally near, and none is preferred by its place."""
    pairs = Pairs.within(np.ones((4, 1), np.float32), tensor([0, 1, 2, 3]))
    found = mining.nearest_negatives(pairs, 1)
    np.testing.assert_array_equal(found.negative, ~np.eye(4, dtype=bool))
