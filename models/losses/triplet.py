"""Triplet losses: the anchor's landmark must be nearer than any other, by a margin.

Given triplets, batch-all and semi-hard mining compare squared distances, as FaceNet does;
batch-hard and distance-weighted mining compare distances, as their papers do. A margin of one
is not one of the other: between unit vectors ``d ** 2`` reaches 4, ``d`` reaches 2.
"""

import keras
import tensorflow as tf

from models import mining
from models.losses.pairs import Pairs, mean_where, root, share


def triplet_loss(to_positive: tf.Tensor, to_negative: tf.Tensor, margin: float) -> tf.Tensor:
    """``max(0, d(a, p) - d(a, n) + margin)``, the loss of each triplet.

    Schroff et al., 2015, https://arxiv.org/abs/1503.03832.

    Args:
        to_positive: Distances or squared distances from anchor to positive, any shape.
        to_negative: The same from anchor to negative, of a shape that goes with it.
        margin: By how much the negative must be farther.
    """
    return tf.nn.relu(to_positive - to_negative + margin)


def given_triplet_loss(
    embeddings: tf.Tensor, labels: tf.Tensor, margin: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Triplet loss of a batch laid out as all anchors, all positives, all negatives.

    Args:
        embeddings: ``(3 * triplets, dim)`` of any float type, unit length.
        labels: Unused: a negative is known to be one to its own anchor. With pseudo-landmarks as
            labels the mined losses take every other landmark of the batch for a negative.
        margin: By how much the negative must be farther, as a squared distance.

    Returns:
        The mean loss and the fraction of triplets that are active, both scalars.
    """
    del labels
    anchor, positive, negative = tf.split(tf.cast(embeddings, tf.float32), 3, axis=0)
    to_positive = tf.reduce_sum(tf.math.squared_difference(anchor, positive), axis=-1)
    to_negative = tf.reduce_sum(tf.math.squared_difference(anchor, negative), axis=-1)
    return _mean(triplet_loss(to_positive, to_negative, margin), tf.ones_like(to_positive, tf.bool))


@keras.saving.register_keras_serializable(package="landmark_retrieval")
def batch_all_triplet_loss(pairs: Pairs, margin: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Triplet loss over every triplet that the labels allow.

    The mean is taken over the active triplets, those with a loss above 0, so that the many
    solved ones do not drown them: "batch all, non-zero" of Hermans et al., 2017,
    https://arxiv.org/abs/1703.07737.

    Memory is a few times ``positive pairs * references`` floats: 0.5 MB of 128 photographs of
    16 landmarks, 13 MB of 1,024 of 256, but 2 GB of 1,024 of 2.

    Args:
        pairs: Squared distances, and what is positive and negative.
        margin: By how much a negative must be farther, as a squared distance.

    Returns:
        The loss and the fraction of valid triplets that are active, both scalars; both 0
        where there is no valid triplet.
    """
    to_positive, to_reference, negative = mining.triplets_of(pairs)
    losses = triplet_loss(to_positive, to_reference, margin)
    active = negative & (losses > 0)
    return mean_where(losses, active), share(active, negative)


@keras.saving.register_keras_serializable(package="landmark_retrieval")
def batch_hard_triplet_loss(pairs: Pairs, margin: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Triplet loss of every anchor with its farthest positive and its nearest negative.

    Hermans et al., 2017, https://arxiv.org/abs/1703.07737, who found distances to collapse less
    than squared ones.

    Args:
        pairs: Squared distances, and what is positive and negative.
        margin: By how much the negative must be farther, as a distance (not squared).

    Returns:
        The mean over the anchors that have a positive and a negative, and the fraction of them
        that is active, both scalars; both 0 where there are none.
    """
    comparable = tf.reduce_any(pairs.positive, axis=1) & tf.reduce_any(pairs.negative, axis=1)
    to_positive = root(mining.farthest(pairs.distances, pairs.positive))
    to_negative = root(mining.nearest(pairs.distances, pairs.negative))
    return _mean(triplet_loss(to_positive, to_negative, margin), comparable)


@keras.saving.register_keras_serializable(package="landmark_retrieval")
def semi_hard_triplet_loss(pairs: Pairs, margin: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Triplet loss of every positive pair with its semi-hard negative.

    Schroff et al., 2015, https://arxiv.org/abs/1503.03832; see ``models.mining.semi_hard``.
    Memory as ``batch_all_triplet_loss``.

    Args:
        pairs: Squared distances, and what is positive and negative.
        margin: By how much the negative must be farther, as a squared distance.

    Returns:
        The mean over the positive pairs whose anchor has a negative, and the fraction of them
        that is active, both scalars; both 0 where there are none.
    """
    triplets = mining.triplets_of(pairs)
    losses = triplet_loss(triplets.to_positive, mining.semi_hard(triplets), margin)
    return _mean(losses, tf.ones_like(losses, tf.bool))


@keras.saving.register_keras_serializable(package="landmark_retrieval")
def distance_weighted_triplet_loss(
    pairs: Pairs, margin: float, dimension: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Expected triplet loss of every positive pair with a negative drawn by its distance.

    Wu et al., 2017, https://arxiv.org/abs/1706.07567, draw one negative at random. Here each
    counts by its probability instead: the gradient is the same on average, varies less, and
    needs no random state. Memory as ``batch_all_triplet_loss``.

    Args:
        pairs: Squared distances, and what is positive and negative.
        margin: By how much a negative must be farther, as a distance (not squared).
        dimension: Of the embeddings, or less: see ``models.mining.distance_weights``.

    Returns:
        The mean over the positive pairs whose anchor has a negative, and the fraction of them
        that is active, both scalars; both 0 where there are none.
    """
    to_positive, to_reference, negative = mining.triplets_of(pairs)
    distances = root(to_reference)
    weights = mining.distance_weights(distances, negative, dimension)
    losses = weights * triplet_loss(root(to_positive), distances, margin)
    expected = tf.reduce_sum(losses, axis=1)
    return _mean(expected, tf.ones_like(expected, tf.bool))


def _mean(losses: tf.Tensor, valid: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean of the valid losses and the fraction of them above 0."""
    return mean_where(losses, valid), share(losses > 0, valid)
