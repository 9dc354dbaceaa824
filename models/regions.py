"""The part of a network's feature map that belongs to a part of an image.

Pooling only the places that lie in a query's box is how Revisited Oxford's queries are described by
regional features, as in Tolias et al., 2016, https://arxiv.org/abs/1511.05879: what is around the
box is still seen, and the network runs on the whole photograph.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from models.local.receptive_field import ReceptiveField, receptive_field


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkParts:
    """An embedding network in two.

    Attributes:
        features: From uint8 ``(batch, height, width, 3)`` to the feature map ``(batch, rows,
            columns, channels)``.
        head: From any rectangle of that to float32 ``(batch, dim)`` of unit length.
        seen: What a position of the feature map sees.
    """

    features: Callable[[tf.Tensor], tf.Tensor]
    head: Callable[[tf.Tensor], tf.Tensor]
    seen: ReceptiveField


def split(network: keras.Model) -> NetworkParts:
    """Splits an embedding network before its pooling; weights are shared.

    Args:
        network: A chain of layers, the pooling the first that gives no map.
    """
    first = next(place for place, one in enumerate(network.layers) if _gives_vectors(one))
    pooling, *_ = after = network.layers[first:]
    feature_map = _input_of(network, pooling)
    trunk = keras.Model(network.input, feature_map)

    def head(features: tf.Tensor) -> tf.Tensor:
        for layer in after:
            features = layer(features, training=False)
        return features

    return NetworkParts(
        features=lambda images: trunk(images, training=False),
        head=head,
        seen=_seen_by(network, feature_map),
    )


def within(
    features: tf.Tensor, box: tf.Tensor, sides: tf.Tensor, seen: ReceptiveField
) -> tf.Tensor:
    """The part of a feature map whose positions have their centres in a box.

    A centre in the padding counts as the border. Where there is none in the box, the nearest to
    its middle is taken, down and across.

    Args:
        features: ``(batch, rows, columns, channels)``.
        box: float32 ``(4,)``: left, top, right and bottom as shares of width and height, 0 to 1.
        sides: int32 ``(2,)``, height and width of the images.
        seen: What a position sees.

    Returns:
        ``(batch, 1 or more, 1 or more, channels)``.
    """
    rows, columns = (
        _places_within(tf.shape(features)[axis + 1], box[1 - axis :: 2], sides[axis], seen)
        for axis in (0, 1)
    )
    return features[:, rows[0] : rows[1], columns[0] : columns[1]]


def centres(count: tf.Tensor, side: tf.Tensor, seen: ReceptiveField) -> tf.Tensor:
    """Where the positions of a feature map have their centres along an axis of the image.

    Args:
        count: How many positions there are.
        side: Of the image, pixels.
        seen: What a position sees.

    Returns:
        float32 ``(count,)``, pixels from the image's edge; a centre in the padding counts as the
        border.
    """
    # From the image's edge, not from the middle of its first pixel.
    found = seen.centre + 0.5 + seen.stride * tf.cast(tf.range(count), tf.float32)
    return tf.clip_by_value(found, 0.5, tf.cast(side, tf.float32) - 0.5)


def _places_within(
    count: tf.Tensor, span: tf.Tensor, side: tf.Tensor, seen: ReceptiveField
) -> tf.Tensor:
    """First place within a span ``(2,)`` of an axis, and the one after the last, int32 ``(2,)``."""
    found = centres(count, side, seen)
    side = tf.cast(side, tf.float32)
    places = tf.reduce_sum(tf.cast(found < side * span[:, None], tf.int32), axis=1)
    away = tf.abs(found - side * tf.reduce_mean(span))
    nearest = tf.argmin(away, output_type=tf.int32)
    return tf.where(places[0] < places[1], places, tf.stack([nearest, nearest + 1]))


def _gives_vectors(layer: keras.layers.Layer) -> bool:
    """A backbone with a local head gives two maps."""
    return all(len(one.shape) == 2 for one in keras.tree.flatten(layer.output))


def _input_of(network: keras.Model, layer: keras.layers.Layer) -> Any:
    """What a layer is given within a network; it may be part of others too."""
    nodes = [node for at_depth in network._nodes_by_depth.values() for node in at_depth]
    (node,) = [node for node in nodes if node.operation is layer]
    (given,) = node.input_tensors
    return given


def _seen_by(network: keras.Model, feature_map: Any) -> ReceptiveField:
    """Before a backbone within the network, pixels stay where they are."""
    operation, _, number = feature_map._keras_history
    if isinstance(operation, keras.Model):
        return _seen_by(operation, operation.outputs[number])
    return receptive_field(network, operation.name)
