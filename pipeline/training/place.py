"""Where a run is: what, with the weights and the seed, decides all that follows."""

import math

import tensorflow as tf


class Place(tf.Module):
    """Epoch, step and best score, in variables that a checkpoint holds.

    With the seed, epoch and step are the position in the data.

    Args:
        steps: Batches an epoch.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._steps = steps
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)  # 0: as the network starts
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._counted = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._loss_sum = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self._best = tf.Variable(-1.0, dtype=tf.float64, trainable=False)
        self._best_epoch = tf.Variable(-1, dtype=tf.int64, trainable=False)

    @property
    def epoch(self) -> int:
        """Epochs that are finished; 0 after the score of the network as it starts."""
        return int(self._epoch)

    @property
    def step(self) -> int:
        """Batches taken of the epoch after that."""
        return int(self._step)

    @property
    def done(self) -> int:
        """Batches that the run has taken."""
        return self.epoch * self._steps + self.step

    @property
    def best_epoch(self) -> int:
        """The epoch whose network is kept."""
        return int(self._best_epoch)

    @property
    def mean_loss(self) -> float:
        """Of the batches of this epoch that could be learned from.

        Raises:
            ValueError: If there was none.
        """
        if not int(self._counted):
            raise ValueError("No batch of this epoch could be decoded; build the records again.")
        return float(self._loss_sum) / int(self._counted)

    def count(self, loss: float) -> None:
        """Takes in the loss of a batch."""
        self._loss_sum.assign_add(loss)
        self._counted.assign_add(1)

    def pass_batch(self, number: int) -> None:
        """Goes beyond a batch of this epoch."""
        self._step.assign(number + 1)

    def is_better(self, score: float) -> bool:
        """Whether a network of this held-out mAP is to be kept; NaN where none is known."""
        return math.isnan(score) or score > float(self._best)

    def finish_epoch(self, epoch: int, score: float) -> None:
        """Ends an epoch, whose network has this score."""
        if self.is_better(score):
            self._best.assign(-1.0 if math.isnan(score) else score)
            self._best_epoch.assign(epoch)
        for counter in (self._step, self._counted):
            counter.assign(0)
        self._loss_sum.assign(0.0)
        self._epoch.assign(epoch)
