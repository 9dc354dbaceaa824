import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.losses import arcface
from models.losses.arcface import ArcFace
from tests.models.losses.embeddings import random_rows, tensor, unit_vectors

# Not contiguous, not in order, one repeated, one unknown, one above 32 bits.
LANDMARKS = [70, 3, -1, 5_000_000_000, 3, 12]
CLASSES = [3, 12, 70, 5_000_000_000]
SCALE = 20.0


def labels_of(batch: int) -> list[int]:
    return [70, 3, -1, 5_000_000_000, 44][:batch]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(b))


def logit(cosine: float, margin: float) -> float:
    """By the angle itself."""
    angle = math.acos(cosine)
    turned = math.cos(angle + margin)
    return SCALE * (turned if angle + margin < math.pi else cosine - margin * math.sin(margin))


def costs_of(
    rows: np.ndarray, centres: np.ndarray, labels: list[int], margin: float
) -> list[float]:
    """The loss of every photograph whose landmark is known; centres (classes, subcentres, dim)."""
    costs = []
    for row, label in zip(rows, labels, strict=True):
        if label in CLASSES:
            cosines = [max(cosine(row, centre) for centre in of) for of in centres]
            own = CLASSES.index(label)
            logits = [SCALE * value for value in cosines]
            logits[own] = logit(cosines[own], margin)
            costs.append(math.log(sum(math.exp(x - logits[own]) for x in logits)))
    return costs


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("margin", [0.0, 0.3, 1.0])
def test_logits_match_a_loop(batch: int, margin: float) -> None:
    cosines = np.random.default_rng(batch).uniform(-1, 1, (batch, 4)).astype(np.float32)
    classes = list(range(4))[:batch] if batch < 5 else [3, 1, 2, 2, 0]
    expected = SCALE * cosines
    for row, own in enumerate(classes):
        expected[row, own] = logit(float(cosines[row, own]), margin)
    found = arcface.arcface_logits(tf.constant(cosines), tf.constant(classes), margin, SCALE)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_logit_of_hand_numbers() -> None:
    # At 60 degrees with a margin of 30: cos 90 = 0. At 160 they would pass 180:
    # cos 160 - (pi / 6) sin 30 = -0.9397 - 0.2618. Another class is left as it is.
    cosines = tf.constant([[0.5, 0.1], [0.1, math.cos(math.radians(160))]])
    found = arcface.arcface_logits(cosines, tf.constant([0, 1]), math.pi / 6, 1.0)
    np.testing.assert_allclose(found, [[0.0, 0.1], [0.1, -1.2015]], atol=1e-4)


@pytest.mark.parametrize("margin", [0.1, 0.5, 1.0])
def test_the_own_logit_falls_with_the_angle_all_the_way(margin: float) -> None:
    """The plain cosine of angle and margin would rise again beyond 180 degrees."""
    cosines = np.cos(np.radians(np.arange(0.5, 180)))[:, None].astype(np.float32)
    own = arcface.arcface_logits(cosines, tf.zeros(len(cosines), tf.int32), margin, 1.0)
    assert np.all(np.diff(own[:, 0]) < 0)


