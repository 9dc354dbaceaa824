"""The Siamese network: one tower of shared weights for anchors, positives and negatives.

What is stacked into one batch passes the tower once, so "Siamese" is a matter of the loss:
the network itself maps photographs to unit vectors.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from models import losses
from models.backbones import build_backbone, preprocessing
from models.pooling import GeM
from models.whitening import pca_whitening

BatchLoss = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def embedding_network(
    backbone: str, weights: str, dimension: int | None, power: float = 3.0
) -> keras.Model:
    """Builds preprocessing, backbone, GeM, projection and normalisation.

    Args:
        backbone: One of ``models.backbones.BACKBONES``.
        weights: ``"imagenet"``, ``"none"`` or a weights file, see ``build_backbone``.
        dimension: Length of the embedding; None leaves the backbone's channels unprojected.
        power: GeM's initial exponent.

    Returns:
        A model from uint8 RGB ``(batch, height, width, 3)`` to float32 ``(batch, dimension)``
        of unit length.
    """
    tower = build_backbone(backbone, weights)
    if weights != "none":
        _freeze_batch_statistics(tower)
    images = keras.Input((None, None, 3), dtype="uint8", name="images")
    x = preprocessing(backbone)(images)
    x = GeM(power, name="gem")(tower(x))
    x = keras.layers.UnitNormalization(name="pooled")(x)
    if dimension is not None:
        x = keras.layers.Dense(dimension, name="projection")(x)
        x = keras.layers.UnitNormalization(name="embedding")(x)
    return keras.Model(images, x, name=f"siamese_{backbone}")


def load_network(path: Path) -> keras.Model:
    """Loads a saved ``.keras`` network; importing this module has registered its layers."""
    return keras.models.load_model(path)


def _freeze_batch_statistics(tower: keras.Model) -> None:
    """Keeps the statistics of pretrained batch normalisation.

    Batches of a few landmarks have other statistics than ImageNet's, and training would
    overwrite them within an epoch.
    """
    for layer in tower.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def freeze_first_layers(network: keras.Model, count: int) -> None:
    """Freezes the first ``count`` layers of the backbone, which see edges and textures.

    Raises:
        ValueError: If the backbone has fewer layers.
    """
    tower = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    if not 0 <= count <= len(tower.layers):
        raise ValueError(
            f"--frozen_layers is 0 to {len(tower.layers)} for {tower.name}. Received: {count}."
        )
    for layer in tower.layers[:count]:
        layer.trainable = False


def start_whitened(network: keras.Model, images: Iterable[tf.Tensor]) -> None:
    """Sets the projection to the PCA whitening of what the network pools from ``images``.

    A random projection would first have to find again what pretrained features tell apart.

    Args:
        network: An embedding network with a projection.
        images: Batches of uint8 ``(batch, height, width, 3)``; more photographs in all than
            the projection has dimensions.

    Raises:
        ValueError: If there are too few photographs.
    """
    pool = keras.Model(network.input, network.get_layer("pooled").output)
    describe = tf.function(lambda batch: pool(batch, training=False), reduce_retracing=True)
    pooled = np.concatenate([describe(batch).numpy() for batch in images])
    layer = network.get_layer("projection")
    projection, mean = pca_whitening(pooled, layer.units)
    layer.set_weights([projection, -mean @ projection])


def given_triplets(margin: float) -> BatchLoss:
    """Triplet loss for batches laid out as all anchors, all positives, all negatives.

    Returns:
        A function of embeddings ``(3 * triplets, dim)`` and labels (unused: a negative is
        known to be one only to its own anchor) giving the mean loss and the fraction of
        triplets that are active.
    """

    def batch_loss(embeddings: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        del labels
        anchor, positive, negative = tf.split(embeddings, 3, axis=0)
        values = losses.triplet_loss(anchor, positive, negative, margin)
        return tf.reduce_mean(values), tf.reduce_mean(tf.cast(values > 0, tf.float32))

    return batch_loss


def labelled_triplets(margin: float) -> BatchLoss:
    """Triplet loss over all valid triplets of a labelled batch."""
    return lambda embeddings, labels: losses.batch_all_triplet_loss(embeddings, labels, margin)


def labelled_pairs(margin: float) -> BatchLoss:
    """Contrastive loss over all pairs of a labelled batch."""
    return lambda embeddings, labels: losses.batch_contrastive_loss(embeddings, labels, margin)


def given_pairs(margin: float) -> BatchLoss:
    """Contrastive loss for batches laid out as the first of every pair, then the second.

    Returns:
        A function of embeddings ``(2 * pairs, dim)`` and int labels ``(2 * pairs,)`` giving the
        mean loss and the fraction of pairs that are active.
    """

    def batch_loss(embeddings: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        first, second = tf.split(embeddings, 2, axis=0)
        of_first, of_second = tf.split(labels, 2, axis=0)
        distances = tf.reduce_sum(tf.math.squared_difference(first, second), axis=-1)
        values = losses.contrastive_loss(distances, of_first == of_second, margin)
        return tf.reduce_mean(values), tf.reduce_mean(tf.cast(values > 0, tf.float32))

    return batch_loss


def train_step(
    network: keras.Model, optimizer: keras.optimizers.Optimizer, batch_loss: BatchLoss
) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """One compiled step: a single batched forward pass, the loss, the update.

    Returns:
        A function of images ``(batch, height, width, 3)`` and labels ``(batch,)`` giving the
        loss and the fraction of active triplets or pairs, both scalars.
    """

    @tf.function(reduce_retracing=True)  # a batch is smaller where a photograph is damaged
    def step(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            loss, active = batch_loss(network(images, training=True), labels)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimizer.apply(gradients, network.trainable_variables)
        return loss, active

    return step
