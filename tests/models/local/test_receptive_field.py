"""What a position sees, against the gradients that reach it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.backbones.architectures import ARCHITECTURES
from models.local.receptive_field import ReceptiveField, receptive_field


def extents(network: keras.Model, name: str, side: int, place: int) -> tuple[int, int]:
    """The first and last row that the position ``place`` of a map depends on."""
    part = keras.Model(network.input, network.get_layer(name).output)
    image = tf.constant(np.random.default_rng(0).normal(size=(1, side, side, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        features = part(image, training=False)[:, place, place]
    seen = np.abs(tape.gradient(features, image).numpy()[0]).max(axis=(1, 2))
    (rows,) = np.nonzero(seen)
    return int(rows[0]), int(rows[-1])


@pytest.mark.parametrize(("name", "stage"), [("small", 3), ("small", 4), ("vgg16", 2)])
def test_it_is_what_gradients_reach(name: str, stage: int) -> None:
    network = ARCHITECTURES[name].build(None)
    layer = ARCHITECTURES[name].stage_ends[stage - 1]
    seen = receptive_field(network, layer)
    place = 128 // seen.stride
    expected = place * seen.stride + seen.first, place * seen.stride + seen.last
    assert extents(network, layer, 256, place) == expected


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_v2_b0", "convnext_tiny"])
def test_gradients_reach_no_further_in_any_backbone(name: str) -> None:
    """ReLUs stop some. EfficientNet's gates reach everywhere, so only its first two stages."""
    network = ARCHITECTURES[name].build(None)
    layer = ARCHITECTURES[name].stage_ends[1]
    seen = receptive_field(network, layer)
    first, last = extents(network, layer, 128, 64 // seen.stride)
    assert 64 + seen.first <= first <= 64 + seen.first + seen.stride
    assert 64 + seen.last - seen.stride <= last <= 64 + seen.last


def test_resnet50s_is_the_one_that_delf_states() -> None:
    """291 pixels, 145 of padding, 16 of stride, at the end of the fourth stage."""
    architecture = ARCHITECTURES["resnet50"]
    seen = receptive_field(architecture.build(None), architecture.stage_ends[3])
    assert seen == ReceptiveField(stride=16, first=-145, last=145)
    assert (seen.size, seen.centre) == (291, 0.0)


def test_layers_that_see_all_and_that_are_none_are_refused() -> None:
    inputs = keras.Input((None, None, 3))
    mean = keras.layers.GlobalAveragePooling2D(name="mean")(inputs)
    network = keras.Model(inputs, mean)
    with pytest.raises(ValueError, match="mean sees the whole image"):
        receptive_field(network, "mean")
    with pytest.raises(ValueError, match="has no layer other"):
        receptive_field(network, "other")


def test_maps_of_two_strides_are_not_combined() -> None:
    with pytest.raises(ValueError, match="strides 2 and 1"):
        ReceptiveField(stride=2).joined(ReceptiveField())


def test_dilated_and_padded_windows_by_hand() -> None:
    """Padding of 2 before; three taps at distance 2 see five rows; then every second one."""
    inputs = keras.Input((None, None, 1))
    x = keras.layers.ZeroPadding2D(((2, 1), (2, 1)))(inputs)
    x = keras.layers.Conv2D(1, 3, dilation_rate=2)(x)
    x = keras.layers.AveragePooling2D(2, name="out")(x)
    assert receptive_field(keras.Model(inputs, x), "out") == ReceptiveField(2, first=-2, last=3)
