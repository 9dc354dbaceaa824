"""Gradients of a batch that is too large for memory, part by part.

Embeddings are computed first without what a gradient would need; once the loss of all of them has
told how each is to change, they are computed again, a part at a time: Gao et al., 2021,
https://arxiv.org/abs/2101.06983.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from models.siamese import random_states


def embeddings_by_parts(network: keras.Model, images: tf.Tensor, size: int) -> tf.Tensor:
    """Embeddings of images, float32 ``(photographs, dim)``; random states are as they were.

    Args:
        network: From uint8 images to embeddings.
        images: uint8 ``(photographs, side, side, 3)``.
        size: Photographs a part.
    """
    states = random_states(network)
    before = [tf.identity(state) for state in states]
    embeddings = tf.zeros((0, network.output_shape[-1]))
    for start in tf.range(0, tf.shape(images)[0], size):
        tf.autograph.experimental.set_loop_options(
            parallel_iterations=1,
            shape_invariants=[(embeddings, tf.TensorShape([None, embeddings.shape[1]]))],
        )
        part = network(images[start : start + size], training=True)
        embeddings = tf.concat([embeddings, part], axis=0)
    # The second time the same units and blocks have to be left out at random.
    for state, value in zip(states, before, strict=True):
        state.assign(value)
    return embeddings


def gradients_by_parts(
    network: keras.Model,
    images: tf.Tensor,
    size: int,
    weights: Sequence[keras.Variable],
    of_embeddings: tf.Tensor,
) -> list[tf.Tensor]:
    """Gradients of a loss with respect to weights.

    Args:
        network: From uint8 images to embeddings.
        images: uint8 ``(photographs, side, side, 3)``.
        size: Photographs a part.
        weights: The network's weights that learn.
        of_embeddings: The loss's gradient with respect to the embeddings, ``(photographs, dim)``.
    """
    total = [tf.zeros(weight.shape, weight.dtype) for weight in weights]
    for start in tf.range(0, tf.shape(images)[0], size):
        tf.autograph.experimental.set_loop_options(parallel_iterations=1)
        with tf.GradientTape() as tape:
            embeddings = network(images[start : start + size], training=True)
        part = gradients(tape, embeddings, weights, of_embeddings[start : start + size])
        total = [one + more for one, more in zip(total, part, strict=True)]
    return total


def gradients(
    tape: tf.GradientTape,
    target: tf.Tensor,
    sources: Sequence[keras.Variable | tf.Tensor],
    output_gradients: tf.Tensor | None = None,
) -> list[tf.Tensor]:
    """Gradients as tensors, zero where a weight does not matter."""
    values = [one.value if isinstance(one, keras.Variable) else one for one in sources]
    return tape.gradient(
        target, values, output_gradients, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
