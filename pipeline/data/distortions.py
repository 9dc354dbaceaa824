"""What happens to photographs: light, lenses, angles, passers-by and web sites.

Each function is seeded and stateless, from uint8 ``(size, size, 3)`` to the same shape, and
leaves the photograph as it is at strength 0.
"""

import math

import tensorflow as tf

from pipeline.data.random_part import random_part

# How bright red, green and blue look; ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)


def shift_colours(
    image: tf.Tensor,
    seed: tf.Tensor,
    *,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    hue: float = 0.0,
) -> tf.Tensor:
    """Photographs in another light.

    All four are linear in the pixels, so they are one matrix, and nothing is cut off in between.

    Args:
        image: uint8 ``(size, size, 3)``.
        seed: int ``(2,)``.
        brightness: Largest shift, as a share of full white.
        contrast: Largest change of the distance from the mean colour, as a share.
        saturation: Largest change of the distance from grey, as a share.
        hue: Largest turn around the axis of greys, as a share of a full one.
    """
    largest = tf.constant([brightness, contrast, saturation, 2.0 * math.pi * hue])
    drawn = tf.unstack(tf.random.stateless_uniform((4,), seed, -1.0, 1.0) * largest)
    shift, contrast_change, saturation_change, angle = drawn
    pixels = tf.cast(image, tf.float32)
    mean = tf.reduce_mean(pixels, axis=(0, 1))
    colours = _colour_matrix(1.0 + saturation_change, angle)
    linear = (1.0 + contrast_change) * colours
    constant = tf.linalg.matvec(colours - linear, mean) + 255.0 * shift
    changed = tf.matmul(tf.reshape(pixels, (-1, 3)), linear, transpose_b=True) + constant
    return _to_pixels(tf.reshape(changed, tf.shape(image)))


def _colour_matrix(saturation: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Float32 ``(3, 3)``: turns around the axis of greys, then scales the distance from grey."""
    cosine, sine = tf.cos(angle), tf.sin(angle) / math.sqrt(3.0)
    across = tf.constant([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]])
    turn = cosine * tf.eye(3) + sine * across + (1.0 - cosine) / 3.0  # Rodrigues' formula
    grey = tf.constant([_LUMA, _LUMA, _LUMA])
    return tf.matmul(saturation * tf.eye(3) + (1.0 - saturation) * grey, turn)


def blur(image: tf.Tensor, seed: tf.Tensor, *, largest: float) -> tf.Tensor:
    """Photographs out of focus: a Gaussian of random standard deviation.

    Args:
        image: uint8 ``(size, size, 3)``.
        seed: int ``(2,)``.
        largest: Largest standard deviation, pixels.
    """
    deviation = tf.random.stateless_uniform((), seed, 0.0, largest)
    reach = math.ceil(3.0 * largest)
    places = tf.range(-reach, reach + 1, dtype=tf.float32)
    weights = tf.exp(-tf.square(places / tf.maximum(deviation, 1e-3)) / 2.0)
    weights /= tf.reduce_sum(weights)
    # The edges go on as a mirror image, so that they do not darken.
    around = [[reach, reach], [reach, reach], [0, 0]]
    pixels = tf.pad(tf.cast(image, tf.float32), around, mode="SYMMETRIC")[None]
    for shape in ((-1, 1, 1, 1), (1, -1, 1, 1)):  # down, then across
        kernel = tf.tile(tf.reshape(weights, shape), (1, 1, 3, 1))
        pixels = tf.nn.depthwise_conv2d(pixels, kernel, (1, 1, 1, 1), "VALID")
    return _to_pixels(pixels[0])


def change_perspective(image: tf.Tensor, seed: tf.Tensor, *, largest: float) -> tf.Tensor:
    """Photographs from aside: the corners are points of the photograph further in.

    Nothing from outside the photograph has to be made up.

    Args:
        image: uint8 ``(size, size, 3)``.
        seed: int ``(2,)``.
        largest: Largest way of a corner along either side, as a share of it; below 0.5.
    """
    size = image.shape[0]
    side = float(size - 1)
    corners = tf.constant([[0.0, 0.0], [side, 0.0], [0.0, side], [side, side]])  # (x, y)
    inwards = tf.constant([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    moved = corners + inwards * tf.random.stateless_uniform((4, 2), seed, 0.0, largest * side)
    changed = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(image, tf.float32)[None],
        transforms=_homography(corners, moved)[None],
        output_shape=(size, size),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return _to_pixels(changed[0])


def _homography(points: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """The eight numbers of the projective map that takes four points to four others, (8,)."""
    x, y = points[:, 0], points[:, 1]
    zero, one = tf.zeros(4), tf.ones(4)

    def equations(to: tf.Tensor, *, is_x: bool) -> tf.Tensor:
        own, other = [x, y, one], [zero, zero, zero]
        first = own + other if is_x else other + own
        return tf.stack([*first, -x * to, -y * to], axis=1)  # (4, 8)

    horizontal, vertical = images[:, 0], images[:, 1]
    system = tf.concat([equations(horizontal, is_x=True), equations(vertical, is_x=False)], axis=0)
    wanted = tf.concat([horizontal, vertical], axis=0)
    return tf.linalg.solve(system, wanted[:, None])[:, 0]


def compress(image: tf.Tensor, seed: tf.Tensor, *, largest: float) -> tf.Tensor:
    """Photographs that were saved once more, as web sites do.

    Args:
        image: uint8 ``(size, size, 3)``.
        seed: int ``(2,)``.
        largest: Largest loss of JPEG quality, as a share of 100.
    """
    loss = tf.random.stateless_uniform((), seed, 0.0, 100.0 * largest)
    quality = tf.maximum(100 - tf.cast(tf.round(loss), tf.int32), 1)
    encoded = tf.raw_ops.EncodeJpegVariableQuality(images=image, quality=quality)
    return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")


def erase(image: tf.Tensor, seed: tf.Tensor, *, largest: float) -> tf.Tensor:
    """Photographs with something in front: one rectangle of one colour.

    Zhong et al., 2017, https://arxiv.org/abs/1708.04896.

    Args:
        image: uint8 ``(size, size, 3)``.
        seed: int ``(2,)``.
        largest: Largest share of the area; the least is a tenth of it.
    """
    part_seed, colour_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    sides = tf.shape(image)[:2]
    top, left, height, width = tf.unstack(
        random_part(sides, part_seed, area=(0.1 * largest, largest), stretch=3.0)
    )
    rows, columns = tf.range(sides[0]), tf.range(sides[1])
    inside = ((rows >= top) & (rows < top + height))[:, None]
    inside &= (columns >= left) & (columns < left + width)
    colour = tf.random.stateless_uniform((3,), colour_seed, 0, 256, tf.int32)
    return tf.where(inside[..., None], tf.cast(colour, tf.uint8), image)


def _to_pixels(pixels: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.clip_by_value(pixels, 0.0, 255.0) + 0.5, tf.uint8)
