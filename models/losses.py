"""Losses on unit-length embeddings, each a pure function of tensors.

Squared distances between unit vectors lie in 0 to 4 (0: the same, 2: orthogonal, 4: opposite).
"""

import tensorflow as tf

# The square root has no finite gradient at 0, and rounding can push a square below it.
_SMALLEST_SQUARE = 1e-12


def squared_distances(embeddings: tf.Tensor) -> tf.Tensor:
    """Squared Euclidean distances between all rows.

    Args:
        embeddings: ``(batch, dim)``, unit length.

    Returns:
        ``(batch, batch)``, 0 to 4.
    """
    similarities = tf.matmul(embeddings, embeddings, transpose_b=True)
    return tf.maximum(2.0 - 2.0 * similarities, 0.0)


def triplet_loss(
    anchor: tf.Tensor, positive: tf.Tensor, negative: tf.Tensor, margin: float
) -> tf.Tensor:
    """``max(0, |a - p|^2 - |a - n|^2 + margin)`` of given triplets.

    Schroff et al., 2015, https://arxiv.org/abs/1503.03832.

    Args:
        anchor: ``(batch, dim)``, unit length; ``positive`` shows the same landmark.
        positive: ``(batch, dim)``.
        negative: ``(batch, dim)``, known to show another landmark than its own anchor.
        margin: By how much the negative must be farther, as a squared distance.

    Returns:
        ``(batch,)``, 0 to 4 + margin.
    """
    to_positive = tf.reduce_sum(tf.math.squared_difference(anchor, positive), axis=-1)
    to_negative = tf.reduce_sum(tf.math.squared_difference(anchor, negative), axis=-1)
    return tf.nn.relu(to_positive - to_negative + margin)


def batch_all_triplet_loss(
    embeddings: tf.Tensor, labels: tf.Tensor, margin: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Triplet loss over every triplet that the labels of a batch allow.

    The mean is taken over the active triplets, those with a loss above 0, so that the many
    solved ones do not drown them: "batch all, non-zero" of Hermans et al., 2017,
    https://arxiv.org/abs/1703.07737.

    Args:
        embeddings: ``(batch, dim)``, unit length.
        labels: int ``(batch,)``.
        margin: By how much a negative must be farther, as a squared distance.

    Returns:
        The loss and the fraction of valid triplets that are active, both scalars; both 0
        where the batch has no valid triplet.
    """
    distances = squared_distances(embeddings)
    same = labels[:, None] == labels[None, :]
    positive = same & ~tf.eye(tf.shape(labels)[0], dtype=tf.bool)
    valid = tf.cast(positive[:, :, None] & ~same[:, None, :], tf.float32)
    losses = valid * tf.nn.relu(distances[:, :, None] - distances[:, None, :] + margin)
    active = tf.math.count_nonzero(losses, dtype=tf.float32)
    mean = tf.math.divide_no_nan(tf.reduce_sum(losses), active)
    return mean, tf.math.divide_no_nan(active, tf.reduce_sum(valid))


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
    distance = tf.sqrt(tf.maximum(squared_distance, _SMALLEST_SQUARE))
    apart = tf.square(tf.nn.relu(margin - distance))
    return 0.5 * tf.where(same, squared_distance, apart)


def batch_contrastive_loss(
    embeddings: tf.Tensor, labels: tf.Tensor, margin: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Contrastive loss over every pair of a batch.

    Positive pairs and active negative ones (closer than the margin) are averaged apart and
    added: a batch of P landmarks by K photographs has about P times as many negatives.

    Args:
        embeddings: ``(batch, dim)``, unit length.
        labels: int ``(batch,)``.
        margin: Distance (not squared) beyond which another landmark costs nothing.

    Returns:
        The loss and the fraction of negative pairs that are active, both scalars.
    """
    distances = squared_distances(embeddings)
    same = labels[:, None] == labels[None, :]
    each_once = tf.linalg.band_part(tf.ones_like(distances), 0, -1) - tf.eye(tf.shape(labels)[0])
    positive = each_once * tf.cast(same, tf.float32)
    negative = each_once * tf.cast(~same, tf.float32)
    losses = contrastive_loss(distances, same, margin)
    active = negative * tf.cast(losses > 0, tf.float32)

    def mean(mask: tf.Tensor) -> tf.Tensor:
        return tf.math.divide_no_nan(tf.reduce_sum(mask * losses), tf.reduce_sum(mask))

    fraction = tf.math.divide_no_nan(tf.reduce_sum(active), tf.reduce_sum(negative))
    return mean(positive) + mean(active), fraction
