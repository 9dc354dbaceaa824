from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.pooling.rmac import RMAC, regional_maxima

SIZES = [(1, 1), (1, 7), (2, 2), (3, 2), (4, 9), (7, 7), (9, 5), (14, 10), (30, 3)]


def feature_maps(batch: int = 2, size: tuple[int, int] = (7, 5)) -> np.ndarray:
    """Features ``(batch, *size, 4)``, of either sign."""
    return np.random.default_rng(0).normal(0.5, 1, (batch, *size, 4)).astype(np.float32)


def regions(height: int, width: int, scales: int = 3) -> list[tuple[int, int, int]]:
    """Top, left and side of every region, as the paper words it.

    Along the longer axis there are as many of the largest regions as bring the overlap of
    neighbours closest to 40 %.
    """
    shorter, longer = min(height, width), max(height, width)
    further = 0
    if longer > shorter:
        overlaps = {k: 1 - (longer - shorter) / (k * shorter) for k in range(1, 60)}
        further = min(overlaps, key=lambda k: (round(abs(overlaps[k] - 0.4), 9), k))
    found = []
    for scale in range(1, scales + 1):
        side = max(1, int(2 * shorter / (scale + 1)))
        rows = scale + (further if height > width else 0)
        columns = scale + (further if width > height else 0)
        for row in range(rows):
            for column in range(columns):
                top = 0 if rows == 1 else row * (height - side) // (rows - 1)
                left = 0 if columns == 1 else column * (width - side) // (columns - 1)
                found.append((top, left, side))
    return found


def loop(features: np.ndarray, scales: int = 3) -> np.ndarray:
    total = np.zeros((len(features), features.shape[-1]))
    for image, plane in enumerate(features):
        height, width, _ = plane.shape
        for top, left, side in regions(height, width, scales):
            largest = plane[top : top + side, left : left + side].max(axis=(0, 1))
            total[image] += largest / np.linalg.norm(largest)
    return total


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("batch", [1, 2, 5])
def test_regional_maxima_match_a_loop(batch: int, size: tuple[int, int]) -> None:
    features = feature_maps(batch, size)
    np.testing.assert_allclose(regional_maxima(features), loop(features), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("scales", [1, 2, 4])
def test_scales_are_those_asked_for(scales: int) -> None:
    features = feature_maps()
    expected = loop(features, scales)
    np.testing.assert_allclose(regional_maxima(features, scales), expected, rtol=1e-4)


def test_regions_of_hand_numbers() -> None:
    """A map of 2 x 3 with the single channel 1, 2, 3 over -4, -5, -6.

    Scale 1: squares of 2, and along 3 columns 1 further one (overlap 1 - 1 / 2 = .5; 2 further
    ones would overlap by 1 - 1 / 4 = .75): maxima 2 and 3. Scale 2: side 2 * 2 // 3 = 1, 2 rows
    by 3 columns: 1, 2, 3, -4, -5, -6. Scale 3: side 1, 3 rows at 0, 0, 1 by 4 columns at 0, 0,
    1, 2: 8 positive and 4 negative. Each counts with its sign: 2 + 0 + 4.
    """
    features = np.array([[[[1.0], [2.0], [3.0]], [[-4.0], [-5.0], [-6.0]]]], np.float32)
    assert float(regional_maxima(features)[0, 0]) == pytest.approx(6)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((4, 4), 1),
        ((5, 6), 2),  # overlap 1 - 1 / 5 = .8: two at least where there is more than one place
        ((10, 16), 2),  # 1 - 6 / 10 = .4
        ((10, 19), 3),  # 1 - 9 / 20 = .55, for 1 - 9 / 10 = .1 is farther from .4
        ((10, 22), 3),  # 1 - 12 / 20 = .4
        ((5, 9), 2),  # 1 - 4 / 5 = .2 and 1 - 4 / 10 = .6 are equally far: the fewer
    ],
)
def test_largest_regions_overlap_by_forty_per_cent(size: tuple[int, int], expected: int) -> None:
    """The sum of identical unit vectors counts the regions."""
    features = np.ones((1, *size, 1), np.float32)
    upright = features.swapaxes(1, 2)
    assert float(regional_maxima(features, scales=1)[0, 0]) == pytest.approx(expected)
    assert float(regional_maxima(upright, scales=1)[0, 0]) == pytest.approx(expected)


def test_a_flipped_map_has_the_same_regions_where_they_lie_evenly() -> None:
    features = feature_maps(size=(7, 7))  # sides 7, 4 and 3 at 0; 0 and 3; 0, 2 and 4
    flipped = regional_maxima(features[:, :, ::-1])
    np.testing.assert_allclose(flipped, regional_maxima(features), rtol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (5, 3)])
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_gradients_are_finite(scale: float, size: tuple[int, int]) -> None:
    """A region that is zero everywhere, which ReLU makes, has no direction."""
    features = tf.constant(scale * feature_maps(size=size))
    with tf.GradientTape() as tape:
        tape.watch(features)
        loss = tf.reduce_sum(RMAC()(features))
    assert np.all(np.isfinite(tape.gradient(loss, features)))


def test_gradient_is_that_of_a_finite_difference() -> None:
    features = tf.constant(feature_maps(1, (4, 3)))
    direction = np.random.default_rng(1).normal(0, 1e-3, features.shape).astype(np.float32)
    weights = tf.constant([[1.0, -2.0, 3.0, 0.5]])

    def value(of: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(weights * regional_maxima(of))

    with tf.GradientTape() as tape:
        tape.watch(features)
        loss = value(features)
    slope = float(tf.reduce_sum(tape.gradient(loss, features) * direction))
    difference = float(value(features + direction) - value(features - direction)) / 2
    assert slope == pytest.approx(difference, rel=0.02)


def test_float16_features_are_pooled_in_float32() -> None:
    features = tf.fill([1, 3, 3, 2], tf.constant(1_000, tf.float16))
    pooled = RMAC()(features)  # 1,000 squared is beyond float16
    assert pooled.dtype == tf.float32
    # 1 + 4 + 9 regions, each (1, 1) / sqrt(2).
    np.testing.assert_allclose(pooled, np.full((1, 2), 14 / np.sqrt(2)), rtol=1e-5)


def test_rmac_returns_from_a_file_and_takes_any_size(tmp_path: Path) -> None:
    inputs = keras.Input((None, None, 4))
    network = keras.Model(inputs, RMAC(scales=2, name="pooling")(inputs))
    assert network.output_shape == (None, 4)
    network.save(tmp_path / "rmac.keras")
    loaded = keras.models.load_model(tmp_path / "rmac.keras")
    traced = tf.function(loaded, reduce_retracing=True)
    for size in ((3, 8), (9, 4), (1, 1)):
        features = feature_maps(size=size)
        np.testing.assert_array_equal(loaded(features), network(features))
        np.testing.assert_allclose(traced(features), loop(features, 2), rtol=1e-4)
    assert loaded.get_layer("pooling").get_config()["scales"] == 2


def test_fewer_scales_than_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 1. Received: 0"):
        RMAC(scales=0)
