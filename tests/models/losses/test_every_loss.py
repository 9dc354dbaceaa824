"""What holds of every loss: it is finite wherever embeddings lie, and learns the right way."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from models.losses.arcface import ArcFace
from models.losses.contrastive import (
    batch_contrastive_loss,
    given_contrastive_loss,
    hard_contrastive_loss,
)
from models.losses.memory import CrossBatchMemory
from models.losses.pairs import BatchLoss, in_batch
from models.losses.supervised_contrastive import supervised_contrastive_loss
from models.losses.triplet import (
    batch_all_triplet_loss,
    batch_hard_triplet_loss,
    distance_weighted_triplet_loss,
    given_triplet_loss,
    semi_hard_triplet_loss,
)
from tests.models.losses.embeddings import gradient, random_rows, squared, tensor, unit_vectors


def arcface(subcentres: int = 1, *, learned_margin: bool = False) -> ArcFace:
    """With the same centres every time."""
    layer = ArcFace([0, 1, 2], dimension=16, subcentres=subcentres, learned_margin=learned_margin)
    layer.centres.assign(random_rows(3 * subcentres, 16, seed=1).reshape(3, subcentres, 16))
    return layer


# Each is made anew where it is used, so that none remembers another test's batch.
# Given triplets and pairs are three parts or two, so every batch below is of six photographs.
GIVEN: dict[str, Callable[[], BatchLoss]] = {
    "given_triplets": lambda: partial(given_triplet_loss, margin=0.3),
    "given_pairs": lambda: partial(given_contrastive_loss, margin=0.7),
}
LABELLED: dict[str, Callable[[], BatchLoss]] = {
    "batch_all": lambda: in_batch(partial(batch_all_triplet_loss, margin=0.3)),
    "batch_hard": lambda: in_batch(partial(batch_hard_triplet_loss, margin=0.3)),
    "semi_hard": lambda: in_batch(partial(semi_hard_triplet_loss, margin=0.3)),
    "distance_weighted": lambda: in_batch(
        partial(distance_weighted_triplet_loss, margin=0.3, dimension=16)
    ),
    "all_pairs": lambda: in_batch(partial(batch_contrastive_loss, margin=0.7)),
    "hard_pairs": lambda: in_batch(partial(hard_contrastive_loss, margin=0.7)),
    "supervised_contrastive": lambda: in_batch(
        partial(supervised_contrastive_loss, temperature=0.1)
    ),
    "memory": lambda: CrossBatchMemory(
        partial(batch_hard_triplet_loss, margin=0.3), capacity=8, dimension=16
    ),
    "arcface": arcface,
    "arcface_of_learned_margin": lambda: arcface(learned_margin=True, subcentres=2),
}
EVERY = GIVEN | LABELLED
OF_PAIRS = [name for name in LABELLED if "arcface" not in name]
OF_TRIPLETS = [name for name in OF_PAIRS if name not in ("all_pairs", "hard_pairs")]


def spread(directions: np.ndarray) -> np.ndarray:
    """The same rows in 16 dimensions."""
    return np.pad(directions, ((0, 0), (0, 16 - directions.shape[1])))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    "degrees",
    [[30.0] * 6, [30.0, 210.0] * 3, [0.0] * 3 + [180.0] * 3, [0.0, 1e-3, 50.0, 90.0, 9.0, 1.0]],
    ids=["identical", "opposite", "halves", "various"],
)
@pytest.mark.parametrize("name", EVERY)
def test_loss_and_gradients_are_finite(name: str, degrees: list[float], dtype: str) -> None:
    """At distance zero the square root has none; a collapsed network must get out of it."""
    rows, labels = tf.cast(spread(unit_vectors(degrees)), dtype), [0, 0, 1, 1, 2, 2]
    loss, active = EVERY[name]()(rows, tensor(labels))
    assert loss.dtype == active.dtype == tf.float32
    assert np.isfinite(loss)
    assert 0 <= float(active) <= 1
    assert np.all(np.isfinite(gradient(EVERY[name](), rows, labels)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", EVERY)
def test_small_floats_give_the_loss_of_what_they_hold(name: str, dtype: str) -> None:
    rows, labels = tf.cast(random_rows(6, 16), dtype), tensor([0, 0, 1, 1, 2, 2])
    found = EVERY[name]()(rows, labels)
    np.testing.assert_allclose(found, EVERY[name]()(tf.cast(rows, tf.float32), labels), rtol=1e-6)
    np.testing.assert_allclose(found[0], EVERY[name]()(random_rows(6, 16), labels)[0], rtol=2e-2)


@pytest.mark.parametrize(
    "labels", [[-1] * 6, [7], [-5]], ids=["unknown", "one", "one_of_no_landmark"]
)
@pytest.mark.parametrize("name", OF_PAIRS)
def test_a_batch_with_nothing_to_compare_costs_nothing(name: str, labels: list[int]) -> None:
    assert_costs_nothing(name, labels)


@pytest.mark.parametrize("labels", [[1] * 6, [0, 1, 2, 3, 4, 5]], ids=["one_landmark", "all_apart"])
@pytest.mark.parametrize("name", OF_TRIPLETS)
def test_a_batch_without_a_valid_triplet_costs_nothing(name: str, labels: list[int]) -> None:
    assert_costs_nothing(name, labels)


@pytest.mark.parametrize("labels", [[-1] * 6, [9], [-9, 30]], ids=str)
@pytest.mark.parametrize("name", ["arcface", "arcface_of_learned_margin"])
def test_photographs_of_no_landmark_that_arcface_knows_cost_nothing(
    name: str, labels: list[int]
) -> None:
    assert_costs_nothing(name, labels)


def assert_costs_nothing(name: str, labels: list[int]) -> None:
    rows = random_rows(len(labels), 16)
    loss, active = EVERY[name]()(rows, tensor(labels))
    assert (float(loss), float(active)) == (0.0, 0.0)
    np.testing.assert_array_equal(gradient(EVERY[name](), rows, labels), np.zeros_like(rows))


@pytest.mark.parametrize("name", EVERY)
def test_embeddings_that_are_no_numbers_are_not_hidden(name: str) -> None:
    """Training stops at such a loss; 0 would look like a solved batch."""
    rows = random_rows(6, 16)
    rows[2] = np.nan
    assert np.isnan(EVERY[name]()(rows, tensor([0, 0, 1, 1, 2, 2]))[0])
    rows[:] = np.nan
    assert np.isnan(EVERY[name]()(rows, tensor([0, 0, 1, 1, 2, 2]))[0])


@pytest.mark.parametrize("name", LABELLED)
def test_order_of_the_photographs_does_not_matter(name: str) -> None:
    rows, labels = random_rows(8, 16), np.array([0, 0, 0, 1, 1, 2, 2, -1])
    order = np.random.default_rng(0).permutation(8)
    found = EVERY[name]()(rows, tf.constant(labels))
    shuffled = EVERY[name]()(rows[order], tf.constant(labels[order]))
    np.testing.assert_allclose(shuffled, found, rtol=1e-5)


@pytest.mark.parametrize("name", LABELLED)
def test_one_compiled_function_takes_batches_of_any_size(name: str) -> None:
    """A batch is smaller where a photograph is damaged."""
    signature = [tf.TensorSpec([None, 16], tf.float32), tf.TensorSpec([None], tf.int64)]
    plain, compiled = EVERY[name](), tf.function(EVERY[name](), input_signature=signature)
    rows, labels = tf.constant(random_rows(6, 16)), tensor([0, 0, 1, 1, 2, 2])
    for count in (6, 1, 5):
        np.testing.assert_allclose(
            compiled(rows[:count], labels[:count]), plain(rows[:count], labels[:count]), rtol=1e-5
        )


@pytest.mark.parametrize("name", OF_PAIRS)
def test_the_same_landmark_comes_nearer_and_the_other_goes_away(name: str) -> None:
    """By a small step against the gradient."""
    rows, labels = spread(unit_vectors([0, 40, -30])), [0, 0, 1]
    stepped = rows - 0.01 * gradient(EVERY[name](), rows, labels)
    assert squared(stepped[0], stepped[1]) < squared(rows[0], rows[1])
    assert squared(stepped[0], stepped[2]) > squared(rows[0], rows[2])
