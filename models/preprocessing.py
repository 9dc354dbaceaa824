"""From the bytes of a photograph to a network's pixels, the same in training and serving."""

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

from models.orientation import apply_orientation, exif_orientation, stored_box

# Chooses a part of an upright photograph: from its height and width, int32 (2,), to the top,
# left, height and width of the part, int32 (4,), which has to lie within.
ChoosePart = Callable[[tf.Tensor], tf.Tensor]

_RATIOS = (1, 2, 4, 8)  # by which libjpeg divides while it decodes
_RATIO_ROWS = tuple((ratio,) for ratio in _RATIOS)  # to divide both sides by each
_STEP = 32  # pixels: backbones halve sides five times, and collections have few sizes then
_LONGEST_ASPECT = 4  # of what is narrower, the aspect ratio is not kept


def load_photograph(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """Decodes a photograph and resizes it to a square, nearly as fast as it decodes.

    A JPEG is decoded at the smallest of libjpeg's scales, 1, 1/2, 1/4 and 1/8, at which neither
    side is below ``size``: for the shorter side, less than a factor of two is left to resize,
    unless it has over 16 times ``size``.

    Args:
        encoded: string scalar, as for ``decode_photograph``.
        size: Side of the result, pixels.

    Returns:
        uint8 ``(size, size, 3)``, RGB, upright, antialiased, the aspect ratio not kept.

    Raises:
        tf.errors.InvalidArgumentError: If TensorFlow cannot decode the bytes.
    """
    (square,) = load_at_sizes(encoded, [size])
    return square


def load_at_sizes(
    encoded: tf.Tensor, sizes: Sequence[int], *, keep_aspect: bool = False
) -> tuple[tf.Tensor, ...]:
    """Decodes a photograph once and resizes it to several sizes.

    Each is made from the photograph itself, for what has been resized twice is blurred. A JPEG is
    decoded as ``load_photograph`` decodes it for the largest.

    Args:
        encoded: string scalar, as for ``decode_photograph``.
        sizes: Sides of squares, pixels.
        keep_aspect: Whether the results have the photograph's aspect ratio, see ``fitting_sides``.

    Returns:
        For every size, what ``load_photograph`` gives, or uint8 ``(height, width, 3)``.

    Raises:
        tf.errors.InvalidArgumentError: If TensorFlow cannot decode the bytes.
    """

    def fitted(decoded: tf.Tensor, sides: tf.Tensor) -> tuple[tf.Tensor, ...]:
        fitting = (fitting_sides(sides, size, keep_aspect=keep_aspect) for size in sizes)
        return tuple(_fit(decoded, each) for each in fitting)

    def of_jpeg() -> tuple[tf.Tensor, ...]:
        sides = tf.io.extract_jpeg_shape(encoded)[:2]
        largest = fitting_sides(sides, max(sizes), keep_aspect=keep_aspect)
        return fitted(_decode_reduced(encoded, sides, largest), sides)

    def of_other() -> tuple[tf.Tensor, ...]:
        decoded = _decode_other(encoded)
        return tuple(resize(decoded, size, keep_aspect=keep_aspect) for size in sizes)

    images = tf.cond(tf.io.is_jpeg(encoded), of_jpeg, of_other)
    orientation = exif_orientation(encoded)
    # What has been resized is turned, not the larger photograph: the pixels are the same.
    return tuple(
        tf.ensure_shape(
            apply_orientation(image, orientation),
            (None, None, 3) if keep_aspect else (size, size, 3),
        )
        for image, size in zip(images, sizes, strict=True)
    )


def fitting_sides(sides: tf.Tensor, size: int, *, keep_aspect: bool) -> tf.Tensor:
    """Sides of what a network sees of a photograph.

    Args:
        sides: int32 ``(2,)``, height and width of the photograph.
        size: Side of a square, pixels.
        keep_aspect: Whether the result is the rectangle of the square's area and, up to 4 to 1, the
            photograph's aspect ratio, its sides rounded to multiples of 32; else it is the square.

    Returns:
        int32 ``(2,)``, height and width.
    """
    if not keep_aspect:
        return tf.constant((size, size))
    exact = tf.cast(sides, tf.float32)
    aspect = tf.clip_by_value(exact / exact[::-1], 1 / _LONGEST_ASPECT, _LONGEST_ASPECT)
    steps = tf.round(tf.sqrt(aspect) * size / _STEP)
    return _STEP * tf.maximum(tf.cast(steps, tf.int32), 1)


def load_part(encoded: tf.Tensor, size: int, choose: ChoosePart) -> tf.Tensor:
    """Decodes a part of a photograph and resizes it to a square.

    Of a JPEG, the rest is not decoded, and the scale follows from the part's size. A JPEG that
    ends early, after the part, passes for sound.

    Args:
        encoded: string scalar, as for ``decode_photograph``.
        size: Side of the result, pixels.
        choose: The part to take. It is the same whatever the format; a reduced JPEG shows it to
            within half a pixel of the scale it is decoded at.

    Returns:
        uint8 ``(size, size, 3)``, RGB, upright, antialiased, the aspect ratio not kept.

    Raises:
        tf.errors.InvalidArgumentError: If TensorFlow cannot decode the bytes.
    """
    orientation = exif_orientation(encoded)

    def in_raster(stored: tf.Tensor) -> tf.Tensor:
        upright = tf.where(orientation >= 5, tf.reverse(stored, [0]), stored)
        return stored_box(choose(upright), upright, orientation)

    square = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: _fit(_decode_reduced_part(encoded, size, in_raster), tf.constant((size, size))),
        lambda: resize(_cut_out(_decode_other(encoded), in_raster), size),
    )
    return tf.ensure_shape(apply_orientation(square, orientation), (size, size, 3))


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
        tf.io.is_jpeg(encoded), lambda: _decode_jpeg(encoded, 1), lambda: _decode_other(encoded)
    )
    return apply_orientation(image, exif_orientation(encoded))


