import collections
import json
import math
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.losses.contrastive import batch_contrastive_loss, hard_contrastive_loss
from models.losses.memory import CrossBatchMemory
from models.losses.pairs import PairLoss, Pairs, in_batch
from models.losses.supervised_contrastive import supervised_contrastive_loss
from models.losses.triplet import (
    batch_all_triplet_loss,
    batch_hard_triplet_loss,
    distance_weighted_triplet_loss,
    semi_hard_triplet_loss,
)
from tests.models.losses.embeddings import gradient, random_rows, squared, tensor

PAIR_LOSSES: dict[str, PairLoss] = {
    "batch_all": partial(batch_all_triplet_loss, margin=0.3),
    "batch_hard": partial(batch_hard_triplet_loss, margin=0.3),
    "semi_hard": partial(semi_hard_triplet_loss, margin=0.3),
    "distance_weighted": partial(distance_weighted_triplet_loss, margin=0.3, dimension=4),
    "all_pairs": partial(batch_contrastive_loss, margin=1.2),
    "hard_pairs": partial(hard_contrastive_loss, margin=1.2, negatives=2),
    "supervised_contrastive": partial(supervised_contrastive_loss, temperature=0.2),
}
MARGIN = 1.2
ALL_PAIRS = PAIR_LOSSES["all_pairs"]
# Batches of several sizes, one larger than the memory, with unknown landmarks among them.
BATCHES = [[0, 1, 0], [2, -1, 1, 2, 0], [1], [0, 0, 3, 1, 1, -1, 2], [3, 2]]
CAPACITY = 6


def batches() -> list[tuple[np.ndarray, tf.Tensor]]:
    return [
        (random_rows(len(labels), seed=number), tensor(labels))
        for number, labels in enumerate(BATCHES)
    ]


def memory(pair_loss: PairLoss, capacity: int = CAPACITY, start: int = 0) -> CrossBatchMemory:
    return CrossBatchMemory(pair_loss, capacity=capacity, dimension=4, start=start)


# Number, embedding and label: what has the same number is the same photograph.
Numbered = tuple[int, np.ndarray, int]


def contrast(anchors: list[Numbered], references: list[Numbered]) -> float:
    near, far = [], []
    for number, row, label in anchors:
        for other_number, other, other_label in references:
            distance = math.sqrt(squared(row, other))
            if min(label, other_label) < 0 or number == other_number:
                continue
            if label == other_label:
                near.append(distance**2 / 2)
            elif distance < MARGIN:
                far.append((MARGIN - distance) ** 2 / 2)
    return sum(near) / max(1, len(near)) + sum(far) / max(1, len(far))


