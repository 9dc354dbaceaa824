"""From the bytes of a photograph to a network's pixels, the same in training and serving."""

import tensorflow as tf

from models.orientation import apply_orientation, exif_orientation

_RATIOS = (1, 2, 4, 8)  # at which libjpeg decodes


def load_photograph(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Decodes a photograph and resizes it to a square, at the speed of the decoder.

    A JPEG is decoded at the smallest of libjpeg's scales, 1, 1/2, 1/4 and 1/8, at which neither
    side is below ``size``: what is left to resize is mostly below a factor of two.

    Args:
        encoded: string scalar, as for ``decode_photograph``.
        size: Side of the result, pixels.

    Returns:
        uint8 ``(size, size, 3)``, RGB, upright, antialiased, the aspect ratio not kept.

    Raises:
        tf.errors.InvalidArgumentError: If TensorFlow cannot decode the bytes.
    """
    square = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: _load_jpeg(encoded, size),
        lambda: _load_other(encoded, size),
    )
    # The square is turned, not the larger photograph: the pixels are the same.
    return tf.ensure_shape(apply_orientation(square, exif_orientation(encoded)), (size, size, 3))


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
        tf.io.is_jpeg(encoded), lambda: _decode_jpeg(encoded, 1), lambda: _decode_in_full(encoded)
    )
    image = tf.ensure_shape(image, (None, None, 3))
    return apply_orientation(image, exif_orientation(encoded))


def resize(image: tf.Tensor, size: int) -> tf.Tensor:
    """Resizes to a square without keeping the aspect ratio, antialiased.

    Where no side grows, a pixel is the mean of the area that it covers, at a third of the cost of
    the triangle filter that serves where one does.

    Rounded back to uint8, so that the three signatures of an exported model, which enter at
    different points, see the same pixels.

    Args:
        image: uint8 ``([batch,] height, width, 3)``.
        size: Side of the result, pixels.

    Returns:
        uint8 ``([batch,] size, size, 3)``.
    """
    shrinks = tf.reduce_min(tf.shape(image)[-3:-1]) >= size
    return tf.cond(shrinks, lambda: _shrink(image, size), lambda: _enlarge(image, size))


def _shrink(image: tf.Tensor, size: int) -> tf.Tensor:
    return _rounded(tf.image.resize(image, (size, size), method="area"))


def _enlarge(image: tf.Tensor, size: int) -> tf.Tensor:
    return _rounded(tf.image.resize(image, (size, size), antialias=True))


def _rounded(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels + 0.5, tf.uint8)  # averages of 0 to 255 need no clipping


def _load_jpeg(encoded: tf.Tensor, size: int) -> tf.Tensor:
    shorter = tf.reduce_min(tf.io.extract_jpeg_shape(encoded)[:2])
    # libjpeg rounds reduced sides up.
    wide_enough = -(-shorter // _RATIOS[1:]) >= size
    decoders = [lambda ratio=ratio: _decode_jpeg(encoded, ratio) for ratio in _RATIOS]
    image = tf.switch_case(tf.reduce_sum(tf.cast(wide_enough, tf.int32)), decoders)
    return tf.cond(shorter >= size, lambda: _shrink(image, size), lambda: _enlarge(image, size))


def _load_other(encoded: tf.Tensor, size: int) -> tf.Tensor:
    return resize(_decode_in_full(encoded), size)


def _decode_jpeg(encoded: tf.Tensor, ratio: int) -> tf.Tensor:
    return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")


def _decode_in_full(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes what is no JPEG."""
    return tf.cond(
        _is_still_webp(encoded),
        lambda: _decode_any(encoded, 0),
        lambda: _decode_any(encoded, 3),
    )


def _decode_any(encoded: tf.Tensor, channels: int) -> tf.Tensor:
    return tf.io.decode_image(encoded, channels=channels, expand_animations=False)[..., :3]


def _is_still_webp(encoded: tf.Tensor) -> tf.Tensor:
    """Whether to decode a WebP with the channels it has.

    TensorFlow 2.21 adds and drops none for this format; asked for an animation's own channels it
    writes past the end of its memory, asked for three it refuses the animation.
    """
    part = tf.strings.substr(encoded, 0, 21)
    start = tf.io.decode_raw(part, tf.uint8, fixed_length=21)  # zeros past the end
    is_webp = tf.reduce_all(start[8:12] == tuple(b"WEBP"))
    is_extended = tf.reduce_all(start[12:16] == tuple(b"VP8X"))
    return is_webp & ~(is_extended & (tf.bitwise.bitwise_and(start[20], 2) == 2))
