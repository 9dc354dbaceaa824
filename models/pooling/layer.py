"""What every pooling layer shares."""

from typing import Any

import keras


class Pooling(keras.layers.Layer):
    """Makes one vector of a feature map, in float32 whatever the backbone computes in.

    Input shape:
        ``(batch, height, width, channels)``; height and width may vary.

    Output shape:
        ``(batch, channels)``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape[0], input_shape[-1]
