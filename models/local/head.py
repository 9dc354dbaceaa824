"""A head that finds local features in the feature map of a network that has a global descriptor.

Attention and autoencoder of DELG: Cao et al., 2020, https://arxiv.org/abs/2001.05027. Attention
says how much a position is worth for telling landmarks apart, the autoencoder makes its features
a short descriptor.
"""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from models.backbones.architectures import ARCHITECTURES
from models.backbones.stages import backbone_of
from models.local.receptive_field import ReceptiveField, receptive_field
from models.whitening import pca_whitening

_MAP, _ENCODED, _DECODED, _ATTENTION = "local_map", "encoded", "decoded", "attention"
_POOLED, _ERROR = "attended", "decoding_error"
_HIDDEN = 512  # units of the attention, as in DELF
_SAMPLED = 64  # features of a photograph that the start is learned from


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class AttendedMean(keras.layers.Layer):
    """The mean of a feature map, weighted by attention, of unit length.

    Input shape:
        Features ``(batch, height, width, channels)`` and attention ``(batch, height, width, 1)``.

    Output shape:
        ``(batch, channels)``.
    """

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        features, attention = inputs
        return tf.math.l2_normalize(tf.reduce_sum(features * attention, axis=(1, 2)), axis=-1)


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class DirectionError(keras.layers.Layer):
    """How far the directions of two feature maps differ: the mean of 1 - cosine, 0 to 2.

    Of directions, since descriptors are of unit length; the squared error of DELG grows with the
    features' size, which differs from backbone to backbone.

    Input shape:
        Two of ``(batch, height, width, channels)``.

    Output shape:
        ``(batch, 1)``.
    """

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        one, other = (tf.math.l2_normalize(features, axis=-1) for features in inputs)
        cosines = tf.reduce_sum(one * other, axis=-1)
        return 1 - tf.reduce_mean(cosines, axis=(1, 2))[:, None]


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class StopGradient(keras.layers.Layer):
    """Passes values on, and no gradient back."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.stop_gradient(inputs)


def with_local_head(network: keras.Model, stage: int, dimension: int) -> keras.Model:
    """Puts a local head beside what describes a photograph as a whole.

    No gradient passes from the head into the backbone, whose features would else lose what the
    global descriptor needs of them.

    Args:
        network: An embedding network, see ``siamese.embedding_network``; its weights are shared.
        stage: Of the backbone, 3 or 4, at the end of which features are found: at strides 8, 16.
        dimension: Length of a local descriptor, less than the stage's channels.

    Returns:
        A model from uint8 ``(batch, height, width, 3)`` to float32 ``(batch, global + channels +
        1)``: the global descriptor, the attended mean of the decoded features, and the error of
        decoding. ``global_network`` and ``local_network`` are the parts that serve.

    Raises:
        ValueError: If the descriptor would not be shorter than the features.
    """
    tower = backbone_of(network)
    stage_map = tower.get_layer(ARCHITECTURES[tower.name].stage_ends[stage - 1]).output
    channels = stage_map.shape[-1]
    if not dimension < channels:
        raise ValueError(
            f"--local_dimension is below {channels}, the channels of stage {stage} of "
            f"{tower.name}. Received: {dimension}."
        )
    trunk = keras.Model(tower.input, [stage_map, tower.output], name=tower.name)
    images = network.input
    before = network.layers[: network.layers.index(tower)]
    after = network.layers[network.layers.index(tower) + 1 :]
    x = images
    for layer in before[1:]:
        x = layer(x)
    features, x = trunk(x)
    for layer in after:
        x = layer(x)
    features = StopGradient(name=_MAP, dtype="float32")(features)
    encoded = keras.layers.Conv2D(dimension, 1, name=_ENCODED, dtype="float32")(features)
    decoded = keras.layers.Conv2D(channels, 1, name=_DECODED, dtype="float32")(encoded)
    hidden = keras.layers.Conv2D(
        _HIDDEN, 1, activation="relu", name="attention_hidden", dtype="float32"
    )(features)
    attention = keras.layers.Conv2D(1, 1, activation="softplus", name=_ATTENTION, dtype="float32")(
        hidden
    )
    pooled = AttendedMean(name=_POOLED, dtype="float32")([decoded, attention])
    error = DirectionError(name=_ERROR, dtype="float32")([features, decoded])
    joined = keras.layers.Concatenate(name="joined", dtype="float32")([x, pooled, error])
    return keras.Model(images, joined, name=network.name)


def has_local_head(network: keras.Model) -> bool:
    """Whether it is one of ``with_local_head``."""
    return any(layer.name == _ATTENTION for layer in network.layers)


def global_network(network: keras.Model) -> keras.Model:
    """The part that describes a photograph as a whole, an embedding network as it was."""
    return keras.Model(network.input, network.get_layer("joined").input[0], name=network.name)


def attended_network(network: keras.Model) -> keras.Model:
    """The part that describes a photograph by the attended mean of its local features."""
    return keras.Model(network.input, network.get_layer(_POOLED).output)


def local_network(network: keras.Model) -> keras.Model:
    """The part that finds local features.

    Returns:
        A model from uint8 ``(batch, height, width, 3)`` to descriptors ``(batch, rows, columns,
        dimension)`` of unit length and attention ``(batch, rows, columns, 1)``, 0 or more.
    """
    encoded = network.get_layer(_ENCODED).output
    descriptors = keras.layers.UnitNormalization(dtype="float32")(encoded)
    return keras.Model(network.input, [descriptors, network.get_layer(_ATTENTION).output])


def seen_by(network: keras.Model, stage: int) -> ReceptiveField:
    """What a position of the map of local features sees."""
    tower = backbone_of(network)
    return receptive_field(tower, ARCHITECTURES[tower.name].stage_ends[stage - 1])


def start_whitened(network: keras.Model, images: Iterable[tf.Tensor]) -> None:
    """Has the encoder start as a PCA whitening of the features of some photographs.

    And the decoder as what undoes it, so that descriptors tell features apart from the start.

    Args:
        network: One of ``with_local_head``.
        images: Batches of uint8 ``(batch, height, width, 3)``.

    Raises:
        ValueError: If there are too few features.
    """
    of_map = keras.Model(network.input, network.get_layer(_MAP).output)
    see = tf.function(lambda batch: of_map(batch, training=False), reduce_retracing=True)
    generator = np.random.default_rng(0)
    samples = []
    for batch in images:
        features = see(batch).numpy()
        features = features.reshape(-1, features.shape[-1])
        count = min(len(features), _SAMPLED * len(batch))
        samples.append(features[generator.choice(len(features), count, replace=False)])
    encoder, decoder = network.get_layer(_ENCODED), network.get_layer(_DECODED)
    projection, mean = pca_whitening(np.concatenate(samples), encoder.filters)
    encoder.set_weights([projection[None, None], -mean @ projection])
    decoder.set_weights([np.linalg.pinv(projection)[None, None], mean])
