import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.backbones import BACKBONES, Precision, build_backbone
from models.backbones.architectures import ARCHITECTURES

IMAGES = np.random.default_rng(0).uniform(-1, 1, (2, 64, 96, 3)).astype(np.float32)


def test_every_name_has_its_architecture() -> None:
    assert tuple(ARCHITECTURES) == BACKBONES


@pytest.mark.parametrize(("name", "stride"), [("small", 16), ("mobilenet_v2", 32)])
def test_backbone_shrinks_by_its_stride(name: str, stride: int) -> None:
    backbone = build_backbone(name, "none")
    features = backbone(IMAGES, training=False)
    assert features.shape == (2, 64 // stride, 96 // stride, backbone.output_shape[-1])
    assert backbone.name == name


@pytest.mark.parametrize("name", ["small", "convnext_tiny"])
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_16_bits_on_float32_weights(
    name: str, precision: Precision
) -> None:
    before = keras.config.dtype_policy()
    backbone = build_backbone(name, "none", precision=precision)
    assert keras.config.dtype_policy() == before
    assert backbone.output.dtype == precision.removeprefix("mixed_")
    assert {weight.dtype for weight in backbone.weights} == {"float32"}


def test_mixed_precision_gives_nearly_the_same_features() -> None:
    keras.utils.set_random_seed(0)
    exact = build_backbone("small", "none")
    mixed = build_backbone("small", "none", precision="mixed_float16")
    mixed.set_weights(exact.get_weights())
    features = mixed(IMAGES, training=False)
    assert features.dtype == tf.float16
    expected = exact(IMAGES, training=False).numpy()
    np.testing.assert_allclose(features, expected, atol=0.01 * expected.max())


def test_failed_build_leaves_the_policy_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_: str | None) -> keras.Model:
        raise MemoryError

    broken = dataclasses.replace(ARCHITECTURES["small"], build=build)
    monkeypatch.setitem(ARCHITECTURES, "small", broken)
    before = keras.config.dtype_policy()
    with pytest.raises(MemoryError):
        build_backbone("small", "none", precision="mixed_float16")
    assert keras.config.dtype_policy() == before


def test_unknown_backbone_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"resnet50, .*, convnext_tiny, small. Received: alexnet"):
        build_backbone("alexnet", "none")


def test_small_backbone_has_no_imagenet_weights() -> None:
    with pytest.raises(ValueError, match="--weights=none"):
        build_backbone("small", "imagenet")


@pytest.mark.parametrize("name", [name for name in BACKBONES if name != "small"])
def test_failed_download_says_how_to_pass_a_file(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(weights: str | None) -> keras.Model:
        assert weights == "imagenet"  # Keras raises a bare Exception:
        raise Exception("URL fetch failure on https://storage.example: None -- no route")

    broken = dataclasses.replace(ARCHITECTURES[name], build=build)
    monkeypatch.setitem(ARCHITECTURES, name, broken)
    with pytest.raises(FileNotFoundError, match=rf"{name} could not .*no route.*--weights=FILE"):
        build_backbone(name, "imagenet")
