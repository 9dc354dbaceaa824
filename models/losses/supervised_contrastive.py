"""Supervised contrastive loss: InfoNCE with several positives."""

import keras
import tensorflow as tf

from models import mining
from models.losses.pairs import Pairs, mean_where, share


@keras.saving.register_keras_serializable(package="landmark_retrieval")
def supervised_contrastive_loss(pairs: Pairs, temperature: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Cross-entropy of telling an anchor's positives from all that it is compared with.

    ``-mean_p log(exp(cos(a, p) / t) / sum_r exp(cos(a, r) / t))``, the mean over the positives
    outside the logarithm: "L_out" of Khosla et al., 2020, https://arxiv.org/abs/2004.11362. With
    one positive an anchor it is InfoNCE.

    Args:
        pairs: Squared distances, and what is positive and negative.
        temperature: ``t``, above 0; the smaller, the more the nearest negatives count.

    Returns:
        The mean over the anchors that have a positive and a negative, and the fraction of them
        with a negative nearer than a positive, both scalars; both 0 where there are none.
    """
    positive, negative = pairs.positive, pairs.negative
    logits = (1.0 - 0.5 * pairs.distances) / temperature
    among = tf.where(positive | negative, logits, tf.float32.min)
    log_total = tf.reduce_logsumexp(among, axis=1)
    positives = tf.reduce_sum(tf.cast(positive, tf.float32), axis=1)
    of_positives = tf.reduce_sum(tf.where(positive, logits, 0.0), axis=1)
    losses = log_total - of_positives / tf.maximum(positives, 1.0)
    comparable = tf.reduce_any(positive, axis=1) & tf.reduce_any(negative, axis=1)
    to_positive = mining.farthest(pairs.distances, positive)
    to_negative = mining.nearest(pairs.distances, negative)
    return mean_where(losses, comparable), share(to_negative < to_positive, comparable)
