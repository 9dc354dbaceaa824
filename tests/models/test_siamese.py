from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import siamese
from models.backbones import BACKBONES, build_backbone
from models.siamese import embedding_network, freeze_first_layers, start_whitened, train_step
from models.whitening import pca_whitening

# Backbone + projection (channels + 1) * 512 + GeM's exponent.
PARAMETERS = {
    "resnet50": 23_587_712 + 2049 * 512 + 1,
    "vgg16": 14_714_688 + 513 * 512 + 1,
    "mobilenet_v2": 2_257_984 + 1281 * 512 + 1,
    "small": 306_152 + 129 * 512 + 1,
}


def photographs(count: int, *, size: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), np.uint8)


def tower(network: keras.Model) -> keras.Model:
    return next(layer for layer in network.layers if isinstance(layer, keras.Model))


def batch_statistics(network: keras.Model) -> list[np.ndarray]:
    return [w.numpy() for w in tower(network).weights if "moving_" in w.path]


def train_one_step(network: keras.Model) -> float:
    optimizer = keras.optimizers.SGD(0.1)
    step = train_step(network, optimizer, siamese.given_triplets(2.0))
    loss, _ = step(tf.constant(photographs(6)), tf.fill([6], -1))
    return float(loss)


@pytest.fixture(scope="module")
def small_network() -> keras.Model:
    keras.utils.set_random_seed(0)
    return embedding_network("small", "none", 8)


@pytest.fixture(scope="module")
def pretrained_weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of weights, which is what makes a backbone pretrained."""
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    keras.utils.set_random_seed(0)
    build_backbone("small", "none").save_weights(path)
    return str(path)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_network_has_its_pinned_parameters(backbone: str) -> None:
    network = embedding_network(backbone, "none", 512)
    assert network.count_params() == PARAMETERS[backbone]
    assert network.output_shape == (None, 512)


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


def test_without_a_dimension_the_pooled_channels_are_the_embedding() -> None:
    network = embedding_network("small", "none", None)
    embeddings = network(photographs(2), training=False)
    assert embeddings.shape == (2, 128)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), [1, 1], rtol=1e-5)


def test_network_takes_any_size_and_starts_with_the_given_exponent() -> None:
    network = embedding_network("small", "none", 8, power=4.5)
    assert network(photographs(1, size=48), training=False).shape == (1, 8)
    assert float(network.get_layer("gem").exponent) == 4.5


def test_network_returns_from_a_file(small_network: keras.Model, tmp_path: Path) -> None:
    small_network.save(tmp_path / "network.keras")
    loaded = keras.models.load_model(tmp_path / "network.keras")
    images = photographs(2)
    np.testing.assert_array_equal(
        loaded(images, training=False), small_network(images, training=False)
    )


def test_pretrained_batch_statistics_do_not_move_while_convolutions_learn(
    pretrained_weights: str,
) -> None:
    network = embedding_network("small", pretrained_weights, 8)
    statistics = batch_statistics(network)
    convolution = tower(network).layers[1].get_weights()[0]
    train_one_step(network)
    assert len(statistics) == 2 * 7  # a mean and a variance of each normalisation
    np.testing.assert_equal(batch_statistics(network), statistics)
    assert not np.array_equal(tower(network).layers[1].get_weights()[0], convolution)


def test_pretrained_mobilenet_freezes_all_its_normalisations(tmp_path: Path) -> None:
    path = tmp_path / "mobilenet.weights.h5"
    build_backbone("mobilenet_v2", "none").save_weights(path)
    learned = [w.path for w in embedding_network("mobilenet_v2", str(path), 8).trainable_weights]
    assert not [name for name in learned if "gamma" in name or "beta" in name]
    # One kernel for each of 52 normalised convolutions, GeM's exponent, and the projection's two.
    assert len(learned) == 52 + 1 + 2


def test_batch_statistics_from_scratch_move() -> None:
    network = embedding_network("small", "none", 8)
    statistics = batch_statistics(network)
    train_one_step(network)
    moved = [
        not np.array_equal(now, then)
        for now, then in zip(batch_statistics(network), statistics, strict=True)
    ]
    assert len(moved) == 2 * 7
    assert all(moved)


def test_frozen_layers_keep_their_weights_and_the_others_learn() -> None:
    network = embedding_network("small", "none", 8)
    freeze_first_layers(network, 5)  # the input, one convolution block, and one more convolution
    before = [layer.get_weights() for layer in tower(network).layers]
    assert np.isfinite(train_one_step(network))
    for position, layer in enumerate(tower(network).layers):
        for now, then in zip(layer.get_weights(), before[position], strict=True):
            assert np.array_equal(now, then) == (position < 5)


@pytest.mark.parametrize("count", [-1, 29])
def test_more_frozen_layers_than_there_are_is_refused(
    small_network: keras.Model, count: int
) -> None:
    with pytest.raises(ValueError, match=rf"--frozen_layers is 0 to 28 .*Received: {count}"):
        freeze_first_layers(small_network, count)


def test_training_lowers_the_loss_and_is_one_function_of_all_embeddings() -> None:
    keras.utils.set_random_seed(0)
    network = embedding_network("small", "none", 8)
    rows = []

    def batch_loss(embeddings: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows.append(embeddings.shape)
        return siamese.labelled_triplets(0.5)(embeddings, labels)

    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(network.trainable_variables)
    step = train_step(network, optimizer, batch_loss)
    images, labels = tf.constant(photographs(8)), tf.constant([0, 0, 1, 1, 2, 2, 3, 3])
    values = [step(images, labels) for _ in range(12)]
    assert float(values[-1][0]) < float(values[0][0]) / 2
    assert all(0 <= float(active) <= 1 for _, active in values)
    assert rows == [(8, 8)]  # traced once, with every photograph of the batch in one tensor


def test_whitened_projection_centres_and_decorrelates_what_is_pooled() -> None:
    keras.utils.set_random_seed(1)
    network = embedding_network("small", "none", 5)
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
