"""Pooling of a feature map into one vector."""

from typing import Any

import keras
from keras import ops


def generalised_mean(features: Any, power: Any, epsilon: float = 1e-6) -> Any:
    """``mean(x ** p) ** (1 / p)`` over the spatial axes.

    Args:
        features: float ``(batch, height, width, channels)``; below ``epsilon`` counts as it.
        power: The exponent ``p``, at least 1.
        epsilon: Keeps the gradient finite where an activation is zero.

    Returns:
        ``(batch, channels)``, between the average (``p = 1``) and the maximum.
    """
    raised = ops.power(ops.maximum(features, epsilon), power)
    return ops.power(ops.mean(raised, axis=(1, 2)), 1.0 / power)


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class GeM(keras.layers.Layer):
    """Generalised-mean pooling with one learned exponent.

    ``mean(x ** p) ** (1 / p)`` over the spatial axes of every channel: the average at
    ``p = 1``, approaching the maximum as ``p`` grows. Radenović et al., 2018,
    https://arxiv.org/abs/1711.02512.

    Args:
        power: Initial exponent ``p``; at least 1, where training keeps it.
        epsilon: Activations below this are raised to it, so that gradients stay finite.

    Input shape:
        ``(batch, height, width, channels)``; height and width may vary.

    Output shape:
        ``(batch, channels)``, at least ``epsilon`` everywhere.

    Raises:
        ValueError: If ``power`` is below 1.
    """

    def __init__(self, power: float = 3.0, epsilon: float = 1e-6, **kwargs: Any) -> None:
        # Under float16 the gradient of the exponent is not finite.
        super().__init__(**{"dtype": "float32", **kwargs})
        if power < 1:
            raise ValueError(f"GeM's power must be at least 1. Received: {power}.")
        self.power = power
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.exponent = self.add_weight(
            name="exponent",
            shape=(),
            initializer=keras.initializers.Constant(self.power),
            constraint=_AtLeastOne(),
        )

    def call(self, inputs: Any) -> Any:
        return generalised_mean(inputs, self.exponent, self.epsilon)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape[0], input_shape[-1]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "power": self.power, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class _AtLeastOne(keras.constraints.Constraint):
    """Below 1 the generalised mean is no longer between average and maximum."""

    def __call__(self, weight: Any) -> Any:
        return ops.maximum(weight, 1.0)