def test_loss_matches_a_loop_over_the_batch_and_the_last_embeddings() -> None:
    layer = memory(ALL_PAIRS)
    past: collections.deque[Numbered] = collections.deque(maxlen=CAPACITY)
    numbers = iter(range(100))
    for rows, labels in batches():
        batch = [(next(numbers), *pair) for pair in zip(rows, labels.numpy(), strict=True)]
        loss, _ = layer(rows, labels)
        assert float(loss) == pytest.approx(contrast(batch, [*batch, *past]), abs=1e-5)
        past.extend(batch)


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_an_empty_memory_changes_nothing_and_a_full_one_does(name: str) -> None:
    layer, alone = memory(PAIR_LOSSES[name]), in_batch(PAIR_LOSSES[name])
    rows, labels = random_rows(6, seed=1), tensor([0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(layer(rows, labels), alone(rows, labels), rtol=1e-6)
    later = random_rows(6, seed=2)
    assert float(layer(later, labels)[0]) != pytest.approx(float(alone(later, labels)[0]), rel=1e-3)


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_gradients_flow_through_the_batch_alone(name: str) -> None:
    """They are those against the same embeddings as constants."""
    past, theirs = random_rows(6, seed=1), tensor([0, 1, 1, 2, 3, -1])
    layer = memory(PAIR_LOSSES[name])
    layer(past, theirs)

    def against_constants(embeddings: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        others = Pairs.between(embeddings, labels, tf.constant(past), theirs)
        return PAIR_LOSSES[name](Pairs.within(embeddings, labels).beside(others))

    rows, labels = random_rows(4, seed=2), [0, 0, 1, 2]
    expected = gradient(against_constants, rows, labels)
    assert np.any(expected != 0)
    np.testing.assert_allclose(gradient(layer, rows, labels), expected, atol=1e-6)
    assert layer.trainable_variables == []


def test_a_batch_of_one_photograph_learns_from_the_memory() -> None:
    layer = memory(PAIR_LOSSES["batch_hard"])
    layer(random_rows(3, seed=1), tensor([0, 1, 2]))
    steepness = gradient(layer, random_rows(1, seed=2), [1])
    assert np.linalg.norm(steepness) > 0.1


def test_in_its_first_steps_the_memory_only_fills() -> None:
    layer, at_once = memory(ALL_PAIRS, start=2), memory(ALL_PAIRS)
    alone = in_batch(ALL_PAIRS)
    for step, (rows, labels) in enumerate(batches()):
        loss, wanted = layer(rows, labels), at_once(rows, labels)
        np.testing.assert_allclose(loss, alone(rows, labels) if step < 2 else wanted, rtol=1e-6)
    np.testing.assert_array_equal(layer.past_labels.value, at_once.past_labels.value)


def test_the_oldest_embeddings_give_way_in_a_ring() -> None:
    layer = memory(ALL_PAIRS, capacity=4)
    np.testing.assert_array_equal(layer.past_labels.value, [-1, -1, -1, -1])
    layer(random_rows(3, seed=1), tensor([0, 1, 2]))
    np.testing.assert_array_equal(layer.past_labels.value, [0, 1, 2, -1])
    rows = random_rows(2, seed=2)
    layer(rows, tensor([3, 4]))
    np.testing.assert_array_equal(layer.past_labels.value, [4, 1, 2, 3])
    np.testing.assert_array_equal(layer.past_embeddings.value[0], rows[1])
    np.testing.assert_array_equal(layer.past_embeddings.value[3], rows[0])


def test_of_a_batch_larger_than_the_memory_the_last_are_kept() -> None:
    layer = memory(ALL_PAIRS, capacity=2)
    rows = random_rows(5)
    layer(rows, tensor([0, 1, 2, 3, 4]))
    np.testing.assert_array_equal(layer.past_labels.value, [3, 4])
    np.testing.assert_array_equal(layer.past_embeddings.value, rows[3:])


@pytest.mark.parametrize("name", PAIR_LOSSES)
def test_memory_returns_from_its_configuration_and_a_checkpoint(name: str, tmp_path: Path) -> None:
    layer = memory(PAIR_LOSSES[name], start=1)
    first, second, third, *_ = batches()
    layer(*first)
    layer(*second)
    path = tf.train.Checkpoint(loss=layer).save(str(tmp_path / "checkpoint"))
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    tf.train.Checkpoint(loss=again).restore(path).assert_consumed()
    for batch in (third, first):
        np.testing.assert_array_equal(again(*batch), layer(*batch))
    assert again.get_config() == layer.get_config()


def test_memory_of_a_replica_is_that_of_one_process() -> None:
    """Variables that replicas share are assigned in another way, inside a compiled step."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        replicated = memory(ALL_PAIRS)
    layer = memory(ALL_PAIRS)

    @tf.function
    def step(rows: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return strategy.run(replicated, (rows, labels))

    for rows, labels in batches():
        np.testing.assert_allclose(step(rows, labels), layer(rows, labels), rtol=1e-6)
    np.testing.assert_array_equal(replicated.past_labels.value, layer.past_labels.value)
    # All replicas compute the same state; taking the first one's keeps rounding from parting them.
    assert [variable.aggregation for variable in layer.variables] == ["only_first_replica"] * 4


@pytest.mark.parametrize(("capacity", "start"), [(0, 0), (4, -1)])
def test_a_memory_of_nothing_is_refused(capacity: int, start: int) -> None:
    with pytest.raises(ValueError, match=rf"Received: capacity {capacity}, start {start}"):
        memory(ALL_PAIRS, capacity=capacity, start=start)
