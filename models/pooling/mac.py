"""Maximum pooling of a whole feature map."""

from typing import Any

import keras
from keras import ops

from models.pooling.layer import Pooling


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class MAC(Pooling):
    """Maximum activations of convolutions: the largest value of every channel.

    Razavian et al., 2014, https://arxiv.org/abs/1412.6574; named by Tolias et al., 2016,
    https://arxiv.org/abs/1511.05879.

    Input shape:
        ``(batch, height, width, channels)``; height and width may vary.

    Output shape:
        ``(batch, channels)``.
    """

    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, axis=(1, 2))