@pytest.mark.parametrize("cosine", [1.0, 1.0005, 0.99999994, -1.0, -1.0005, -0.99999994])
def test_gradients_at_a_centre_and_opposite_fit_into_float16(cosine: float) -> None:
    """The arc cosine's is infinite there, and rounding passes 1; float16 ends at 65,504."""
    cosines = tf.constant([[cosine, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch(cosines)
        own = arcface.arcface_logits(cosines, tf.constant([0]), 0.5, 64.0)[0, 0]
    assert float(own) == pytest.approx(64 * logit(np.clip(cosine, -1, 1), 0.5) / SCALE, abs=0.1)
    assert np.abs(tape.gradient(own, cosines)).max() < 65_504


def test_the_nearest_sub_centre_of_every_class_counts() -> None:
    # To 0 degrees: of class 0, 90 and 60 degrees, the nearer with a cosine of 0.5; of class 1,
    # 180 and 180, with -1. Lengths do not matter.
    centres = np.stack([unit_vectors([90, 60]), unit_vectors([180, 180])])
    centres *= np.array([[[3.0], [0.2]], [[1.0], [7.0]]], np.float32)
    found = arcface.nearest_centre_cosines(unit_vectors([0]), tf.constant(centres))
    np.testing.assert_allclose(found, [[0.5, -1.0]], atol=1e-6)


def test_labels_of_any_numbers_find_their_classes() -> None:
    labels = tensor([5_000_000_000, 3, 70, 12, -1, 0, 13, 5_000_000_001, -5_000_000_000])
    classes, known = arcface.classes_of(labels, tensor(CLASSES))
    np.testing.assert_array_equal(classes[:4], [3, 0, 2, 1])
    np.testing.assert_array_equal(known, [True] * 4 + [False] * 5)
    assert np.all((classes.numpy() >= 0) & (classes.numpy() < 4))


@pytest.mark.parametrize("learned_margin", [False, True])
@pytest.mark.parametrize("subcentres", [1, 3])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_loss_matches_a_loop(batch: int, subcentres: int, learned_margin: bool) -> None:
    rows, labels = random_rows(batch, 6), labels_of(batch)
    layer = ArcFace(
        LANDMARKS,
        dimension=6,
        margin=0.25,
        scale=SCALE,
        subcentres=subcentres,
        learned_margin=learned_margin,
        margin_reward=2.0,
    )
    costs = costs_of(rows, layer.centres.numpy(), labels, 0.25)
    loss, active = layer(rows, tensor(labels))
    # Learned margins cost 2 times the mean of 1 - 0.25.
    assert float(loss) == pytest.approx(np.mean(costs) + 1.5 * learned_margin, rel=1e-4)
    assert float(active) == pytest.approx(unsolved(layer, rows, labels) / len(costs))


def unsolved(layer: ArcFace, rows: np.ndarray, labels: list[int]) -> int:
    """Photographs to which, its margin taken off, another class is nearer than their own."""
    count = 0
    for row, label in zip(rows, labels, strict=True):
        if label in CLASSES:
            cosines = arcface.nearest_centre_cosines(row[None], layer.centres.value)[0].numpy()
            own = logit(float(cosines[CLASSES.index(label)]), 0.25) / SCALE
            count += own < np.delete(cosines, CLASSES.index(label)).max()
    return count


def test_margins_of_landmarks_are_learned_apart() -> None:
    layer = ArcFace([4, 8], dimension=2, scale=1.0, learned_margin=True, margin_reward=0.0)
    layer.centres.assign(unit_vectors([0, 90])[:, None])
    layer.margins.assign([0.2, 0.6])
    # Each photograph lies on its own centre: cos 0.2 or cos 0.6 against the other's 0.
    costs = [math.log(1 + math.exp(-math.cos(margin))) for margin in (0.2, 0.6)]
    for degrees, label, cost in ((0, 4, costs[0]), (90, 8, costs[1])):
        loss, _ = layer(unit_vectors([degrees]), tensor([label]))
        assert float(loss) == pytest.approx(cost, abs=1e-3)


def test_a_margin_rests_where_errors_outweigh_its_reward() -> None:
    """Its gradient: scale * P(wrong) * sin(angle + margin) of its photographs, less the reward."""
    layer = ArcFace([0, 1], dimension=2, scale=4.0, learned_margin=True, margin_reward=1.5)
    layer.centres.assign(unit_vectors([0, 90])[:, None])
    angle = math.radians(25)
    with tf.GradientTape() as tape:
        loss, _ = layer(unit_vectors([25, 90]), tensor([0, 1]))
    own, other = math.cos(angle + 0.3), math.cos(math.pi / 2 - angle)
    wrong = 1 / (1 + math.exp(4 * (own - other)))
    # Landmark 0 has half the photographs, and each margin half the reward.
    expected = 0.5 * 4 * wrong * math.sin(angle + 0.3) - 0.5 * 1.5
    found = tf.convert_to_tensor(tape.gradient(loss, layer.margins.value))
    assert float(found[0]) == pytest.approx(expected, abs=1e-4)


def test_learned_margins_stay_in_their_range() -> None:
    layer = ArcFace([0, 1], dimension=2, learned_margin=True)
    optimizer = keras.optimizers.SGD(1.0)
    for steepness, expected in ((-100.0, 1.0), (100.0, 0.0)):
        optimizer.apply([tf.fill([2], steepness)], [layer.margins])
        np.testing.assert_array_equal(layer.margins.numpy(), [expected] * 2)


def trained(layer: ArcFace, rows: np.ndarray, labels: list[int]) -> tuple[float, float]:
    """Loss and active fraction after the centres have learned of these embeddings."""
    optimizer = keras.optimizers.Adam(0.05)
    optimizer.build(layer.trainable_variables)

    @tf.function
    def step() -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            loss, active = layer(rows, tensor(labels))
        gradients = tape.gradient(loss, layer.trainable_variables)
        optimizer.apply(gradients, layer.trainable_variables)
        return loss, active

    for _ in range(60):
        loss, active = step()
    return float(loss), float(active)


def test_centres_learn_to_tell_their_landmarks_apart() -> None:
    layer = ArcFace(LANDMARKS, dimension=2)
    layer.centres.assign(unit_vectors([180, 270, 0, 90])[:, None])  # each at another's
    rows = unit_vectors([0, 6, 90, 96, 180, 186, 270, 276])
    labels = [3, 3, 12, 12, 70, 70, 5_000_000_000, 5_000_000_000]
    before, wrong = layer(rows, tensor(labels))
    assert (float(before) > 30, float(wrong)) == (True, 1.0)
    loss, active = trained(layer, rows, labels)
    assert loss < 0.1
    assert active == 0


def test_sub_centres_bear_with_a_landmark_of_two_looks_and_one_centre_does_not() -> None:
    """Landmark 0 from two sides, with the other landmark between them."""
    keras.utils.set_random_seed(1)
    rows, labels = unit_vectors([0, 5, 170, 175, 85, 90]), [0, 0, 0, 0, 1, 1]
    one, _ = trained(ArcFace([0, 1], dimension=2), rows, labels)
    two, _ = trained(ArcFace([0, 1], dimension=2, subcentres=2), rows, labels)
    assert two < 0.1 < one


def test_a_hundred_thousand_landmarks_are_told_apart() -> None:
    layer = ArcFace(np.arange(0, 700_000, 7), dimension=4)
    rows, labels = random_rows(3), tensor([0, 699_993, 350_000])
    layer.centres.assign(
        tf.tensor_scatter_nd_update(layer.centres.value, [[0], [99_999], [50_000]], rows[:, None])
    )
    right, _ = layer(rows, labels)
    wrong, _ = layer(rows, tf.roll(labels, 1, 0))
    assert float(right) < float(wrong) - 5


def test_arcface_returns_from_its_configuration_and_a_checkpoint(tmp_path: Path) -> None:
    layer = ArcFace(
        LANDMARKS,
        dimension=6,
        margin=0.2,
        scale=SCALE,
        subcentres=2,
        learned_margin=True,
        margin_reward=3.0,
    )
    layer.margins.assign([0.1, 0.2, 0.3, 0.4])
    path = tf.train.Checkpoint(loss=layer).save(str(tmp_path / "checkpoint"))
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    rows, labels = random_rows(5, 6), tensor(labels_of(5))
    assert float(again(rows, labels)[0]) != float(layer(rows, labels)[0])
    tf.train.Checkpoint(loss=again).restore(path).assert_consumed()
    np.testing.assert_array_equal(again(rows, labels), layer(rows, labels))
    assert again.get_config() == layer.get_config()


def test_centres_learn_and_margins_only_where_asked() -> None:
    def names(*, learned_margin: bool) -> list[str]:
        layer = ArcFace([0, 1], dimension=2, learned_margin=learned_margin)
        return [variable.name for variable in layer.trainable_variables]

    assert names(learned_margin=False) == ["centres"]
    assert names(learned_margin=True) == ["centres", "margins"]


@pytest.mark.parametrize("labels", [[], [-1, -1], [5], [5, 5, -1]], ids=str)
def test_fewer_than_two_landmarks_are_refused(labels: list[int]) -> None:
    known = len(set(labels) - {-1})
    with pytest.raises(ValueError, match=rf"at least two .*Received: {known} among {len(labels)}"):
        ArcFace(labels, dimension=2)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"margin": 28.6}, r"0 to 1.0 radians. Received: 28.6"),
        ({"margin": -0.1}, r"0 to 1.0 radians. Received: -0.1"),
        ({"scale": 0.0}, r"above 0. Received: 0.0"),
        ({"subcentres": 0}, r"at least one centre a landmark. Received: 0"),
    ],
)
def test_numbers_out_of_range_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        ArcFace([0, 1], 2, **settings)
