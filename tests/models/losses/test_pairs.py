import numpy as np
import pytest
import tensorflow as tf

from models.losses.pairs import Pairs, in_batch, mean_where, root, share, squared_distances
from tests.models.losses.embeddings import LABELS, random_rows, squared, tensor, unit_vectors


def test_squared_distances_of_hand_angles() -> None:
    # At 0, 90 and 180 degrees: 2 - 2 cos is 0 to itself, 2 across a right angle, 4 opposite.
    rows = unit_vectors([0, 90, 180])
    expected = [[0, 2, 4], [2, 0, 2], [4, 2, 0]]
    np.testing.assert_allclose(squared_distances(rows, rows), expected, atol=1e-6)


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("references", [1, 3])
def test_squared_distances_match_a_loop_and_stay_in_range(batch: int, references: int) -> None:
    rows, others = random_rows(batch, 7, seed=1), random_rows(references, 7, seed=2)
    found = squared_distances(rows, others).numpy()
    np.testing.assert_allclose(found, [[squared(a, b) for b in others] for a in rows], atol=1e-5)
    assert np.all(found >= 0)
    assert np.all(found <= 4 + 1e-5)


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_pairs_within_a_batch_match_a_loop(labels: list[int]) -> None:
    rows = random_rows(len(labels))
    pairs = Pairs.within(rows, tensor(labels))
    for i, of_first in enumerate(labels):
        for j, of_second in enumerate(labels):
            known = of_first >= 0 and of_second >= 0
            assert pairs.positive[i, j] == (known and i != j and of_first == of_second)
            assert pairs.negative[i, j] == (known and of_first != of_second)
            assert float(pairs.distances[i, j]) == pytest.approx(
                squared(rows[i], rows[j]), abs=1e-5
            )


def test_a_reference_may_be_a_copy_but_within_a_batch_nothing_meets_itself() -> None:
    rows, labels = random_rows(2), tensor([5, 6])
    between = Pairs.between(rows, labels, rows, labels)
    np.testing.assert_array_equal(between.positive, np.eye(2, dtype=bool))
    assert not np.any(Pairs.within(rows, labels).positive)


def test_unknown_landmarks_are_neither_positive_nor_negative() -> None:
    """Two unknown ones have equal labels, and may show one landmark or two."""
    rows = random_rows(3)
    pairs = Pairs.between(rows, tensor([-1, -2, 0]), rows, tensor([-1, 0, -2]))
    np.testing.assert_array_equal(pairs.positive, [[0, 0, 0], [0, 0, 0], [0, 1, 0]])
    assert not np.any(pairs.negative)


def test_references_of_two_sources_stand_beside_each_other() -> None:
    rows, others = random_rows(2, seed=1), random_rows(3, seed=2)
    labels, theirs = tensor([0, 1]), tensor([1, 0, 2])
    first = Pairs.between(rows, labels, others, theirs)
    joined = Pairs.within(rows, labels).beside(first)
    np.testing.assert_array_equal(joined.distances[:, 2:], first.distances)
    np.testing.assert_array_equal(joined.positive, [[0, 0, 0, 1, 0], [0, 0, 1, 0, 0]])
    np.testing.assert_array_equal(joined.negative, [[0, 1, 1, 0, 1], [1, 0, 0, 1, 1]])


def test_a_loss_in_a_batch_sees_its_pairs() -> None:
    rows, labels = random_rows(4), tensor([0, 0, 1, -1])

    def farthest_pair(pairs: Pairs) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reduce_max(pairs.distances), tf.math.count_nonzero(pairs.negative)

    loss, negatives = in_batch(farthest_pair)(rows, labels)
    assert float(loss) == pytest.approx(max(squared(a, b) for a in rows for b in rows), abs=1e-5)
    assert int(negatives) == 4  # two of landmark 0 against one of landmark 1, both ways


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_distances_of_small_floats_are_computed_in_float32(dtype: str) -> None:
    """A right angle plus little: in float16 the similarity's digits would be lost."""
    rows, others = random_rows(3, 64, seed=1), random_rows(4, 64, seed=2)
    rounded = tf.cast(rows, dtype), tf.cast(others, dtype)
    found = squared_distances(*rounded)
    assert found.dtype == tf.float32
    exact = squared_distances(*(tf.cast(part, tf.float32) for part in rounded))
    np.testing.assert_array_equal(found, exact)


def test_means_and_shares_of_hand_numbers() -> None:
    # Of 1, 2, 6 the first and last are chosen: 7 / 2; of those two one is part: 1 / 2.
    values, chosen = tf.constant([1.0, 2.0, 6.0]), tf.constant([True, False, True])
    assert float(mean_where(values, chosen)) == 3.5
    assert float(share(tf.constant([True, True, False]), chosen)) == 0.5
    nowhere = tf.constant([False, False, False])
    assert float(mean_where(values, nowhere)) == 0
    assert float(share(chosen, nowhere)) == 0


def test_a_value_that_is_not_a_number_is_not_hidden() -> None:
    values = tf.constant([1.0, float("nan")])
    assert np.isnan(mean_where(values, tf.constant([True, False])))
    assert np.isnan(mean_where(values, tf.constant([False, False])))


@pytest.mark.parametrize("square", [0.0, -1e-7, 1e-14, 4.0])
def test_root_has_a_finite_gradient(square: float) -> None:
    value = tf.constant(square)
    with tf.GradientTape() as tape:
        tape.watch(value)
        distance = root(value)
    assert float(distance) == pytest.approx(max(square, 0) ** 0.5, abs=1e-5)
    assert np.isfinite(tape.gradient(distance, value))
