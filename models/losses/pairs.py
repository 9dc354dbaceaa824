"""Pairs of photographs: how far apart their embeddings lie, and which show one landmark.

A loss over pairs sees nothing else, so that the same one serves a batch by itself and a batch
with a memory of past ones. Squared distances between unit vectors lie in 0 to 4 (0: the same,
2: orthogonal, 4: opposite).
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

# The square root has no finite gradient at 0, and rounding can push a square below it.
_SMALLEST_SQUARE = 1e-12


class Pairs(NamedTuple):
    """Photographs of a batch, the anchors, against references.

    A negative label means that the landmark is unknown: such a photograph is neither positive
    nor negative to any.

    Attributes:
        distances: Squared distances, float32 ``(anchors, references)``, 0 to 4.
        positive: bool of that shape, whether both are known to show one landmark.
        negative: bool of that shape, whether they are known to show two.
    """

    distances: tf.Tensor
    positive: tf.Tensor
    negative: tf.Tensor

    @classmethod
    def within(cls, embeddings: tf.Tensor, labels: tf.Tensor) -> "Pairs":
        """Every photograph against the others of its batch, never against itself.

        Args:
            embeddings: ``(batch, dim)`` of any float type, unit length.
            labels: int64 ``(batch,)``.
        """
        pairs = cls.between(embeddings, labels, embeddings, labels)
        itself = tf.eye(tf.shape(labels)[0], dtype=tf.bool)
        return pairs._replace(positive=pairs.positive & ~itself)

    @classmethod
    def between(
        cls,
        embeddings: tf.Tensor,
        labels: tf.Tensor,
        references: tf.Tensor,
        their_labels: tf.Tensor,
    ) -> "Pairs":
        """Every photograph of a batch against others, such as those of a memory.

        Args:
            embeddings: ``(batch, dim)`` of any float type, unit length.
            labels: int64 ``(batch,)``.
            references: ``(references, dim)`` of any float type, unit length.
            their_labels: int64 ``(references,)``.
        """
        known = (labels >= 0)[:, None] & (their_labels >= 0)[None, :]
        same = labels[:, None] == their_labels[None, :]
        return cls(squared_distances(embeddings, references), known & same, known & ~same)

    def beside(self, others: "Pairs") -> "Pairs":
        """The same anchors against the references of both."""
        both = zip(self, others, strict=True)
        return Pairs(*(tf.concat(parts, axis=1) for parts in both))


# From embeddings (batch, dim) of unit length and labels int64 (batch,) to the loss and the
# fraction that is active, both float32 scalars; 0 and 0 where there is nothing to compare.
BatchLoss = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
PairLoss = Callable[[Pairs], tuple[tf.Tensor, tf.Tensor]]


def in_batch(pair_loss: PairLoss) -> BatchLoss:
    """Applies a loss over pairs to every photograph against the others of its batch."""
    return lambda embeddings, labels: pair_loss(Pairs.within(embeddings, labels))


def squared_distances(embeddings: tf.Tensor, references: tf.Tensor) -> tf.Tensor:
    """Squared Euclidean distances between unit vectors, ``2 - 2 cos``.

    Args:
        embeddings: ``(n, dim)`` of any float type, unit length.
        references: ``(m, dim)`` of any float type, unit length.

    Returns:
        float32 ``(n, m)``, 0 to 4.
    """
    similarities = tf.matmul(
        tf.cast(embeddings, tf.float32), tf.cast(references, tf.float32), transpose_b=True
    )
    return tf.maximum(2.0 - 2.0 * similarities, 0.0)


def root(squared_distance: tf.Tensor) -> tf.Tensor:
    """The distance, with a finite gradient at zero."""
    return tf.sqrt(tf.maximum(squared_distance, _SMALLEST_SQUARE))


def mean_where(values: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Mean of the values where ``chosen`` is true; 0 where it is nowhere.

    A value that is not a number makes the mean so even where it is not chosen: training must
    see it.
    """
    weights = tf.cast(chosen, tf.float32)
    return tf.reduce_sum(weights * values) / tf.maximum(tf.reduce_sum(weights), 1.0)


def share(part: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
    """Fraction of the true places of ``whole`` where ``part`` is true; 0 where there are none."""
    return mean_where(tf.cast(part, tf.float32), whole)
