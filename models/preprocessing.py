"""From the bytes of a photograph to a network's pixels, the same in training and serving."""

import tensorflow as tf

from models.orientation import apply_orientation, exif_orientation


def decode_photograph(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes a JPEG, PNG, BMP, GIF (first frame) or opaque WebP, upright as its EXIF header asks.

    Args:
        encoded: string scalar.

    Returns:
        uint8 ``(height, width, 3)``, RGB. Alpha is dropped, grey is repeated.

    Raises:
        tf.errors.InvalidArgumentError: If TensorFlow cannot decode the bytes.
    """
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    image = tf.ensure_shape(image, (None, None, 3))
    return apply_orientation(image, exif_orientation(encoded))


def resize(image: tf.Tensor, size: int) -> tf.Tensor:
    """Resizes to a square without keeping the aspect ratio, antialiased.

    Rounded back to uint8, so that the three signatures of an exported model, which enter at
    different points, see the same pixels.

    Args:
        image: uint8 ``([batch,] height, width, 3)``.
        size: Side of the result, pixels.

    Returns:
        uint8 ``([batch,] size, size, 3)``.
    """
    resized = tf.image.resize(image, (size, size), antialias=True)
    return tf.saturate_cast(tf.round(resized), tf.uint8)
