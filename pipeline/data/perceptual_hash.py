"""A hash of what a photograph looks like: copies of one photograph differ in few bits.

The signs of the lowest frequencies of the discrete cosine transform of a grey thumbnail, after
Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010,
http://phash.org/docs/pubs/thesis_zauner.pdf. As in its pHash, frequency 0 of either axis is left
out. Other than there, 256 bits are kept instead of 64, and a bit tells whether its coefficient is
above 0 instead of above the median, which without frequency 0 is near 0.

Measured on 4,610 photographs (10.6 million pairs): distances between two hashes have mean 128.0
and standard deviation 8.2 over all bits (256 fair coins: 8.0), 32.0 and 4.1 over the first word.
"""

import numpy as np
import tensorflow as tf

THUMBNAIL_SIDE = 32
WORDS = 4
LEAST_DETAIL = 1.0  # grey levels; least among 4,610 photographs 1.8, one in a thousand below 4.3

_FREQUENCIES = 16  # a side: 1 to 16


def hash_thumbnail(image: tf.Tensor) -> tf.Tensor:
    """The grey thumbnail that is hashed, antialiased and without keeping the aspect ratio.

    Decoding at a reduced scale changes little as long as the shorter side keeps about 64 pixels;
    with at most 45 pixels, 81 % of copies at half the size are found instead of 99.6 %.

    Args:
        image: uint8 ``(height, width, 3)``, RGB, upright.

    Returns:
        uint8 ``(32, 32)``.
    """
    grey = tf.image.rgb_to_grayscale(tf.cast(image, tf.float32))
    small = tf.image.resize(grey, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), antialias=True)
    return tf.saturate_cast(tf.round(small[..., 0]), tf.uint8)


def perceptual_hashes(thumbnails: np.ndarray) -> np.ndarray:
    """Hashes thumbnails; the lowest frequencies come first, so the first word is the most stable.

    Args:
        thumbnails: uint8 ``(batch, 32, 32)``.

    Returns:
        uint64 ``(batch, 4)``.

    Raises:
        ValueError: For another shape or type.
    """
    # Rounded, so that a coefficient that is 0 by symmetry gives the same bit on every machine.
    bits = np.round(_low_frequencies(thumbnails), 3) > 0
    return np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64)


def has_detail(thumbnails: np.ndarray) -> np.ndarray:
    """Whether a hash says anything; that of a blank or black photograph is noise.

    True where the median size of the hashed coefficients is at least ``LEAST_DETAIL``. Rounding
    to uint8 alone changes a coefficient by .3.

    Args:
        thumbnails: uint8 ``(batch, 32, 32)``.

    Returns:
        bool ``(batch,)``.

    Raises:
        ValueError: For another shape or type.
    """
    return np.median(np.abs(_low_frequencies(thumbnails)), axis=1) >= LEAST_DETAIL


def _low_frequencies(thumbnails: np.ndarray) -> np.ndarray:
    """Orthonormal DCT-II at frequencies 1 to 16 of both axes, float64 ``(batch, 256)``.

    In the order of the sum of both frequencies.
    """
    side = THUMBNAIL_SIDE
    if thumbnails.shape[1:] != (side, side) or thumbnails.dtype != np.uint8:
        raise ValueError(
            f"Expected uint8 thumbnails (batch, {side}, {side}) of hash_thumbnail. "
            f"Received: {thumbnails.dtype} {thumbnails.shape}."
        )
    frequencies = np.arange(1, _FREQUENCIES + 1)
    angles = np.outer(frequencies, 2 * np.arange(side) + 1) * np.pi / (2 * side)
    cosines = np.sqrt(2 / side) * np.cos(angles)
    coefficients = cosines @ thumbnails.astype(np.float64) @ cosines.T  # (batch, 16, 16)
    order = np.argsort(np.add.outer(frequencies, frequencies), axis=None, kind="stable")
    return np.ascontiguousarray(coefficients.reshape(-1, _FREQUENCIES**2)[:, order])
