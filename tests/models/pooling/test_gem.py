import itertools
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.pooling.gem import GeM, generalised_mean


def feature_maps(batch: int = 2, *, seed: int = 0) -> np.ndarray:
    """Positive features ``(batch, 3, 4, 5)``."""
    return np.random.default_rng(seed).uniform(0.1, 2.0, (batch, 3, 4, 5)).astype(np.float32)


def gem_network(power: float = 3.0, *, per_channel: bool = False) -> keras.Model:
    inputs = keras.Input((None, None, 5))
    return keras.Model(inputs, GeM(power, per_channel=per_channel)(inputs))


def descend(network: keras.Model, learning_rate: float) -> None:
    """One step towards a smaller sum of what is pooled."""
    optimizer = keras.optimizers.SGD(learning_rate)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(feature_maps()))
    optimizer.apply(tape.gradient(loss, network.trainable_variables), network.trainable_variables)


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("power", [1.0, 2.5, 3.0, 7.0])
def test_generalised_mean_matches_a_loop(batch: int, power: float) -> None:
    features = feature_maps(batch)
    expected = np.empty((batch, 5))
    for image in range(batch):
        for channel in range(5):
            values = [float(v) ** power for v in features[image, :, :, channel].flat]
            expected[image, channel] = (sum(values) / len(values)) ** (1 / power)
    np.testing.assert_allclose(generalised_mean(features, power), expected, rtol=1e-5)


def test_generalised_mean_of_hand_numbers() -> None:
    features = np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]], np.float32)
    # p = 1: (1 + 2 + 3 + 4) / 4; p = 3: ((1 + 8 + 27 + 64) / 4) ** (1/3) = 25 ** (1/3)
    assert float(generalised_mean(features, 1.0)[0, 0]) == pytest.approx(2.5)
    assert float(generalised_mean(features, 3.0)[0, 0]) == pytest.approx(25 ** (1 / 3))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_every_channel_has_the_generalised_mean_of_its_own_exponent(batch: int) -> None:
    features = feature_maps(batch)
    powers = np.array([1.0, 2.0, 3.0, 4.5, 7.0], np.float32)
    layer = GeM(per_channel=True)
    layer.build(features.shape)
    layer.exponent.assign(powers)
    expected = [generalised_mean(features, float(p))[:, c] for c, p in enumerate(powers)]
    np.testing.assert_allclose(layer(features), np.stack(expected, axis=1), rtol=1e-5)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 2)])
def test_gem_takes_any_size_of_feature_map(size: tuple[int, int], per_channel: bool) -> None:
    features = np.random.default_rng(1).uniform(0.1, 2.0, (2, *size, 5)).astype(np.float32)
    network = gem_network(per_channel=per_channel)
    np.testing.assert_allclose(network(features), generalised_mean(features, 3.0), rtol=1e-5)


@pytest.mark.parametrize("power", [1.0, 2.0, 4.5])
def test_gem_honours_its_initial_exponent(power: float) -> None:
    features = feature_maps()
    network = gem_network(power)
    np.testing.assert_allclose(network(features), generalised_mean(features, power), rtol=1e-6)
    assert float(network.layers[-1].exponent) == power


def test_gem_with_power_one_is_the_average() -> None:
    features = feature_maps()
    np.testing.assert_allclose(GeM(1.0)(features), features.mean(axis=(1, 2)), rtol=1e-5)


def test_gem_with_a_large_power_approaches_the_maximum() -> None:
    features = feature_maps()
    largest = features.max(axis=(1, 2))
    pooled = np.asarray(GeM(60.0)(features))
    # With 12 places the mean of powers is at least max ** p / 12: below by 12 ** (1/60) = 4.2 %.
    assert np.all(pooled <= largest * 1.00001)
    assert np.all(pooled >= largest / 1.043)


def test_gem_grows_with_its_power() -> None:
    features = feature_maps()
    pooled = [np.asarray(GeM(power)(features)) for power in (1.0, 1.5, 3.0, 6.0, 12.0)]
    assert all(np.all(low < high) for low, high in itertools.pairwise(pooled))


def test_gem_is_the_same_for_a_flipped_feature_map() -> None:
    features = feature_maps()
    np.testing.assert_allclose(GeM()(features[:, :, ::-1]), GeM()(features), rtol=1e-6)


