"""Images of different sizes in one batch: those of one size are described together.

Nothing is padded, so that a description is that of the image alone.
"""

from collections.abc import Callable

import tensorflow as tf


def pack(image: tf.Tensor) -> tf.Tensor:
    """An image, uint8 ``(height, width, 3)``, as a string scalar, which any batch can hold."""
    return tf.io.serialize_tensor(image)


def unpack(packed: tf.Tensor) -> tf.Tensor:
    """What ``pack`` was given."""
    return tf.ensure_shape(tf.io.parse_tensor(packed, tf.uint8), (None, None, 3))


def describe_by_size(
    describe: Callable[[tf.Tensor], tf.Tensor], packed: tf.Tensor, dimension: int
) -> tf.Tensor:
    """Describes packed images, one batch for every size among them.

    Args:
        describe: From images of one size, uint8 ``(n, height, width, 3)``, to float32
            ``(n, dimension)``.
        packed: string ``(batch,)``, of ``pack``.
        dimension: Length of a description.

    Returns:
        float32 ``(batch, dimension)``.
    """
    sides = tf.map_fn(
        lambda one: tf.shape(unpack(one), tf.int64)[:2],
        packed,
        fn_output_signature=tf.TensorSpec([2], tf.int64),
    )
    sizes, size_of = tf.unique(sides[:, 0] * 2**32 + sides[:, 1])

    def describe_size(number: tf.Tensor, described: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        members = tf.where(size_of == number)
        images = tf.map_fn(
            unpack,
            tf.gather_nd(packed, members),
            fn_output_signature=tf.TensorSpec([None, None, 3], tf.uint8),
        )
        of_size = tf.ensure_shape(describe(images), (None, dimension))
        return number + 1, tf.tensor_scatter_nd_update(described, members, of_size)

    _, described = tf.while_loop(
        lambda number, _: number < tf.size(sizes),
        describe_size,
        (tf.constant(0), tf.zeros((tf.size(packed), dimension))),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, dimension])),
        parallel_iterations=1,
    )
    return described
