from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.pooling.mac import MAC
from models.pooling.spoc import SPoC

LAYERS = {"mac": MAC, "spoc": SPoC}


def feature_maps(batch: int = 2, size: tuple[int, int] = (3, 4)) -> np.ndarray:
    """Features ``(batch, *size, 5)`` of either sign."""
    return np.random.default_rng(0).normal(0, 1, (batch, *size, 5)).astype(np.float32)


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 2), (3, 4)])
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_both_match_a_loop(batch: int, size: tuple[int, int]) -> None:
    features = feature_maps(batch, size)
    largest, average = np.empty((batch, 5)), np.empty((batch, 5))
    for image in range(batch):
        for channel in range(5):
            values = [float(v) for v in features[image, :, :, channel].flat]
            largest[image, channel] = max(values)
            average[image, channel] = sum(values) / len(values)
    np.testing.assert_allclose(MAC()(features), largest, rtol=1e-6)
    np.testing.assert_allclose(SPoC()(features), average, rtol=1e-4, atol=1e-6)


def test_both_of_hand_numbers() -> None:
    features = np.array([[[[-1.0], [2.0]], [[3.0], [0.0]]]], np.float32)
    assert float(MAC()(features)[0, 0]) == 3
    assert float(SPoC()(features)[0, 0]) == 1  # (-1 + 2 + 3 + 0) / 4


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_gradients_are_finite(name: str, scale: float) -> None:
    features = tf.constant(scale * feature_maps())
    with tf.GradientTape() as tape:
        tape.watch(features)
        loss = tf.reduce_sum(LAYERS[name]()(features))
    gradient = tape.gradient(loss, features).numpy()
    assert np.all(np.isfinite(gradient))
    # Of every image and channel 1 reaches the map: at the maximum, or spread over all places.
    np.testing.assert_allclose(gradient.sum(axis=(1, 2)), np.ones((2, 5)), rtol=1e-5)


@pytest.mark.parametrize("name", LAYERS)
def test_float16_features_are_pooled_in_float32(name: str) -> None:
    features = tf.fill([1, 2, 2, 1], tf.constant(30_000, tf.float16))
    pooled = LAYERS[name]()(features)  # a float16 sum of four would be infinite
    assert pooled.dtype == tf.float32
    assert float(pooled[0, 0]) == 30_000


@pytest.mark.parametrize("name", LAYERS)
def test_both_return_from_a_file(name: str, tmp_path: Path) -> None:
    inputs = keras.Input((None, None, 5))
    network = keras.Model(inputs, LAYERS[name](name="pooling")(inputs))
    assert network.output_shape == (None, 5)
    network.save(tmp_path / "pooling.keras")
    loaded = keras.models.load_model(tmp_path / "pooling.keras")
    np.testing.assert_array_equal(loaded(feature_maps()), network(feature_maps()))
    assert loaded.get_layer("pooling").compute_dtype == "float32"
