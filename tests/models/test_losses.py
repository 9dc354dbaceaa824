"""Every loss against plain loops, on embeddings built from angles."""

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from models import losses, siamese

MARGIN = 0.3


def unit_vectors(degrees: list[float]) -> np.ndarray:
    """Points on the unit circle ``(n, 2)``."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def angles(count: int, *, seed: int) -> list[float]:
    return list(np.random.default_rng(seed).uniform(0, 90, count))


def squared(a: np.ndarray, b: np.ndarray) -> float:
    return sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True))


def gradient(batch_loss: siamese.BatchLoss, embeddings: np.ndarray, labels: list[int]) -> tf.Tensor:
    variable = tf.Variable(embeddings)
    with tf.GradientTape() as tape:
        loss, _ = batch_loss(tf.convert_to_tensor(variable), tf.constant(labels, tf.int64))
    return tape.gradient(loss, variable)


def test_squared_distances_of_hand_angles() -> None:
    # At 0, 90 and 180 degrees: 2 - 2 cos is 0 to itself, 2 across a right angle, 4 opposite.
    distances = losses.squared_distances(tf.constant(unit_vectors([0, 90, 180])))
    np.testing.assert_allclose(distances, [[0, 2, 4], [2, 0, 2], [4, 2, 0]], atol=1e-6)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_squared_distances_match_a_loop_and_stay_in_range(batch: int) -> None:
    rows = np.random.default_rng(batch).normal(size=(batch, 7))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    found = losses.squared_distances(tf.constant(rows)).numpy()
    expected = [[squared(a, b) for b in rows] for a in rows]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.all(found >= 0)
    assert np.all(found <= 4 + 1e-5)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_given_triplets_match_a_loop(batch: int) -> None:
    """A batch of one cannot show a misaligned split, so not only one."""
    anchors, positives, negatives = (unit_vectors(angles(batch, seed=i)) for i in range(3))
    expected = [
        max(0.0, squared(a, p) - squared(a, n) + MARGIN)
        for a, p, n in zip(anchors, positives, negatives, strict=True)
    ]
    found = losses.triplet_loss(anchors, positives, negatives, MARGIN)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    stacked = tf.constant(np.concatenate([anchors, positives, negatives]))
    mean, active = siamese.given_triplets(MARGIN)(stacked, tf.fill([3 * batch], -1))
    assert float(mean) == pytest.approx(sum(expected) / batch, abs=1e-6)
    assert float(active) == pytest.approx(sum(loss > 0 for loss in expected) / batch)


def test_given_triplets_lie_stacked_and_not_interleaved() -> None:
    """Anchors, then positives, then negatives: read in threes, this batch would cost much."""
    stacked = tf.constant(unit_vectors([0, 90, 0, 90, 90, 0]))
    loss, active = siamese.given_triplets(MARGIN)(stacked, tf.fill([6], -1))
    assert (float(loss), float(active)) == (0.0, 0.0)
    # Interleaved triplets (0, 0, 90) and (90, 90, 0) are not what the loss takes.
    interleaved = tf.constant(unit_vectors([0, 0, 90, 90, 90, 0]))
    assert float(siamese.given_triplets(MARGIN)(interleaved, tf.fill([6], -1))[0]) > 0


@pytest.mark.parametrize(
    ("degrees", "labels"),
    [
        (angles(1, seed=3), [0]),
        (angles(2, seed=3), [0, 1]),
        (angles(5, seed=3), [0, 1, 0, 1, 1]),
        (angles(5, seed=4), [2, 2, 2, 0, 1]),
    ],
)
def test_batch_all_triplet_loss_matches_a_loop(degrees: list[float], labels: list[int]) -> None:
    rows = unit_vectors(degrees)
    terms = [
        squared(rows[a], rows[p]) - squared(rows[a], rows[n]) + MARGIN
        for a, p, n in itertools.product(range(len(rows)), repeat=3)
        if a != p and labels[a] == labels[p] and labels[a] != labels[n]
    ]
    costs = [term for term in terms if term > 0]
    loss, active = siamese.labelled_triplets(MARGIN)(rows, tf.constant(labels, tf.int64))
    assert float(loss) == pytest.approx(sum(costs) / max(1, len(costs)), abs=1e-5)
    assert float(active) == pytest.approx(len(costs) / max(1, len(terms)))


@pytest.mark.parametrize(
    ("degrees", "labels"),
    [
        (angles(1, seed=5), [0]),
        (angles(2, seed=5), [0, 1]),
        (angles(2, seed=5), [0, 0]),
        (angles(5, seed=5), [0, 1, 0, 1, 1]),
    ],
)
def test_batch_contrastive_loss_matches_a_loop(degrees: list[float], labels: list[int]) -> None:
    rows = unit_vectors(degrees)
    near, far = [], []
    for i, j in itertools.combinations(range(len(rows)), 2):
        distance = math.sqrt(squared(rows[i], rows[j]))
        if labels[i] == labels[j]:
            near.append(distance**2 / 2)
        else:
            far.append(max(0.0, MARGIN - distance) ** 2 / 2)
    costs = [cost for cost in far if cost > 0]
    expected = sum(near) / max(1, len(near)) + sum(costs) / max(1, len(costs))
    loss, active = siamese.labelled_pairs(MARGIN)(rows, tf.constant(labels, tf.int64))
    assert float(loss) == pytest.approx(expected, abs=1e-5)
    assert float(active) == pytest.approx(len(costs) / max(1, len(far)))


def test_contrastive_loss_pulls_pairs_together_and_pushes_others_to_the_margin() -> None:
    # d^2 = 0.04, d = 0.2: same 0.04 / 2; other (0.5 - 0.2)^2 / 2; beyond the margin nothing.
    distances = tf.constant([0.04, 0.04, 0.36])
    found = losses.contrastive_loss(distances, tf.constant([True, False, False]), margin=0.5)
    np.testing.assert_allclose(found, [0.02, 0.045, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    "batch_loss",
    [siamese.given_triplets(0.1), siamese.labelled_triplets(0.1), siamese.labelled_pairs(0.1)],
    ids=["given_triplets", "labelled_triplets", "labelled_pairs"],
)
def test_losses_of_equal_embeddings_have_finite_gradients(batch_loss: siamese.BatchLoss) -> None:
    """At distance zero the square root has none; a collapsed network must get out of it."""
    rows = unit_vectors([30] * 6)
    assert np.all(np.isfinite(gradient(batch_loss, rows, [0, 0, 1, 1, 2, 2])))


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [7]])
def test_a_batch_without_valid_triplets_costs_nothing(labels: list[int]) -> None:
    rows = unit_vectors(angles(len(labels), seed=6))
    loss, active = siamese.labelled_triplets(MARGIN)(rows, tf.constant(labels, tf.int64))
    assert (float(loss), float(active)) == (0.0, 0.0)
    steepness = gradient(siamese.labelled_triplets(MARGIN), rows, labels)
    np.testing.assert_array_equal(tf.convert_to_tensor(steepness), np.zeros_like(rows))


def test_losses_pull_positives_and_push_negatives() -> None:
    """A small step against the gradient brings the same landmark nearer, the other farther."""
    rows, labels = unit_vectors([0, 40, -30]), [0, 0, 1]
    for batch_loss in (siamese.labelled_triplets(1.0), siamese.labelled_pairs(1.0)):
        stepped = rows - 0.01 * gradient(batch_loss, rows, labels).numpy()
        assert squared(stepped[0], stepped[1]) < squared(rows[0], rows[1])
        assert squared(stepped[0], stepped[2]) > squared(rows[0], rows[2])
