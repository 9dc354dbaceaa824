"""Average pooling of a whole feature map."""

from typing import Any

import keras
from keras import ops

from models.pooling.layer import Pooling


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class SPoC(Pooling):
    """Sum-pooled convolutional features, as the average of every channel.

    Babenko and Lempitsky, 2015, https://arxiv.org/abs/1510.07493, without their centring prior.
    The average differs from the sum by the size of the feature map alone, which the
    normalisation that follows takes out.

    Input shape:
        ``(batch, height, width, channels)``; height and width may vary.

    Output shape:
        ``(batch, channels)``.
    """

    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, axis=(1, 2))
