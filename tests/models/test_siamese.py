from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.backbones import Precision, build_backbone
from models.backbones.stages import backbone_of, freeze_stages
from models.pooling import POOLINGS, PoolingName
from models.siamese import (
    embedding_network,
    in_float32,
    load_network,
    random_states,
    start_whitened,
)
from models.whitening import pca_whitening


def photographs(count: int, *, size: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def batch_statistics(network: keras.Model) -> list[np.ndarray]:
    return [w.numpy() for w in backbone_of(network).weights if "moving_" in w.path]


def train_one_step(network: keras.Model) -> list[tf.Tensor]:
    """Moves every embedding away from that of the photograph before, and gives the gradients."""
    variables = network.trainable_variables
    with tf.GradientTape() as tape:
        embeddings = network(photographs(6), training=True)
        loss = tf.reduce_sum(embeddings * tf.roll(embeddings, 1, axis=0))
    gradients = tape.gradient(loss, variables)
    keras.optimizers.SGD(0.1).apply(gradients, variables)
    return gradients


def flags(network: keras.Model) -> list[tuple[str, bool, str]]:
    """Of every layer that has weights: name, whether it learns, and what it computes in."""
    layers = (*network.layers, *backbone_of(network).layers)
    return [
        (layer.name, layer.trainable, layer.compute_dtype)
        for layer in layers
        if layer.weights and not isinstance(layer, keras.Model)
    ]


@pytest.fixture(scope="module")
def small_network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return embedding_network("small", "none", dimension=8)


@pytest.fixture(scope="module")
def pretrained_weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of weights, which is what makes a backbone pretrained."""
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    keras.utils.set_random_seed(0)
    build_backbone("small", "none").save_weights(path)
    return str(path)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_embeddings_have_unit_length(small_network: keras.Model, batch: int) -> None:
    embeddings = small_network(photographs(batch), training=False)
    assert embeddings.dtype == tf.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), np.ones(batch), rtol=1e-5)


def test_embedding_does_not_depend_on_what_else_is_in_the_batch(
    small_network: keras.Model,
) -> None:
    """A normalisation without an axis would divide the rows by the whole batch's length."""
    images = photographs(5)
    together = small_network(images, training=False)
    alone = [small_network(images[i : i + 1], training=False)[0] for i in range(5)]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.ptp(together, axis=0).max() > 1e-3  # and they do differ


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("dimension", [None, 8])
def test_every_pooling_embeds_images_of_any_size(
    pooling: PoolingName, dimension: int | None
) -> None:
    network = embedding_network("small", "none", dimension=dimension, pooling=pooling)
    for height, width in ((16, 16), (32, 80), (100, 33)):
        images = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
        embeddings = network(images, training=False)
        assert embeddings.shape == (2, dimension or 128)
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), [1, 1], rtol=1e-5)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_pooling_gives_all_variables_finite_gradients(pooling: PoolingName) -> None:
    network = embedding_network("small", "none", dimension=8, pooling=pooling)
    gradients = train_one_step(network)
    assert len(gradients) == 24 + 2 + pooling.startswith("gem")
    assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


@pytest.mark.parametrize(
    ("pooling", "exponents"), [("gem", 1), ("gem_per_channel", 128), ("mac", 0), ("rmac", 0)]
)
def test_only_gem_has_exponents_and_they_start_as_given(
    pooling: PoolingName, exponents: int
) -> None:
    network = embedding_network("small", "none", dimension=8, pooling=pooling, gem_power=4.5)
    values = [weights.ravel() for weights in network.get_layer("pooling").get_weights()]
    assert np.concatenate([*values, []]).tolist() == exponents * [4.5]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_network_returns_from_a_file_as_it_was(pooling: PoolingName, tmp_path: Path) -> None:
    network = embedding_network("small", "none", dimension=8, pooling=pooling)
    freeze_stages(network, 2)
    train_one_step(network)
    network.save(tmp_path / "network.keras")
    loaded = load_network(tmp_path / "network.keras")
    images = photographs(2)
    np.testing.assert_array_equal(loaded(images, training=False), network(images, training=False))
    assert flags(loaded) == flags(network)
    assert [v.path for v in loaded.variables] == [v.path for v in network.variables]
    assert [v.trainable for v in loaded.variables] == [v.trainable for v in network.variables]


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_under_mixed_precision_only_the_backbone_computes_in_16_bits(
    pooling: PoolingName, precision: Precision
) -> None:
    network = embedding_network("small", "none", dimension=8, pooling=pooling, precision=precision)
    embeddings = network(photographs(2), training=False)
    assert embeddings.dtype == tf.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), [1, 1], rtol=1e-6)
    computing = {layer.compute_dtype for layer in backbone_of(network).layers}
    assert computing == {precision.removeprefix("mixed_")}
    heads = ("imagenet_preprocessing", "pooling", "pooled", "projection", "embedding")
    ours = [layer for layer in network.layers if layer.name.startswith(heads)]
    assert [layer.compute_dtype for layer in ours] == ["float32"] * 5
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert all(np.all(np.isfinite(gradient)) for gradient in train_one_step(network))


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_network_of_mixed_precision_returns_from_a_file_as_it_was(
    precision: Precision, tmp_path: Path
) -> None:
    network = embedding_network("small", "none", dimension=8, precision=precision)
    network.save(tmp_path / "network.keras")
    loaded = load_network(tmp_path / "network.keras")
    images = photographs(2)
    np.testing.assert_array_equal(loaded(images, training=False), network(images, training=False))
    assert flags(loaded) == flags(network)


