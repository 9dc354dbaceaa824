"""The Siamese network: one tower of shared weights for anchors, positives and negatives.

What is stacked into one batch passes the tower once, so "Siamese" is a matter of the loss:
the network itself maps photographs to unit vectors.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from models.backbones import BackboneName, Precision, build_backbone, preprocessing
from models.pooling import PoolingName, pooling_layer
from models.whitening import pca_whitening

BatchStatistics = Literal["frozen", "learned"]


def embedding_network(
    backbone: BackboneName,
    weights: str,
    *,
    dimension: int | None,
    pooling: PoolingName = "gem",
    gem_power: float = 3.0,
    batch_statistics: BatchStatistics | None = None,
    precision: Precision = "float32",
) -> keras.Model:
    """Builds preprocessing, backbone, pooling, projection and normalisation.

    Args:
        backbone: Which backbone.
        weights: ``"imagenet"``, ``"none"`` or a weights file, see ``build_backbone``.
        dimension: Length of the embedding; None leaves the backbone's channels unprojected.
        pooling: How a feature map becomes one vector.
        gem_power: GeM's initial exponent.
        batch_statistics: Whether batch normalisation keeps its statistics, and with them its
            scale and offset, or learns them; by default it keeps those of pretrained weights.
        precision: What the backbone computes in; all else is float32.

    Returns:
        A model from uint8 RGB ``(batch, height, width, 3)`` of any size to float32
        ``(batch, dimension)`` of unit length, with layers named ``pooling``, ``pooled`` (of unit
        length too), ``projection`` and ``embedding``.

    Raises:
        FileNotFoundError, ValueError: As ``build_backbone`` and ``pooling_layer``.
    """
    tower = build_backbone(backbone, weights, precision=precision)
    pretrained = weights != "none"
    if (batch_statistics or ("frozen" if pretrained else "learned")) == "frozen":
        _freeze_batch_statistics(tower)
    images = keras.Input((None, None, 3), dtype="uint8", name="images")
    x = tower(preprocessing(backbone)(images))
    x = pooling_layer(pooling, gem_power=gem_power)(x)
    x = keras.layers.UnitNormalization(name="pooled", dtype="float32")(x)
    if dimension is not None:
        x = keras.layers.Dense(dimension, name="projection", dtype="float32")(x)
        x = keras.layers.UnitNormalization(name="embedding", dtype="float32")(x)
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


def in_float32(network: keras.Model) -> keras.Model:
    """A copy that computes in float32 throughout, of the same weights and names.

    A network trained in mixed precision is saved so, because not every processor that serves it
    computes in 16 bits, and none computes more exactly in them.
    """
    copy = keras.Model.from_config(_with_float32_policies(network.get_config()))
    copy.set_weights(network.get_weights())
    return copy


def _with_float32_policies(config: Any) -> Any:
    """A network's nested configuration with every layer's policy of precision exchanged."""
    if isinstance(config, list | tuple):
        return type(config)(_with_float32_policies(part) for part in config)
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return {**config, "config": {"name": "float32"}}
    return {name: _with_float32_policies(part) for name, part in config.items()}


def all_layers(network: keras.Model) -> Iterator[keras.layers.Layer]:
    """Every layer of a network, those of the backbone within it among them."""
    for layer in network.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)


def random_states(network: keras.Model) -> list[tf.Variable]:
    """The states of the network's random generators, int64 ``(2,)`` each.

    EfficientNetV2 leaves out blocks at random while it learns. Neither ``tf.train.Checkpoint``
    nor a ``.keras`` file holds what decides which, so a run that is to go on as if uninterrupted
    keeps these beside the network.
    """
    weights = {id(weight) for weight in network.weights}
    return [variable.value for variable in network.variables if id(variable) not in weights]


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
