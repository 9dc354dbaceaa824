"""Maximum pooling of regions."""

from typing import Any

import keras
import tensorflow as tf

from models.pooling.layer import Pooling


def regional_maxima(features: tf.Tensor, scales: int = 3) -> tf.Tensor:
    """Sum of the unit-length maxima of square regions at several scales.

    At the first scale a region is as large as the feature map allows, and as many lie along
    the longer axis as bring the overlap of neighbours closest to 40 %. At scale ``l`` their
    side is ``2 / (l + 1)`` of that, and ``l - 1`` more lie along either axis. Tolias et al.,
    2016, https://arxiv.org/abs/1511.05879; the regions are not whitened before they are summed.

    Args:
        features: float ``(batch, height, width, channels)``, of any height and width.
        scales: How many scales.

    Returns:
        ``(batch, channels)``, at most as long as there are regions.
    """
    height, width = tf.unstack(tf.shape(features)[1:3])
    shorter = tf.minimum(height, width)
    further = _further_regions(tf.maximum(height, width), shorter)
    total = tf.zeros_like(features[:, 0, 0])
    for scale in range(1, scales + 1):
        side = tf.maximum(2 * shorter // (scale + 1), 1)
        rows = _starts(height, side, scale + tf.where(height > width, further, 0))
        columns = _starts(width, side, scale + tf.where(width > height, further, 0))
        maxima = _window_maxima(features, rows, side, axis=1)  # (batch, rows, width, channels)
        maxima = _window_maxima(maxima, columns, side, axis=2)  # (batch, rows, columns, channels)
        total += tf.reduce_sum(tf.linalg.l2_normalize(maxima, axis=-1), axis=(1, 2))
    return total


def _further_regions(longer: tf.Tensor, shorter: tf.Tensor) -> tf.Tensor:
    """How many regions beside the first lie along the longer axis.

    ``k`` further ones overlap by ``1 - excess / (k * shorter)``; of the two ``k`` around the one
    that gives 40 % exactly the better is taken, in whole numbers, so that ties are exact.
    """
    excess = longer - shorter
    k = tf.maximum(5 * excess // (3 * shorter), 1)
    one_more_is_better = 5 * excess * (2 * k + 1) > 6 * k * (k + 1) * shorter
    return k + tf.cast(one_more_is_better, k.dtype)


def _starts(length: tf.Tensor, side: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """First places of ``count`` windows spread evenly over an axis, int ``(count,)``."""
    return tf.range(count) * (length - side) // tf.maximum(count - 1, 1)


def _window_maxima(features: tf.Tensor, starts: tf.Tensor, side: tf.Tensor, axis: int) -> tf.Tensor:
    """The largest values within windows along one axis, which they replace."""
    windows = tf.gather(features, starts[:, None] + tf.range(side), axis=axis)
    return tf.reduce_max(windows, axis=axis + 1)


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class RMAC(Pooling):
    """Regional maximum activations of convolutions: the sum of the regions' unit maxima.

    Tolias et al., 2016, https://arxiv.org/abs/1511.05879; see ``regional_maxima``.

    Args:
        scales: How many sizes of region, at least 1.

    Input shape:
        ``(batch, height, width, channels)``; height and width may vary.

    Output shape:
        ``(batch, channels)``.

    Raises:
        ValueError: If ``scales`` is below 1.
    """

    def __init__(self, scales: int = 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if scales < 1:
            raise ValueError(f"R-MAC's scales must be at least 1. Received: {scales}.")
        self.scales = scales

    def call(self, inputs: Any) -> Any:
        return regional_maxima(inputs, self.scales)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scales": self.scales}