def test_copy_in_float32_has_the_same_weights_names_and_frozen_layers(
    pretrained_weights: str, tmp_path: Path
) -> None:
    exact = embedding_network("small", pretrained_weights, dimension=8)
    mixed = embedding_network("small", pretrained_weights, dimension=8, precision="mixed_float16")
    mixed.get_layer("projection").set_weights(exact.get_layer("projection").get_weights())
    freeze_stages(mixed, 2)
    copy = in_float32(mixed)
    copy.save(tmp_path / "copy.keras")
    images = photographs(3)
    for network in (copy, load_network(tmp_path / "copy.keras")):
        np.testing.assert_array_equal(
            network(images, training=False), exact(images, training=False)
        )
        assert network.name == mixed.name
        assert [v.path for v in network.variables] == [v.path for v in mixed.variables]
        assert [flag[:2] for flag in flags(network)] == [flag[:2] for flag in flags(mixed)]
        assert {layer.compute_dtype for layer in backbone_of(network).layers} == {"float32"}
    assert mixed.get_layer("small").layers[1].compute_dtype == "float16"  # it is a copy
    assert not np.array_equal(mixed(images, training=False), exact(images, training=False))


def test_pretrained_batch_statistics_do_not_move_while_convolutions_learn(
    pretrained_weights: str,
) -> None:
    network = embedding_network("small", pretrained_weights, dimension=8)
    statistics = batch_statistics(network)
    convolution = backbone_of(network).layers[1].get_weights()[0]
    train_one_step(network)
    assert len(statistics) == 2 * 7  # a mean and a variance of each normalisation
    np.testing.assert_equal(batch_statistics(network), statistics)
    assert not np.array_equal(backbone_of(network).layers[1].get_weights()[0], convolution)


def test_batch_statistics_are_frozen_or_learned_as_asked(pretrained_weights: str) -> None:
    def moves(network: keras.Model) -> bool:
        before = batch_statistics(network)
        train_one_step(network)
        moved = [
            not np.array_equal(now, then)
            for now, then in zip(batch_statistics(network), before, strict=True)
        ]
        assert all(moved) or not any(moved)
        return all(moved)

    build: Callable[..., keras.Model] = embedding_network
    assert moves(build("small", "none", dimension=8))
    assert moves(build("small", pretrained_weights, dimension=8, batch_statistics="learned"))
    assert not moves(build("small", "none", dimension=8, batch_statistics="frozen"))


def test_frozen_stages_keep_weights_and_statistics_and_the_others_learn() -> None:
    network = embedding_network("small", "none", dimension=8)
    freeze_stages(network, 2)
    layers = backbone_of(network).layers
    end = [layer.name for layer in layers].index("stage2_out")
    before = [layer.get_weights() for layer in layers]
    assert all(np.all(np.isfinite(gradient)) for gradient in train_one_step(network))
    for position, layer in enumerate(layers):
        for now, then in zip(layer.get_weights(), before[position], strict=True):
            assert np.array_equal(now, then) == (position <= end)


def test_random_states_are_what_a_checkpoint_leaves_out(tmp_path: Path) -> None:
    """A dropout stands for EfficientNetV2's, which leaves out whole blocks."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((64,))
    network = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    ones = np.ones((1, 64), np.float32)
    network(ones, training=True)
    checkpoint = tf.train.Checkpoint(network=network, random=random_states(network))
    path = checkpoint.save(tmp_path / "whole")
    without = tf.train.Checkpoint(network=network).save(tmp_path / "network")
    assert len(random_states(network)) == 1
    assert not [name for name, _ in tf.train.list_variables(without) if "network" in name]
    next_ones = [network(ones, training=True).numpy() for _ in range(2)]
    assert not np.array_equal(*next_ones)
    keras.utils.set_random_seed(1)
    inputs = keras.Input((64,))
    resumed = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    checkpoint = tf.train.Checkpoint(network=resumed, random=random_states(resumed))
    checkpoint.restore(path).assert_existing_objects_matched()
    np.testing.assert_array_equal(
        [resumed(ones, training=True).numpy() for _ in range(2)], next_ones
    )


def test_a_network_without_chance_has_no_random_states(small_network: keras.Model) -> None:
    assert random_states(small_network) == []


@pytest.mark.parametrize("pooling", POOLINGS)
def test_whitened_projection_centres_and_decorrelates_what_is_pooled(
    pooling: PoolingName,
) -> None:
    keras.utils.set_random_seed(1)
    network = embedding_network("small", "none", dimension=5, pooling=pooling)
    images = photographs(40, seed=2)
    start_whitened(network, [tf.constant(images[:24]), tf.constant(images[24:])])
    projected = keras.Model(network.input, network.get_layer("projection").output)
    rows = projected(images, training=False).numpy()
    pool = keras.Model(network.input, network.get_layer("pooled").output)
    pooled = pool(images, training=False).numpy()
    projection, mean = pca_whitening(pooled, 5)
    expected = (pooled - mean) @ projection
    np.testing.assert_allclose(np.abs(rows), np.abs(expected), atol=0.02 * rows.std())
    np.testing.assert_allclose(rows.mean(axis=0), np.zeros(5), atol=0.02 * rows.std())
    correlation = np.corrcoef(rows, rowvar=False)
    np.testing.assert_allclose(correlation, np.eye(5), atol=0.02)


def test_whitening_needs_more_photographs_than_dimensions(small_network: keras.Model) -> None:
    with pytest.raises(ValueError, match=r"8 descriptors of 128 channels .*--dimension=7"):
        start_whitened(small_network, [tf.constant(photographs(8))])
