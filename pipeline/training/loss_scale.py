"""Scaling of a float16 loss, whose gradients would vanish below 6e-8."""

import tensorflow as tf

_FIRST = 2.0**15
_STEPS_BEFORE_GROWTH = 2000


class LossScale(tf.Module):
    """A factor that is halved when gradients overflow, and doubled after long without.

    Micikevicius et al., 2018, https://arxiv.org/abs/1710.03740. It does not fall below 1: what is
    not finite then is so without a scale.

    Args:
        is_used: Whether anything computes in float16; else the factor is 1 and stays so.
    """

    def __init__(self, is_used: bool) -> None:
        super().__init__()
        self._is_used = is_used
        self.value = tf.Variable(_FIRST if is_used else 1.0, trainable=False)
        self.steps = tf.Variable(0, trainable=False)

    def update(self, is_finite: tf.Tensor) -> None:
        """Takes in whether a step's gradients were finite; outside of replicas."""
        if not self._is_used:
            return
        steps = tf.where(is_finite, self.steps + 1, 0)
        has_grown = steps == _STEPS_BEFORE_GROWTH
        factor = tf.where(is_finite, tf.where(has_grown, 2.0, 1.0), 0.5)
        self.value.assign(tf.maximum(1.0, self.value * factor))
        self.steps.assign(tf.where(has_grown, 0, steps))
