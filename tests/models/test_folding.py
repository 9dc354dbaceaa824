from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from keras.layers import BatchNormalization, Conv2D, DepthwiseConv2D

from models.backbones.stages import backbone_of
from models.folding import folded
from tests.networks import network_around

Build = Callable[[Any], Any]


def network_of(build: Build) -> keras.Model:
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3))
    return network_around(keras.Model(images, build(images)))


def kinds(network: keras.Model) -> list[type]:
    return [type(layer) for layer in backbone_of(network).layers[1:]]


def described(network: keras.Model, batch: int = 2) -> np.ndarray:
    images = np.random.default_rng(batch).integers(0, 256, (batch, 12, 17, 3), np.uint8)
    return network(images, training=False).numpy()


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize(
    "build",
    [
        lambda x: BatchNormalization()(Conv2D(4, 3, strides=2)(x)),
        lambda x: BatchNormalization()(Conv2D(4, 3, use_bias=False, dilation_rate=2)(x)),
        lambda x: BatchNormalization(scale=False)(Conv2D(4, 3, padding="same")(x)),
        lambda x: BatchNormalization(center=False)(Conv2D(6, 3, groups=3)(x)),
        lambda x: BatchNormalization()(Conv2D(4, 1, strides=2)(x)),
        lambda x: BatchNormalization()(Conv2D(4, (1, 2), strides=3)(x)),
        lambda x: BatchNormalization()(DepthwiseConv2D(3)(x)),
        lambda x: BatchNormalization()(DepthwiseConv2D(3, depth_multiplier=2)(x)),
    ],
    ids=[
        "convolution",
        "no-bias",
        "no-scale",
        "grouped",
        "one",
        "two",
        "depthwise",
        "depth-multiplier",
    ],
)
def test_batch_normalisation_goes_into_the_convolution_before_it(build: Build, batch: int) -> None:
    network = network_of(build)
    copy = folded(network)
    assert kinds(copy) == kinds(network)[:1]
    np.testing.assert_allclose(described(copy, batch), described(network, batch), atol=1e-6)


def test_folded_weights_of_hand_numbers() -> None:
    # The convolution gives 2 x + 1. Mean 3 and variance 3, with epsilon 1, make (2 x - 2) / 2 of
    # it; scale 4 and offset 5 make 4 x - 4 + 5 = 4 x + 1.
    network = network_of(lambda x: BatchNormalization(epsilon=1.0)(Conv2D(1, 1)(x)))
    _, convolution, normalisation = backbone_of(network).layers
    convolution.set_weights([np.full((1, 1, 3, 1), 2.0), np.ones(1)])
    normalisation.set_weights([np.full(1, value) for value in (4.0, 5.0, 3.0, 3.0)])
    kernel, bias = backbone_of(folded(network)).get_weights()
    np.testing.assert_allclose(kernel, np.full((1, 1, 3, 1), 4.0), rtol=1e-6)
    np.testing.assert_allclose(bias, [1.0], rtol=1e-6)


def read_twice(x: Any) -> Any:
    x = Conv2D(4, 3)(x)
    return layers.Add()([BatchNormalization()(x), x])


def one_after_another(x: Any) -> Any:
    return BatchNormalization()(BatchNormalization()(Conv2D(4, 3)(x)))


@pytest.mark.parametrize(
    ("build", "left"),
    [
        (read_twice, 1),
        (one_after_another, 1),
        (lambda x: BatchNormalization()(Conv2D(4, 3, activation="relu")(x)), 1),
        (lambda x: BatchNormalization()(layers.AveragePooling2D(2)(x)), 1),
        (lambda x: BatchNormalization(axis=1)(Conv2D(4, 3)(layers.Resizing(8, 8)(x))), 1),
        (lambda x: Conv2D(4, 3)(BatchNormalization()(x)), 1),
    ],
    ids=["read-twice", "one-after-another", "activation", "pooling", "other-axis", "before"],
)
def test_batch_normalisation_stays_where_no_convolution_can_take_it(
    build: Build, left: int
) -> None:
    network = network_of(build)
    copy = folded(network)
    assert kinds(copy).count(BatchNormalization) == left
    np.testing.assert_allclose(described(copy), described(network), atol=1e-6)


@pytest.mark.parametrize(
    ("groups", "kind"), [(1, Conv2D), (4, Conv2D), (8, DepthwiseConv2D)], ids=str
)
def test_a_convolution_of_one_channel_a_group_becomes_depthwise(groups: int, kind: type) -> None:
    def build(x: Any) -> Any:
        x = Conv2D(8, 1)(x)
        grouped = Conv2D(8, 3, groups=groups, padding="same", strides=2, kernel_regularizer="l2")
        return BatchNormalization()(grouped(x))

    network = network_of(build)
    copy = folded(network)
    assert kinds(copy) == [Conv2D, kind]
    np.testing.assert_allclose(described(copy), described(network), atol=1e-6)


def test_the_network_itself_is_left_as_it_was() -> None:
    network = network_of(lambda x: BatchNormalization()(Conv2D(4, 3)(x)))
    weights, vectors = network.get_weights(), described(network)
    folded(network)
    np.testing.assert_equal(network.get_weights(), weights)
    np.testing.assert_array_equal(described(network), vectors)
    assert kinds(network) == [Conv2D, BatchNormalization]
