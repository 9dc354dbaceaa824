import functools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.losses.arcface import ArcFace
from models.losses.pairs import BatchLoss, in_batch
from models.losses.triplet import batch_all_triplet_loss
from models.pooling import GeM
from pipeline.training.averaging import WeightAverage
from pipeline.training.optimizers import OptimizerSettings, build_optimizer
from pipeline.training.replicas import Replicas
from pipeline.training.step import TrainStep, trainable_variables

LABELS = tf.constant([0, 0, 1, 1, 2, 2, 3], tf.int64)
TRIPLETS = in_batch(functools.partial(batch_all_triplet_loss, margin=0.5))


def network(precision: str = "float32", dropout: float = 0.0) -> keras.Model:
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(images)
    x = GeM()(keras.layers.Conv2D(6, 3, activation="relu", dtype=precision)(x))
    if dropout:
        x = keras.layers.Dropout(dropout, seed=3)(x)
    return keras.Model(images, keras.layers.UnitNormalization()(keras.layers.Dense(4)(x)))


def images() -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).integers(0, 256, (7, 8, 8, 3), np.uint8))


def train_step(
    model: keras.Model, batch_loss: BatchLoss = TRIPLETS, clip_norm: float = 1e6, **changes: Any
) -> TrainStep:
    """Plain gradient descent at a rate of 1."""
    settings = OptimizerSettings(optimizer="sgd", learning_rate=1.0, weight_decay=0.0)
    learned = [*model.trainable_variables, *trainable_variables(batch_loss)]
    optimizer = build_optimizer(settings, 1, learned, {})
    return TrainStep(
        model, optimizer, batch_loss, Replicas.one(), photographs=1, clip_norm=clip_norm, **changes
    )


def flat(model: keras.Model) -> np.ndarray:
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def test_step_tells_what_it_did() -> None:
    model = network()
    before = flat(model)
    loss, active = TRIPLETS(model(images(), training=True), LABELS)
    result = train_step(model)(images(), LABELS)
    assert float(result.loss) == pytest.approx(float(loss), rel=1e-5)
    assert float(result.active) == float(active)
    assert result.labels.numpy().tolist() == LABELS.numpy().tolist()
    # At a rate of 1 the weights move by the gradient.
    assert float(result.gradient_norm) == pytest.approx(
        np.linalg.norm(flat(model) - before), rel=1e-3
    )


def test_gradients_are_clipped_by_their_joint_norm() -> None:
    model = network()
    before = flat(model)
    result = train_step(model, clip_norm=0.01)(images(), LABELS)
    assert float(result.gradient_norm) > 0.01
    assert np.linalg.norm(flat(model) - before) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("at_a_time", [1, 3, 7, 50])
def test_batch_in_parts_has_the_gradients_of_the_whole(at_a_time: int) -> None:
    """Of ArcFace, which has gradients of its own, too."""
    found = []
    for parts in (None, at_a_time):
        model = network()
        arcface = ArcFace([0, 1, 2, 3], 4)
        arcface.centres.assign(tf.eye(4)[:, None])
        train_step(model, arcface, at_a_time=parts)(images(), LABELS)
        found.append(np.concatenate([flat(model), np.ravel(arcface.centres)]))
    assert not np.allclose(found[0][: flat(network()).size], flat(network()))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-6)


def test_batch_in_one_part_leaves_out_the_same_units_both_times() -> None:
    """Random layers are replayed, and go on afterwards from where they would be."""
    found = []
    for at_a_time in (None, 7):
        model = network(dropout=0.5)
        step = train_step(model, at_a_time=at_a_time)
        for _ in range(2):
            step(images(), LABELS)
        found.append(flat(model))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-4, atol=1e-6)


def test_parts_of_a_batch_have_no_batch_statistics_of_their_own() -> None:
    inputs = keras.Input((None, None, 3), dtype="uint8")
    x = keras.layers.BatchNormalization()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    with pytest.raises(ValueError, match="needs --batch_statistics=frozen"):
        train_step(model, at_a_time=2)


@pytest.mark.parametrize("is_float16", [False, True])
def test_update_that_is_not_finite_is_not_made(is_float16: bool) -> None:
    def overflowing(embeddings: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        del labels
        return tf.reduce_sum(embeddings[:, 0]) * 1e38, tf.constant(1.0)

    model = network("mixed_float16" if is_float16 else "float32")
    before = flat(model)
    step = train_step(model, overflowing)
    scale = float(step._scale.value)
    result = step(images(), LABELS)
    assert not np.isfinite(result.gradient_norm)
    np.testing.assert_array_equal(flat(model), before)
    assert float(step._scale.value) == (scale / 2 if is_float16 else scale == 1)
    step._scale.value.assign(1.0)
    step(images(), LABELS)
    assert float(step._scale.value) == 1.0
    assert not step.may_overflow, "what is not finite without a scale is so for another reason"


def test_loss_scale_grows_back_after_many_finite_steps() -> None:
    step = train_step(network("mixed_float16"))
    step._scale.value.assign(256.0)
    step._scale.steps.assign(1999)
    step(images(), LABELS)
    assert float(step._scale.value) == 512.0
    assert int(step._scale.steps) == 0


def test_scaled_loss_moves_weights_as_the_loss_itself() -> None:
    plain, scaled = network("mixed_float16"), network("mixed_float16")
    step = train_step(plain)
    step._scale.value.assign(1.0)
    step(images(), LABELS)
    train_step(scaled)(images(), LABELS)
    np.testing.assert_allclose(flat(scaled), flat(plain), rtol=1e-2, atol=1e-4)


def test_average_takes_in_every_step() -> None:
    model = network()
    average = WeightAverage(model.trainable_variables, momentum=0.9)
    start = average.averages[0].numpy()
    train_step(model, average=average)(images(), LABELS)
    expected = 0.1 * start + 0.9 * model.trainable_variables[0].numpy()
    np.testing.assert_allclose(average.averages[0], expected, rtol=1e-5)


def test_batch_without_a_triplet_leaves_the_weights() -> None:
    model = network()
    before = flat(model)
    result = train_step(model)(images(), tf.range(7, dtype=tf.int64))
    assert float(result.loss) == 0
    np.testing.assert_array_equal(flat(model), before)


def test_joint_batch_of_no_photograph_changes_nothing() -> None:
    model = network()
    before = flat(model)
    empty = in_batch(functools.partial(batch_all_triplet_loss, margin=0.5))
    step = train_step(model, empty)
    step._joint = lambda local, labels, examples: (local[:0], labels[:0])  # type: ignore[method-assign]
    assert float(step(images(), LABELS).loss) == 0
    np.testing.assert_array_equal(flat(model), before)
    assert int(step._optimizer.iterations) == 0
