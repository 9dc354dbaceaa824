"""Generalised-mean pooling."""

from typing import Any

import keras
from keras import ops

from models.pooling.layer import Pooling


def generalised_mean(features: Any, power: Any, epsilon: float = 1e-6) -> Any:
    """``mean(x ** p) ** (1 / p)`` over the spatial axes.

    Args:
        features: float ``(batch, height, width, channels)``; below ``epsilon`` counts as it.
        power: The exponent ``p``, at least 1; one, or ``(channels,)``.
        epsilon: Keeps the gradient finite where an activation is zero.

    Returns:
        ``(batch, channels)``, between the average (``p = 1``) and the maximum.
    """
    features = ops.maximum(features, epsilon)
    # Powers are those of a share of the largest activation, whose size cancels out: of the
    # activations themselves they leave float32 at 1e-6 and p = 7, or at 100 and p = 20.
    largest = ops.stop_gradient(ops.max(features, axis=(1, 2), keepdims=True))
    means = ops.mean(ops.power(features / largest, power), axis=(1, 2))
    return largest[:, 0, 0] * ops.power(means, 1.0 / power)


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class GeM(Pooling):
    """Generalised-mean pooling with a learned exponent.

    ``mean(x ** p) ** (1 / p)`` over the spatial axes of every channel: the average at
    ``p = 1``, approaching the maximum as ``p`` grows. Radenović et al., 2018,
    https://arxiv.org/abs/1711.02512. It computes in float32: under float16 the gradient of the
    exponent is not finite.

    Args:
        power: Initial exponent ``p``; at least 1, where training keeps it.
        per_channel: Whether every channel learns an exponent of its own.
        epsilon: Activations below this are raised to it, so that gradients stay finite.

    Input shape:
        ``(batch, height, width, channels)``; height and width may vary.

    Output shape:
        ``(batch, channels)``, at least ``epsilon`` everywhere.

    Raises:
        ValueError: If ``power`` is below 1.
    """

    def __init__(
        self,
        power: float = 3.0,
        *,
        per_channel: bool = False,
        epsilon: float = 1e-6,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not power >= 1:
            raise ValueError(f"GeM's power must be at least 1. Received: {power}.")
        self.power = power
        self.per_channel = per_channel
        self.epsilon = epsilon

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.exponent = self.add_weight(
            name="exponent",
            shape=(input_shape[-1],) if self.per_channel else (),
            initializer=keras.initializers.Constant(self.power),
            constraint=_AtLeastOne(),
        )

    def call(self, inputs: Any) -> Any:
        return generalised_mean(inputs, self.exponent, self.epsilon)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "power": self.power,
            "per_channel": self.per_channel,
            "epsilon": self.epsilon,
        }


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class _AtLeastOne(keras.constraints.Constraint):
    """Below 1 the generalised mean is no longer between average and maximum."""

    def __call__(self, weight: Any) -> Any:
        return ops.maximum(weight, 1.0)