def test_gem_raises_activations_below_epsilon_to_it() -> None:
    features = -np.ones((1, 2, 2, 3), np.float32)
    np.testing.assert_allclose(GeM(epsilon=0.25)(features), np.full((1, 3), 0.25), rtol=1e-6)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("power", [1.0, 3.0, 30.0])
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_the_exponent_and_the_features_have_finite_gradients(
    scale: float, power: float, per_channel: bool
) -> None:
    """All-zero feature maps, which ReLU makes, are where the plain formula gives NaN.

    1e-6 ** 30 is zero in float32 and 1e4 ** 30 infinite.
    """
    layer = GeM(power, per_channel=per_channel)
    features = tf.constant(scale * feature_maps())
    with tf.GradientTape() as tape:
        tape.watch(features)
        pooled = layer(features)
        loss = tf.reduce_sum(pooled)
    of_exponent, of_features = tape.gradient(loss, [layer.exponent.value, features])
    assert np.all(np.isfinite(of_exponent))
    assert np.all(np.isfinite(of_features))
    if scale:
        np.testing.assert_allclose(pooled, scale * layer(feature_maps()), rtol=1e-4)


@pytest.mark.parametrize("power", [1.0, 3.0, 8.0])
def test_gradients_are_those_of_a_finite_difference(power: float) -> None:
    features = tf.constant(feature_maps(1))
    direction = np.random.default_rng(1).normal(0, 1e-3, features.shape).astype(np.float32)
    exponent = tf.constant(power)
    weights = tf.constant([[1.0, -2.0, 3.0, 0.5, -0.7]])

    def value(of: tf.Tensor, p: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(weights * generalised_mean(of, p))

    with tf.GradientTape() as tape:
        tape.watch([features, exponent])
        loss = value(features, exponent)
    of_features, of_exponent = tape.gradient(loss, [features, exponent])
    slope = float(tf.reduce_sum(of_features * direction))
    change = value(features + direction, exponent) - value(features - direction, exponent)
    assert slope == pytest.approx(float(change) / 2, rel=0.02)
    change = value(features, exponent + 0.01) - value(features, exponent - 0.01)
    assert float(of_exponent) == pytest.approx(float(change) / 0.02, rel=0.02)


def test_the_exponent_learns() -> None:
    """Its gradient has the sign of a finite difference, so descent moves it the right way."""
    network = gem_network(3.0)
    descend(network, 0.1)
    assert 1.0 < float(network.layers[-1].exponent) < 3.0  # a smaller p makes a smaller sum


def test_every_channel_learns_its_own_exponent() -> None:
    network = gem_network(3.0, per_channel=True)
    descend(network, 0.1)
    exponents = network.layers[-1].exponent.numpy()
    assert exponents.shape == (5,)
    assert np.all((exponents > 1) & (exponents < 3))
    assert len(np.unique(exponents)) == 5


@pytest.mark.parametrize("per_channel", [False, True])
def test_the_exponent_stays_at_least_one(per_channel: bool) -> None:
    network = gem_network(1.1, per_channel=per_channel)
    descend(network, 100.0)
    assert np.all(network.layers[-1].exponent.numpy() == 1.0)


def test_gem_computes_in_float32_under_mixed_precision() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layer = GeM()
    finally:
        keras.config.set_dtype_policy(before)
    features = tf.cast(1e-3 * feature_maps(), tf.float16)  # cubed, below float16's smallest number
    with tf.GradientTape() as tape:
        pooled = layer(features)
    assert pooled.dtype == tf.float32
    expected = generalised_mean(tf.cast(features, tf.float32), 3.0)
    np.testing.assert_allclose(pooled, expected, rtol=1e-5)
    assert np.isfinite(tape.gradient(pooled, layer.exponent.value))


def test_gem_returns_from_a_file_with_its_learned_exponent(tmp_path: Path) -> None:
    network = gem_network(2.0)
    network.layers[-1].exponent.assign(4.25)
    network.save(tmp_path / "gem.keras")
    loaded = keras.models.load_model(tmp_path / "gem.keras")
    features = feature_maps()
    np.testing.assert_array_equal(loaded(features), network(features))
    config = loaded.layers[-1].get_config()
    assert (config["power"], config["epsilon"]) == (2.0, 1e-6)
    assert float(loaded.layers[-1].exponent) == 4.25
    loaded.layers[-1].exponent.assign(loaded.layers[-1].exponent.constraint(0.5))
    assert float(loaded.layers[-1].exponent) == 1.0


def test_gem_returns_from_a_file_with_an_exponent_a_channel(tmp_path: Path) -> None:
    network = gem_network(2.0, per_channel=True)
    network.layers[-1].exponent.assign([1.0, 2.0, 3.0, 4.0, 5.0])
    network.save(tmp_path / "gem.keras")
    loaded = keras.models.load_model(tmp_path / "gem.keras")
    np.testing.assert_array_equal(loaded(feature_maps()), network(feature_maps()))
    assert loaded.layers[-1].exponent.numpy().tolist() == [1, 2, 3, 4, 5]
    assert loaded.layers[-1].get_config()["per_channel"] is True


@pytest.mark.parametrize("power", [0.5, float("nan")])
def test_gem_refuses_a_power_below_one(power: float) -> None:
    with pytest.raises(ValueError, match=rf"at least 1. Received: {power}"):
        GeM(power)
