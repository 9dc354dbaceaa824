"""Mining: which of the pairs or triplets of a batch a loss learns from, and how much from each."""

import math
from typing import NamedTuple

import tensorflow as tf

from models.losses.pairs import Pairs

_BEYOND = 8.0  # above every squared distance
# Wu et al. keep negatives nearer than this from weighing ever more: their gradients are noise.
_NEAREST = 0.5
_RIGHT_ANGLE = math.sqrt(2.0)


class Triplets(NamedTuple):
    """One row for every anchor and one of its positives.

    Attributes:
        to_positive: Squared distances, float32 ``(rows, 1)``, 0 to 4.
        to_reference: Squared distances from the anchor, float32 ``(rows, references)``.
        negative: bool of that shape, which references show another landmark; at least one.
    """

    to_positive: tf.Tensor
    to_reference: tf.Tensor
    negative: tf.Tensor


def triplets_of(pairs: Pairs) -> Triplets:
    """Every positive pair whose anchor has a negative, against all references.

    A row a positive pair is small where landmarks have few photographs each: P landmarks by K
    photographs have ``P K (K - 1)`` of them, not ``(P K) ** 2``.
    """
    comparable = pairs.positive & tf.reduce_any(pairs.negative, axis=1, keepdims=True)
    anchor = tf.where(comparable)[:, 0]
    return Triplets(
        to_positive=tf.boolean_mask(pairs.distances, comparable)[:, None],
        to_reference=tf.gather(pairs.distances, anchor),
        negative=tf.gather(pairs.negative, anchor),
    )


def farthest(distances: tf.Tensor, among: tf.Tensor) -> tf.Tensor:
    """The largest squared distance of each row where ``among`` is true; 0 where it is nowhere."""
    return tf.reduce_max(tf.where(among, distances, 0.0), axis=1)


def nearest(distances: tf.Tensor, among: tf.Tensor) -> tf.Tensor:
    """The smallest squared distance of each row where ``among`` is true; 8 where it is nowhere."""
    return tf.reduce_min(tf.where(among, distances, _BEYOND), axis=1)


def semi_hard(triplets: Triplets) -> tf.Tensor:
    """Squared distance to the semi-hard negative of every row.

    That is the nearest of those farther than the positive: Schroff et al., 2015,
    https://arxiv.org/abs/1503.03832, section 3.2. Where all are nearer, it is the farthest of
    them, the mildest; the paper leaves that open.

    Returns:
        float32 ``(rows, 1)``.
    """
    distances, negative = triplets.to_reference, triplets.negative
    farther = negative & (distances > triplets.to_positive)
    chosen = tf.where(
        tf.reduce_any(farther, axis=1), nearest(distances, farther), farthest(distances, negative)
    )
    return chosen[:, None]


def distance_weights(distances: tf.Tensor, among: tf.Tensor, dimension: int) -> tf.Tensor:
    """How likely each negative is under distance-weighted sampling.

    Of random points on a sphere most lie at about a right angle, the density of the distance
    ``d`` being ``q(d) = d ** (dimension - 2) * (1 - d ** 2 / 4) ** ((dimension - 3) / 2)``. To
    see all distances alike, a negative is drawn with a probability proportional to ``1 / q(d)``,
    which is clipped where ``d`` is below 0.5: Wu et al., 2017, https://arxiv.org/abs/1706.07567.
    Beyond a right angle the density falls again, and its inverse would prefer the farthest;
    there all are as likely as at a right angle.

    Args:
        distances: Not squared, float32 ``(rows, references)``, 0 to 2.
        among: bool of that shape, the negatives.
        dimension: Of the sphere's space. In hundreds of dimensions nearly all probability falls
            to the nearest negative beyond 0.5; a smaller number than the embedding's spreads it.

    Returns:
        float32 of that shape without a gradient; a row adds up to 1, or to 0 where it has no
        negative.
    """
    clipped = tf.clip_by_value(distances, _NEAREST, _RIGHT_ANGLE)
    log_density = (dimension - 2) * tf.math.log(clipped)
    log_density += (dimension - 3) / 2 * tf.math.log(1 - tf.square(clipped) / 4)
    among_only = tf.where(among, -log_density, tf.float32.min)
    weights = tf.nn.softmax(among_only, axis=1) * tf.cast(among, tf.float32)
    return tf.stop_gradient(weights)


def nearest_negatives(pairs: Pairs, count: int) -> Pairs:
    """Leaves every anchor only its ``count`` nearest negatives, and those as near as the last."""
    distances = tf.where(pairs.negative, pairs.distances, _BEYOND)
    count = tf.minimum(count, tf.shape(distances)[1])
    last = -tf.math.top_k(-distances, count).values[:, -1:]
    return pairs._replace(negative=pairs.negative & (distances <= last))
