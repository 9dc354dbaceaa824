"""What a local head learns from: telling landmarks apart, and describing what it saw."""

from typing import Any

import keras
import tensorflow as tf

from models.losses.arcface import ArcFace
from models.losses.pairs import BatchLoss

_SCALE = 30.0  # of the cosines that landmarks are told apart by
_ERROR_WEIGHT = 10.0  # as in DELG


class LocalLoss(keras.layers.Layer):
    """The loss of what ``with_local_head`` gives.

    The cross-entropy of the landmark by the attended mean, and ten times the error of decoding;
    with them, where the backbone learns too, the loss of the global descriptor.

    Args:
        landmarks: Labels of the landmarks to tell apart.
        dimension: Length of the global descriptor.
        channels: Length of the attended mean.
        of_global: Loss of the global descriptor; None where it stays as it is.
    """

    def __init__(
        self, landmarks: Any, dimension: int, channels: int, of_global: BatchLoss | None = None
    ) -> None:
        super().__init__(dtype="float32")
        self._sizes = (dimension, channels, 1)
        self._classify = ArcFace(landmarks, channels, margin=0.0, scale=_SCALE)
        self._of_global = of_global

    def attended(self, outputs: tf.Tensor) -> tf.Tensor:
        """The attended means in a network's outputs, ``(batch, channels)`` of unit length."""
        return tf.split(outputs, self._sizes, axis=1)[1]

    def call(self, outputs: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        whole, attended, errors = tf.split(outputs, self._sizes, axis=1)
        loss, active = self._classify(attended, labels)
        loss += _ERROR_WEIGHT * tf.reduce_mean(errors)
        if self._of_global is not None:
            of_global, active = self._of_global(whole, labels)
            loss += of_global
        return loss, active
