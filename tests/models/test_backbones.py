from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import backbones
from models.backbones import build_backbone, preprocessing, small_backbone

# Without classifier. Keras documents ResNet50, VGG16 and MobileNetV2 at 25.6, 138.4 and 3.5
# million with it: https://keras.io/api/applications.
PARAMETERS = {
    "resnet50": 23_587_712,
    "vgg16": 14_714_688,
    "mobilenet_v2": 2_257_984,
    "small": 306_152,
}
CHANNELS = {"resnet50": 2048, "vgg16": 512, "mobilenet_v2": 1280, "small": 128}


@pytest.fixture(scope="module")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    small_backbone().save_weights(path)
    return path


def test_every_backbone_has_its_pinned_size() -> None:
    assert set(backbones.BACKBONES) == set(PARAMETERS)


@pytest.mark.parametrize("name", backbones.BACKBONES)
def test_backbone_has_the_published_parameters_and_channels(name: str) -> None:
    backbone = build_backbone(name, "none")
    assert backbone.count_params() == PARAMETERS[name]
    assert backbone.output_shape == (None, None, None, CHANNELS[name])


@pytest.mark.parametrize(("name", "stride"), [("small", 16), ("mobilenet_v2", 32)])
def test_backbone_shrinks_by_its_stride(name: str, stride: int) -> None:
    images = tf.zeros((1, 64, 96, 3))
    features = build_backbone(name, "none")(images, training=False)
    assert features.shape == (1, 64 // stride, 96 // stride, CHANNELS[name])


@pytest.mark.parametrize("name", ["resnet50", "vgg16"])
def test_caffe_weights_see_bgr_around_imagenets_means(name: str) -> None:
    # RGB means 123.68, 116.779, 103.939: (B - 103.939, G - 116.779, R - 123.68) of (200, 100, 50).
    pixels = tf.constant([[[[200, 100, 50]]]], tf.uint8)
    prepared = preprocessing(name)(pixels)
    assert prepared.dtype == tf.float32
    np.testing.assert_allclose(prepared[0, 0, 0], [-53.939, -16.779, 76.32], rtol=1e-5)


@pytest.mark.parametrize("name", ["mobilenet_v2", "small"])
def test_other_weights_see_rgb_from_minus_one_to_one(name: str) -> None:
    # x / 127.5 - 1: 0 -> -1, 51 -> -.6, 255 -> 1.
    pixels = tf.constant([[[[0, 51, 255]]]], tf.uint8)
    np.testing.assert_allclose(preprocessing(name)(pixels)[0, 0, 0], [-1, -0.6, 1], atol=1e-6)


@pytest.mark.parametrize("name", ["resnet50", "small"])
def test_preprocessing_returns_from_a_file(name: str, tmp_path: Path) -> None:
    inputs = keras.Input((None, None, 3), dtype="uint8")
    keras.Model(inputs, preprocessing(name)(inputs)).save(tmp_path / "pixels.keras")
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    loaded = keras.models.load_model(tmp_path / "pixels.keras")
    np.testing.assert_array_equal(loaded(pixels), preprocessing(name)(pixels))


def test_weights_come_from_a_file(small_weights: Path) -> None:
    images = tf.random.stateless_uniform((2, 32, 32, 3), (1, 2))
    first, second = (build_backbone("small", str(small_weights)) for _ in range(2))
    np.testing.assert_array_equal(first(images), second(images))
    other = build_backbone("small", "none")
    assert not np.allclose(other(images), first(images))


def test_unknown_backbone_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"resnet50, vgg16, mobilenet_v2, small. Received: alex"):
        build_backbone("alexnet", "none")


def test_missing_weights_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"--weights=/nowhere/a.weights.h5 is no file"):
        build_backbone("small", "/nowhere/a.weights.h5")


def test_weights_of_another_network_are_refused(small_weights: Path) -> None:
    with pytest.raises(ValueError, match=r"small.weights.h5 does not fit mobilenet_v2"):
        build_backbone("mobilenet_v2", str(small_weights))


@pytest.mark.parametrize("name", ["text.weights.h5", "text.bin"])
def test_file_without_weights_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("no weights")
    with pytest.raises(ValueError, match=rf"{name} does not fit small"):
        build_backbone("small", str(tmp_path / name))


def test_small_backbone_has_no_imagenet_weights() -> None:
    with pytest.raises(ValueError, match="--weights=none"):
        build_backbone("small", "imagenet")


@pytest.mark.parametrize("name", ["resnet50", "vgg16", "mobilenet_v2"])
def test_failed_download_says_how_to_pass_a_file(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def application(*, weights: str | None, **_: Any) -> keras.Model:
        assert weights == "imagenet"  # Keras raises a bare Exception:
        raise Exception("URL fetch failure on https://storage.example: None -- no route")

    monkeypatch.setitem(backbones._APPLICATIONS, name, application)
    with pytest.raises(FileNotFoundError, match=rf"{name} could not .*no route.*--weights=FILE"):
        build_backbone(name, "imagenet")
