"""The local head and its loss, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import siamese
from models.local import head
from models.local.extraction import LocalExtraction
from models.local.loss import LocalLoss
from models.local.receptive_field import ReceptiveField

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 64, 96, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    whole = siamese.embedding_network("small", "none", dimension=8)
    network = head.with_local_head(whole, 3, 12)
    head.start_whitened(network, [IMAGES])
    return network


def test_outputs_are_the_descriptor_the_attended_mean_and_the_error(network: keras.Model) -> None:
    outputs = network(IMAGES).numpy()
    names = ("local_map", "decoded", "attention")
    parts = keras.Model(network.input, [network.get_layer(name).output for name in names])
    features, decoded, attention = (one.numpy() for one in parts(IMAGES))
    attended = (decoded * attention).sum(axis=(1, 2))
    attended /= np.linalg.norm(attended, axis=1, keepdims=True)
    lengths = np.linalg.norm(features, axis=3) * np.linalg.norm(decoded, axis=3)
    errors = 1 - ((features * decoded).sum(axis=3) / lengths).mean(axis=(1, 2))
    np.testing.assert_allclose(outputs[:, :8], head.global_network(network)(IMAGES), atol=1e-6)
    np.testing.assert_allclose(outputs[:, 8:-1], attended, atol=1e-5)
    np.testing.assert_allclose(outputs[:, -1], errors, atol=1e-5)
    np.testing.assert_allclose(head.attended_network(network)(IMAGES), attended, atol=1e-5)


def test_the_start_decodes_as_well_as_that_many_components_can(network: keras.Model) -> None:
    features = keras.Model(network.input, network.get_layer("local_map").output)(IMAGES).numpy()
    rows = features.reshape(-1, features.shape[-1])
    centred = rows - rows.mean(axis=0)
    variances = np.linalg.svd(centred, compute_uv=False) ** 2
    decoded = keras.Model(network.input, network.get_layer("decoded").output)(IMAGES).numpy()
    lost = ((decoded - features) ** 2).sum() / (centred**2).sum()
    np.testing.assert_allclose(lost, variances[12:].sum() / variances.sum(), rtol=0.2)


def test_no_gradient_of_the_head_reaches_the_backbone(network: keras.Model) -> None:
    with tf.GradientTape() as tape:
        outputs = network(IMAGES, training=True)
        loss = tf.reduce_sum(outputs[:, 8:])
    kernel = network.get_layer("small").trainable_variables[0]
    own = network.get_layer("encoded").trainable_variables[0]
    of_backbone, of_head = tape.gradient(loss, [kernel.value, own.value])
    assert not np.any(of_backbone)
    assert np.abs(of_head).max() > 0


def test_the_loss_adds_cross_entropy_and_ten_times_the_error() -> None:
    loss = LocalLoss(np.array([3, 7]), dimension=2, channels=3)
    outputs = np.array([[1, 0, 1, 0, 0, 0.1], [0, 1, 0, 1, 0, 0.3]], np.float32)
    value, _ = loss(tf.constant(outputs), tf.constant([3, 7], tf.int64))
    (centres,) = (weight.numpy() for weight in loss.trainable_weights)
    centres = centres.reshape(2, 3)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    logits = 30 * outputs[:, 2:5] @ centres.T
    entropy = np.log(np.exp(logits).sum(axis=1)) - logits[[0, 1], [0, 1]]
    np.testing.assert_allclose(value, entropy.mean() + 10 * 0.2, rtol=1e-4)


def test_overlapping_features_are_left_out(network: keras.Model) -> None:
    """Boxes of 8 pixels every 8 do not overlap; of 16, neighbours do by a third."""
    local = head.local_network(network)
    counts = {}
    for last in (7, 15):
        extraction = LocalExtraction(local, ReceptiveField(8, 0, last), overlap=0.3)
        found = extraction.of_batch(IMAGES, tf.constant([1.0]), 0.0, 200)
        counts[last] = found["counts"].numpy()
    assert counts[7].tolist() == [96, 96, 96]  # 8 rows of 12
    assert np.all(counts[15] < 60)


def test_of_a_batch_and_alone_features_are_the_same(network: keras.Model) -> None:
    extraction = LocalExtraction(head.local_network(network), head.seen_by(network, 3), 0.9)
    scales = tf.constant([0.7071, 1.4142])
    batch = extraction.of_batch(IMAGES, scales, 0.0, 40)
    for number, image in enumerate(IMAGES):
        alone = extraction.default(tf.constant(image, tf.float32) / 255, scales, 0.0, 40)
        count = int(batch["counts"][number])
        assert count == len(alone["locations"])
        for name, values in alone.items():
            np.testing.assert_allclose(batch[name][number, :count], values, atol=1e-4)


def test_walls_have_none_and_a_picture_none_where_it_is_a_wall(network: keras.Model) -> None:
    """Of any two walls the padding would look alike, at the same places."""
    extraction = LocalExtraction(head.local_network(network), head.seen_by(network, 3), 0.9)
    scales = tf.constant([0.7071, 1.0])
    noise = np.random.default_rng(0).normal(0, 3, (96, 96, 3))
    for wall in (np.full((96, 96, 3), 180.0), 200 + noise):
        found = extraction.default(wall.astype(np.float32) / 255, scales, 0.0, 40)
        assert len(found["locations"]) == 0
    half = np.full((96, 96, 3), 90, np.uint8)
    half[:, 48:] = IMAGES[0][:, :48].repeat(2, axis=0)[:96]
    found = extraction.default(half.astype(np.float32) / 255, scales, 0.0, 400)
    assert len(found["locations"]) > 20
    assert found["locations"].numpy()[:, 1].min() > 30


@pytest.mark.parametrize("side", [1, 9])
def test_tiny_images_have_none(network: keras.Model, side: int) -> None:
    extraction = LocalExtraction(head.local_network(network), head.seen_by(network, 3), 0.9)
    image = np.zeros((side, 40, 3), np.float32)
    found = extraction.default(image, tf.constant([1.0]), 0.0, 40)
    assert len(found["locations"]) == 0
    assert found["descriptors"].shape == (0, 12)
