"""Contrastive losses: pairs of one landmark are pulled together, others pushed to a margin."""

import keras
import tensorflow as tf

from models import mining
from models.losses.pairs import Pairs, mean_where, root, share


def contrastive_loss(squared_distance: tf.Tensor, same: tf.Tensor, margin: float) -> tf.Tensor:
    """``d^2 / 2`` for pairs of one landmark, ``max(0, margin - d)^2 / 2`` for others.

    Hadsell et al., 2006, http://yann.lecun.com/exdb/publis/pdf/hadsell-chopra-lecun-06.pdf.

    Args:
        squared_distance: Any shape, 0 to 4 (``d`` is its root).
        same: bool of that shape, whether the pair shows one landmark.
        margin: Distance (not squared) beyond which another landmark costs nothing.

    Returns:
        The loss of every pair, in that shape.
    """
    apart = tf.square(tf.nn.relu(margin - root(squared_distance)))
    return 0.5 * tf.where(same, squared_distance, apart)


def given_contrastive_loss(
    embeddings: tf.Tensor, labels: tf.Tensor, margin: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Contrastive loss of a batch laid out as the first of every pair, then the second.

    Args:
        embeddings: ``(2 * pairs, dim)`` of any float type, unit length.
        labels: int64 ``(2 * pairs,)``; a pair with a negative one (unknown) takes no part.
        margin: Distance (not squared) beyond which another landmark costs nothing.

    Returns:
        The mean loss and the fraction of pairs that are active, both scalars; both 0 where no
        pair takes part.
    """
    first, second = tf.split(tf.cast(embeddings, tf.float32), 2, axis=0)
    of_first, of_second = tf.split(labels, 2, axis=0)
    distances = tf.reduce_sum(tf.math.squared_difference(first, second), axis=-1)
    losses = contrastive_loss(distances, of_first == of_second, margin)
    known = (of_first >= 0) & (of_second >= 0)
    return mean_where(losses, known), share(losses > 0, known)


@keras.saving.register_keras_serializable(package="landmark_retrieval")
def batch_contrastive_loss(pairs: Pairs, margin: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Contrastive loss over every pair.

    Positive pairs and active negative ones (closer than the margin) are averaged apart and
    added: a batch of P landmarks by K photographs has about P times as many negatives.

    Args:
        pairs: Squared distances, and what is positive and negative.
        margin: Distance (not squared) beyond which another landmark costs nothing.

    Returns:
        The loss and the fraction of negative pairs that are active, both scalars.
    """
    losses = contrastive_loss(pairs.distances, pairs.positive, margin)
    active = pairs.negative & (losses > 0)
    loss = mean_where(losses, pairs.positive) + mean_where(losses, active)
    return loss, share(active, pairs.negative)


@keras.saving.register_keras_serializable(package="landmark_retrieval")
def hard_contrastive_loss(
    pairs: Pairs, margin: float, negatives: int = 5
) -> tuple[tf.Tensor, tf.Tensor]:
    """Contrastive loss over every positive pair and the nearest negatives of every anchor.

    Five negatives, mined from the whole data set, is what Radenović et al., 2018,
    https://arxiv.org/abs/1711.02512, take; here they come from the batch, or its memory.

    Args:
        pairs: Squared distances, and what is positive and negative.
        margin: Distance (not squared) beyond which another landmark costs nothing.
        negatives: How many of the nearest an anchor is compared with.

    Returns:
        As ``batch_contrastive_loss``, the fraction being that of the mined negative pairs.
    """
    return batch_contrastive_loss(mining.nearest_negatives(pairs, negatives), margin)
