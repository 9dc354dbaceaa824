import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from models.backbones import build_backbone
from models.backbones.small import small_backbone


@pytest.fixture(scope="module")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    small_backbone().save_weights(path)
    return path


def test_weights_come_from_a_file(small_weights: Path) -> None:
    images = tf.random.stateless_uniform((2, 32, 32, 3), (1, 2))
    first, second = (build_backbone("small", str(small_weights)) for _ in range(2))
    np.testing.assert_array_equal(first(images), second(images))
    other = build_backbone("small", "none")
    assert not np.allclose(other(images), first(images))


def test_weights_saved_while_training_come_without_the_optimizers(tmp_path: Path) -> None:
    backbone = small_backbone()
    backbone.compile(optimizer="adam")
    backbone.optimizer.build(backbone.trainable_variables)
    backbone.save_weights(tmp_path / "trained.weights.h5")
    with h5py.File(tmp_path / "trained.weights.h5") as file:
        assert "optimizer" in file
    loaded = build_backbone("small", str(tmp_path / "trained.weights.h5"))
    np.testing.assert_equal(loaded.get_weights(), backbone.get_weights())


def test_keras_own_file_with_its_preprocessing_inside_fits(tmp_path: Path) -> None:
    """keras.applications saves EfficientNetV2 and ConvNeXt with two more layers, of no weights."""
    whole = keras.applications.EfficientNetV2B0(include_top=False, weights=None)
    whole.save_weights(tmp_path / "b0.weights.h5")
    loaded = build_backbone("efficientnet_v2_b0", str(tmp_path / "b0.weights.h5"))
    np.testing.assert_equal(loaded.get_weights(), whole.get_weights())


def test_missing_weights_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"--weights=/nowhere/a.weights.h5 is no file"):
        build_backbone("small", "/nowhere/a.weights.h5")


def test_weights_of_another_network_are_refused(small_weights: Path) -> None:
    message = (
        r"small.weights.h5 does not fit mobilenet_v2 .*holds 306,152 weights, .*has 2,257,984.*"
        "--backbone"
    )
    with pytest.raises(ValueError, match=message):
        build_backbone("mobilenet_v2", str(small_weights))


def test_weights_of_another_network_with_as_many_numbers_are_refused(tmp_path: Path) -> None:
    inputs = keras.Input((None, None, 3))
    x = layers.Dense(306_152 // 4 - 1, use_bias=False)(inputs)
    x = layers.Dense(1, use_bias=False)(x)
    other = keras.Model(inputs, layers.Dense(4, use_bias=False)(x))
    assert other.count_params() == small_backbone().count_params()
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match=r"other.weights.h5 does not fit small"):
        build_backbone("small", str(tmp_path / "other.weights.h5"))


def test_weights_of_a_deeper_network_are_refused(tmp_path: Path) -> None:
    """Keras would fill the network with the first of them and say nothing."""
    backbone = small_backbone()
    deeper = keras.Model(backbone.input, layers.Conv2D(8, 3)(backbone.output))
    deeper.save_weights(tmp_path / "deeper.weights.h5")
    with pytest.raises(ValueError, match=r"deeper.weights.h5 does not fit small"):
        build_backbone("small", str(tmp_path / "deeper.weights.h5"))


def test_weights_with_the_classifier_are_refused(tmp_path: Path) -> None:
    """Keras would leave the classifier out and say nothing."""
    whole = keras.applications.MobileNetV2(weights=None)
    whole.save_weights(tmp_path / "whole.weights.h5")
    with pytest.raises(ValueError, match=r"without its classifier: .*include_top=False"):
        build_backbone("mobilenet_v2", str(tmp_path / "whole.weights.h5"))


@pytest.mark.parametrize("name", ["text.weights.h5", "text.bin"])
def test_file_without_weights_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("no weights")
    with pytest.raises(ValueError, match=rf"{name} is empty, damaged or no HDF5 file"):
        build_backbone("small", str(tmp_path / name))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _headless(path: Path) -> None:
    path.write_bytes(b"\0" * 512 + path.read_bytes()[512:])


@pytest.mark.parametrize("damage", [_empty, _truncated, _headless])
def test_damaged_file_is_refused(
    damage: Callable[[Path], None], small_weights: Path, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.weights.h5"
    shutil.copy(small_weights, path)
    damage(path)
    with pytest.raises(ValueError, match=r"damaged.weights.h5 is empty, damaged or no HDF5 file"):
        build_backbone("small", str(path))


def test_weights_that_are_no_numbers_are_refused(small_weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "undefined.weights.h5"
    shutil.copy(small_weights, path)
    with h5py.File(path, "r+") as file:
        file["layers/conv2d/vars/0"][0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"undefined.weights.h5 is damaged: .*undefined numbers"):
        build_backbone("small", str(path))
