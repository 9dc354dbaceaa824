from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.backbones import BACKBONES, preprocessing

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 32, 40, 3), np.uint8)
PREPROCESS_INPUT = {
    "resnet50": keras.applications.resnet50.preprocess_input,
    "resnet101": keras.applications.resnet.preprocess_input,
    "vgg16": keras.applications.vgg16.preprocess_input,
    "mobilenet_v2": keras.applications.mobilenet_v2.preprocess_input,
    "efficientnet_v2_b0": keras.applications.efficientnet_v2.preprocess_input,
    "efficientnet_v2_s": keras.applications.efficientnet_v2.preprocess_input,
    "convnext_tiny": keras.applications.convnext.preprocess_input,
}


@pytest.mark.parametrize("name", ["resnet50", "resnet101", "vgg16", "mobilenet_v2"])
def test_preprocessing_is_that_of_keras_applications(name: str) -> None:
    expected = PREPROCESS_INPUT[name](PIXELS.astype(np.float32))
    prepared = preprocessing(name)(PIXELS)
    assert prepared.dtype == tf.float32
    np.testing.assert_allclose(prepared, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "application", "first_layer"),
    [
        ("efficientnet_v2_b0", keras.applications.EfficientNetV2B0, "stem_conv"),
        ("efficientnet_v2_s", keras.applications.EfficientNetV2S, "stem_conv"),
        ("convnext_tiny", keras.applications.ConvNeXtTiny, "convnext_tiny_stem"),
    ],
)
def test_preprocessing_is_what_keras_puts_inside_the_network(
    name: str, application: Any, first_layer: str
) -> None:
    """Of these ``preprocess_input`` does nothing; the network itself scales pixels 0 to 255."""
    whole = application(include_top=False, weights=None, input_shape=(32, 40, 3))
    inside = keras.Model(whole.input, whole.get_layer(first_layer).input)
    expected = inside(PREPROCESS_INPUT[name](PIXELS.astype(np.float32)))
    assert 1.5 < np.ptp(expected) < 6  # it does scale them
    np.testing.assert_allclose(preprocessing(name)(PIXELS), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # RGB means 123.68, 116.779, 103.939: (B, G, R) less (103.939, 116.779, 123.68).
        ("resnet50", [-53.939, -16.779, 76.32]),
        ("mobilenet_v2", [200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1]),
        ("small", [200 / 127.5 - 1, 100 / 127.5 - 1, 50 / 127.5 - 1]),
        ("efficientnet_v2_s", [200 / 128 - 1, 100 / 128 - 1, 50 / 128 - 1]),
        # Of 0 to 1: .784314, .392157, .196078; less .485, .456, .406; over .229, .224, .225.
        ("efficientnet_v2_b0", [0.299314 / 0.229, -0.063843 / 0.224, -0.209922 / 0.225]),
        ("convnext_tiny", [0.299314 / 0.229, -0.063843 / 0.224, -0.209922 / 0.225]),
    ],
)
def test_preprocessing_of_hand_numbers(name: str, expected: list[float]) -> None:
    pixels = tf.constant([[[[200, 100, 50]]]], tf.uint8)
    np.testing.assert_allclose(preprocessing(name)(pixels)[0, 0, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
def test_preprocessing_returns_from_a_file(name: str, tmp_path: Path) -> None:
    inputs = keras.Input((None, None, 3), dtype="uint8")
    keras.Model(inputs, preprocessing(name)(inputs)).save(tmp_path / "pixels.keras")
    loaded = keras.models.load_model(tmp_path / "pixels.keras")
    np.testing.assert_array_equal(loaded(PIXELS), preprocessing(name)(PIXELS))


def test_preprocessing_is_in_float32_under_any_policy() -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = preprocessing("resnet50")
    finally:
        keras.config.set_dtype_policy(before)
    prepared = layer(PIXELS)
    assert prepared.dtype == tf.float32
    np.testing.assert_array_equal(prepared, preprocessing("resnet50")(PIXELS))
