"""From the bytes of a photograph to a network's pixels, the same in training and serving."""

import tensorflow as tf

from models.orientation import apply_orientation, exif_orientation


def decode_photograph(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes a JPEG, PNG, BMP, GIF (first frame) or still WebP, upright as its EXIF header asks.

    Args:
        encoded: string scalar.

    Returns:
        uint8 ``(height, width, 3)``, RGB. Alpha is dropped, grey is repeated.

    Raises:
        tf.errors.InvalidArgumentError: If TensorFlow cannot decode the bytes.
    """
    image = tf.cond(
        _is_still_webp(encoded), lambda: _decode(encoded, 0), lambda: _decode(encoded, 3)
    )
    image = tf.ensure_shape(image, (None, None, 3))
    return apply_orientation(image, exif_orientation(encoded))


def _decode(encoded: tf.Tensor, channels: int) -> tf.Tensor:
    return tf.io.decode_image(encoded, channels=channels, expand_animations=False)[..., :3]


def _is_still_webp(encoded: tf.Tensor) -> tf.Tensor:
    """Whether to decode a WebP with the channels it has.

    TensorFlow 2.21 adds and drops none for this format; asked for an animation's own channels it
    writes past the end of its memory, asked for three it refuses the animation.
    """
    start = tf.io.decode_raw(tf.strings.substr(encoded, 0, 21), tf.uint8)
    start = tf.concat([start, tf.zeros([21], tf.uint8)], axis=0)  # of a file however short
    is_webp = tf.reduce_all(start[8:12] == tuple(b"WEBP"))
    is_extended = tf.reduce_all(start[12:16] == tuple(b"VP8X"))
    return is_webp & ~(is_extended & (tf.bitwise.bitwise_and(start[20], 2) == 2))


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
