"""One step of training, as the log, the pictures and the diagnosis see it."""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """What a step has computed.

    Attributes:
        number: Of the run, from 1.
        loss: Of the joint batch of all replicas.
        active: Share of its triplets or pairs that have a loss, 0 to 1.
        gradient_norm: Of all gradients together, before they are clipped.
        learning_rate: Of this step.
        embeddings: float32 ``(photographs, dim)``, unit length, of the joint batch.
        labels: int64 ``(photographs,)``, negative where the landmark is unknown.
        images: uint8 ``(at_hand, size, size, 3)``, the photographs of the first embeddings: all in
            one process, its own part of the joint batch in one of several.
        scalars: What else is worth a curve, by name: GeM's exponent, a learned margin.
    """

    number: int
    loss: float
    active: float
    gradient_norm: float
    learning_rate: float
    embeddings: np.ndarray
    labels: np.ndarray
    images: np.ndarray | tf.Tensor
    scalars: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def distances(self) -> np.ndarray:
        """Squared distances of all pairs, float32 ``(photographs, photographs)``, 0 to 4."""
        return np.clip(2.0 - 2.0 * (self.embeddings @ self.embeddings.T), 0.0, 4.0)

    @functools.cached_property
    def positive(self) -> np.ndarray:
        """Pairs of one landmark, bool ``(photographs, photographs)``; none of one photograph."""
        same = self.labels[:, None] == self.labels[None, :]
        return self._known & same & ~np.eye(len(self.labels), dtype=bool)

    @functools.cached_property
    def negative(self) -> np.ndarray:
        """Pairs of two landmarks, bool ``(photographs, photographs)``."""
        return self._known & (self.labels[:, None] != self.labels[None, :])

    @property
    def _known(self) -> np.ndarray:
        return (self.labels[:, None] >= 0) & (self.labels[None, :] >= 0)