def upright_size(encoded: tf.Tensor) -> tf.Tensor:
    """The size of a photograph all of which decodes.

    Of a JPEG every byte is read, at the smallest scale, which takes about half as long as to decode
    it in full.

    Args:
        encoded: string scalar, as for ``decode_photograph``.

    Returns:
        int32 ``(2,)``, height and width of the upright photograph.

    Raises:
        tf.errors.InvalidArgumentError: If TensorFlow cannot decode the bytes.
    """

    def of_jpeg() -> tf.Tensor:
        decoded = _decode_jpeg(encoded, _RATIOS[-1])
        # The sum makes the size depend on the pixels, or they would not be decoded at all.
        is_there = tf.reduce_sum(tf.cast(decoded[:1, :1], tf.int32)) >= 0
        return tf.where(is_there, tf.io.extract_jpeg_shape(encoded)[:2], 0)

    stored = tf.cond(tf.io.is_jpeg(encoded), of_jpeg, lambda: tf.shape(_decode_other(encoded))[:2])
    return tf.where(exif_orientation(encoded) >= 5, stored[::-1], stored)


def resize(image: tf.Tensor, size: int, *, keep_aspect: bool = False) -> tf.Tensor:
    """Resizes as ``load_at_sizes`` does, antialiased.

    A pixel is the mean of the area that it covers where no side grows, and a triangle filter's
    where one does. A large photograph is first reduced to the scale at which ``load_photograph``
    would decode it, so that both show nearly the same.

    Args:
        image: uint8 ``([batch,] height, width, 3)``.
        size: Side of a square, pixels.
        keep_aspect: Whether the aspect ratio is kept, see ``fitting_sides``.

    Returns:
        uint8 ``([batch,] size, size, 3)``, or of the sides that keep the aspect ratio. Rounded, so
        that the signatures of an exported model, which enter at different points, see the
        same pixels.
    """
    sides = tf.shape(image)[-3:-1]
    fitting = fitting_sides(sides, size, keep_aspect=keep_aspect)
    ratio = tf.gather(_RATIOS, _number_of_ratio(-(-sides // _RATIO_ROWS), fitting))
    reduced = tf.cond(
        ratio > 1, lambda: _average_areas(image, -(-sides // ratio)), lambda: tf.identity(image)
    )
    return _fit(reduced, fitting)


def _fit(image: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    """Resizes in one step; averaging areas costs a third of the triangle filter."""
    return tf.cond(
        tf.reduce_all(tf.shape(image)[-3:-1] >= sides),
        lambda: _average_areas(image, sides),
        lambda: _rounded(tf.image.resize(image, sides, antialias=True)),
    )


def _average_areas(image: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    return _rounded(tf.image.resize(image, sides, method="area"))


def _rounded(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(pixels + 0.5, tf.uint8)  # means of 0 to 255 need no clipping


def _decode_reduced(encoded: tf.Tensor, sides: tf.Tensor, fitting: tf.Tensor) -> tf.Tensor:
    number = _number_of_ratio(-(-sides // _RATIO_ROWS), fitting)  # libjpeg rounds up
    decoders = [functools.partial(_decode_jpeg, encoded, ratio) for ratio in _RATIOS]
    return tf.ensure_shape(tf.switch_case(number, decoders), (None, None, 3))


def _decode_reduced_part(encoded: tf.Tensor, size: int, choose: ChoosePart) -> tf.Tensor:
    sides = tf.io.extract_jpeg_shape(encoded)[:2]
    part = choose(sides)
    number = _number_of_ratio(part[2:] // _RATIO_ROWS, tf.constant((size, size)))
    ratio = tf.gather(_RATIOS, number)
    # The decoder counts the window in reduced pixels.
    reduced = (part + ratio // 2) // ratio
    extent = tf.maximum(reduced[2:], 1)
    begin = tf.minimum(reduced[:2], -(-sides // ratio) - extent)
    window = tf.concat([begin, extent], axis=0)
    decoders = [functools.partial(_decode_jpeg_part, encoded, window, ratio) for ratio in _RATIOS]
    return tf.ensure_shape(tf.switch_case(number, decoders), (None, None, 3))


def _number_of_ratio(reduced: tf.Tensor, fitting: tf.Tensor) -> tf.Tensor:
    """The last of the ratios at which no side, int32 ``(4, 2)``, is below the wanted ones."""
    return tf.reduce_sum(tf.cast(tf.reduce_all(reduced[1:] >= fitting, axis=1), tf.int32))


def _decode_jpeg(encoded: tf.Tensor, ratio: int) -> tf.Tensor:
    # The accurate cosine transform is what other programs use; it costs 4 % more than
    # the default at full size, and nothing below.
    return tf.io.decode_jpeg(encoded, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")


def _decode_jpeg_part(encoded: tf.Tensor, window: tf.Tensor, ratio: int) -> tf.Tensor:
    return tf.io.decode_and_crop_jpeg(
        encoded, window, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE"
    )


def _cut_out(image: tf.Tensor, choose: ChoosePart) -> tf.Tensor:
    part = choose(tf.shape(image)[:2])
    begin, end = part[:2], part[:2] + part[2:]
    return image[begin[0] : end[0], begin[1] : end[1]]


def _decode_other(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes what is no JPEG, as it is stored."""
    image = tf.cond(
        _is_still_webp(encoded),
        lambda: _decode_any(encoded, 0),
        lambda: _decode_any(encoded, 3),
    )
    return tf.ensure_shape(image, (None, None, 3))


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
