"""Embeddings built from angles, and batches of them with their labels."""

import itertools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from models.losses.pairs import BatchLoss

# Batches of one, two, five and more; unknown landmarks; landmarks alone; one landmark only.
LABELS = [[0], [0, 1], [3, 3], [0, 1, 0, 1, 1], [2, 2, 2, 0, 1], [4, -1, 4, -1, 7, 7, 9, 4]]


def unit_vectors(degrees: list[float]) -> np.ndarray:
    """Points on the unit circle ``(n, 2)``."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def angles(count: int, *, seed: int, most: float = 90) -> list[float]:
    return list(np.random.default_rng(seed).uniform(0, most, count))


def random_rows(count: int, dimension: int = 4, *, seed: int = 0) -> np.ndarray:
    """Unit vectors ``(count, dimension)``, evenly spread."""
    rows = np.random.default_rng(seed).normal(size=(count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def squared(a: np.ndarray, b: np.ndarray) -> float:
    return sum((float(x) - float(y)) ** 2 for x, y in zip(a, b, strict=True))


def tensor(labels: list[int]) -> tf.Tensor:
    return tf.constant(labels, tf.int64)


def positive_pairs(labels: list[int]) -> Iterator[tuple[int, int]]:
    """Anchor and positive, both ways round."""
    for a, p in itertools.permutations(range(len(labels)), 2):
        if labels[a] == labels[p] >= 0:
            yield a, p


def negatives(labels: list[int], anchor: int) -> list[int]:
    if labels[anchor] < 0:
        return []
    return [n for n, label in enumerate(labels) if 0 <= label != labels[anchor]]


def gradient(batch_loss: BatchLoss, embeddings: tf.Tensor, labels: list[int]) -> np.ndarray:
    """Of the loss, by the embeddings, as float32."""
    variable = tf.Variable(embeddings)
    with tf.GradientTape() as tape:
        loss, _ = batch_loss(tf.convert_to_tensor(variable), tensor(labels))
    found = tape.gradient(loss, variable, unconnected_gradients="zero")
    return tf.cast(tf.convert_to_tensor(found), tf.float32).numpy()
