"""Seeded augmentation of landmark photographs, the same eagerly and inside a data set."""

import tensorflow as tf

from models.preprocessing import resize


def augment(image: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
    """Crops at random, flips, and shifts the colours as other light would.

    Args:
        image: uint8 ``(height, width, 3)``.
        size: Side of the result, pixels.
        seed: int ``(2,)``; the same seed always gives the same result.

    Returns:
        uint8 ``(size, size, 3)``.
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 5), num=5)
    image = resize(random_crop(image, seeds[0]), size)
    image = tf.image.stateless_random_flip_left_right(image, seeds[1])
    image = tf.image.stateless_random_brightness(image, 0.15, seeds[2])
    image = tf.image.stateless_random_contrast(image, 0.7, 1.4, seeds[3])
    return tf.image.stateless_random_saturation(image, 0.6, 1.5, seeds[4])


def random_crop(image: tf.Tensor, seed: tf.Tensor, smallest: float = 0.8) -> tf.Tensor:
    """Cuts out a random part; height and width are drawn apart.

    Args:
        image: uint8 ``(height, width, 3)``.
        seed: int ``(2,)``.
        smallest: Least share of each side that is kept.

    Returns:
        uint8 ``(height, width, 3)``, both sides at most as long as before.
    """
    share, place = tf.unstack(tf.random.stateless_uniform((2, 2), seed), num=2)
    sides = tf.cast(tf.shape(image)[:2], tf.float32)
    kept = tf.maximum(tf.round(sides * (smallest + (1.0 - smallest) * share)), 1.0)
    begin = tf.cast((sides - kept) * place, tf.int32)
    end = begin + tf.cast(kept, tf.int32)
    return image[begin[0] : end[0], begin[1] : end[1]]
