import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from models.folding import folded
from models.serving import ServingModel, Views
from models.siamese import all_layers, embedding_network
from models.variants import (
    VARIANTS,
    FrozenNetwork,
    VariantName,
    build_variant,
    exact_layers,
    in_bfloat16,
    is_exact,
)
from tests.networks import network_around

VIEWS = Views(scales=(1.0, 1.5), flip=True)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """With a function that has a gradient of its own, swish, as EfficientNetV2 has."""
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3))
    x = layers.Conv2D(64, 3, strides=2, use_bias=False)(images)
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    x = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.Conv2D(256, 3, strides=2, activation="relu")(x)
    return network_around(keras.Model(images, x, name="small"))


def photographs(side: int, batch: int = 2) -> np.ndarray:
    """Coarse, as buildings are."""
    coarse = np.random.default_rng(batch).integers(0, 256, (batch, 8, 8, 3), np.uint8)
    return tf.image.resize(coarse, (side, side), "nearest").numpy()


def require_alike(found: np.ndarray, expected: np.ndarray, name: VariantName) -> None:
    if is_exact(name):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    cosines = (np.asarray(found) * np.asarray(expected)).sum(axis=1)
    np.testing.assert_allclose(cosines, np.ones(len(cosines)), atol=1e-3)


def saved_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_describes_as_the_network_does_at_any_size(
    network: keras.Model, name: VariantName
) -> None:
    variant = build_variant(network, name)
    for side, batch in ((32, 1), (48, 5), (67, 2)):
        found = variant(tf.constant(photographs(side, batch)), training=False)
        assert found.dtype == tf.float32
        require_alike(found, network(photographs(side, batch), training=False), name)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), np.ones(batch), atol=1e-5)


@pytest.mark.parametrize("name", ["frozen", "bfloat16"])
def test_variants_return_from_a_saved_model_that_stores_constants_once(
    network: keras.Model, name: VariantName, tmp_path: Path
) -> None:
    """However many scales and mirror images there are: here four, beside one."""
    images = photographs(90)
    plain = ServingModel(network, 32, VIEWS)
    expected = plain.pixels(tf.constant(images))["global_descriptor"]
    variant = build_variant(network, name)
    ServingModel(variant, 32, VIEWS).save(tmp_path / "four")
    layer = keras.layers.TFSMLayer(tmp_path / "four", call_endpoint="pixels")
    require_alike(layer(images)["global_descriptor"], expected, name)
    ServingModel(variant, 32).save(tmp_path / "one")
    bytes_of_weights = network.count_params() * (4 if name == "frozen" else 2)
    assert saved_bytes(tmp_path / "one") > bytes_of_weights
    more = saved_bytes(tmp_path / "four") - saved_bytes(tmp_path / "one")
    assert more < 0.5 * bytes_of_weights, "operations of more views, and no constants"
    kept = tf.train.list_variables(str(tmp_path / "four" / "variables" / "variables"))
    assert [shape for _, shape in kept] == [[]], "a list of objects, and no weights"


def test_kernels_are_kept_in_the_precision_they_are_computed_in(network: keras.Model) -> None:
    """And everything that follows the backbone in float32."""
    copy = in_bfloat16(network)
    kernels = [layer for layer in all_layers(copy) if hasattr(layer, "kernel")]
    assert len(kernels) == 3
    assert {layer.kernel.dtype for layer in kernels} == {"bfloat16"}
    assert {layer.compute_dtype for layer in copy.layers[-2:]} == {"float32"}
    assert {variable.dtype for variable in network.variables} == {"float32"}


def test_a_mixed_network_has_its_first_three_stages_in_float32() -> None:
    """Block 5 of MobileNetV2 ends the third; what ends the first is folded away."""
    network = embedding_network("mobilenet_v2", "none", dimension=None)
    copy = in_bfloat16(folded(network), exact_layers(network))
    kernels = {
        layer.name: layer.kernel.dtype for layer in all_layers(copy) if hasattr(layer, "kernel")
    }
    assert kernels.pop("Conv1") == kernels.pop("expanded_conv_project") == "float32"
    for name, dtype in kernels.items():
        found = re.match(r"block_(\d+)_", name)
        is_exact = name == "expanded_conv_depthwise" or (found and int(found[1]) <= 5)
        assert dtype == ("float32" if is_exact else "bfloat16"), name


def test_plain_is_the_network_itself(network: keras.Model) -> None:
    assert build_variant(network, "plain") is network


def test_a_frozen_network_cannot_be_trained(network: keras.Model) -> None:
    with pytest.raises(ValueError, match="cannot be trained; train the one"):
        FrozenNetwork(network)(tf.constant(photographs(32)), training=True)
