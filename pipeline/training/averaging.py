"""The moving average of a network's weights, which generalises better than the last ones."""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf


class WeightAverage(tf.Module):
    """Exponential moving average of weights.

    Polyak and Juditsky, 1992, https://doi.org/10.1137/0330046; the first steps, when there is
    little to remember, are averaged over less: ``min(momentum, (1 + step) / (10 + step))``.

    Args:
        weights: The weights, in the scope of their strategy.
        momentum: Share of the average that a step keeps, 0 to below 1.
    """

    def __init__(self, weights: Sequence[keras.Variable], momentum: float) -> None:
        super().__init__()
        self._weights = list(weights)
        self._momentum = momentum
        self.averages = [tf.Variable(weight.value, trainable=False) for weight in self._weights]
        self.steps = tf.Variable(0.0, trainable=False)

    def update(self) -> None:
        """Takes in the weights as they are now; outside of replicas."""
        momentum = tf.minimum(self._momentum, (1.0 + self.steps) / (10.0 + self.steps))
        for average, weight in zip(self.averages, self._weights, strict=True):
            average.assign(momentum * average + (1.0 - momentum) * tf.cast(weight, average.dtype))
        self.steps.assign_add(1.0)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Has the network hold the average within the block, and its own weights again after."""
        trained = [weight.numpy() for weight in self._weights]
        try:
            self._assign(average.numpy() for average in self.averages)
            yield
        finally:
            self._assign(iter(trained))

    def _assign(self, values: Iterator[object]) -> None:
        for weight, value in zip(self._weights, values, strict=True):
            weight.assign(value)
