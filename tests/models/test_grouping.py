import numpy as np
import pytest
import tensorflow as tf

from models.grouping import describe_by_size, pack, unpack

SIDES = [(3, 4), (4, 3), (3, 4), (2, 6), (4, 3)]


def images(count: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.integers(0, 256, (*sides, 3), np.uint8) for sides in SIDES[:count]]


def look(batch: tf.Tensor) -> tf.Tensor:
    """Of each image its sum and its height, and how many are described with it."""
    sums = tf.reduce_sum(tf.cast(batch, tf.float32), (1, 2, 3))
    count, height = (tf.cast(tf.shape(batch)[axis], tf.float32) for axis in (0, 1))
    return tf.stack(
        [sums, tf.fill([tf.shape(batch)[0]], height), tf.fill([tf.shape(batch)[0]], count)], 1
    )


def test_what_is_packed_comes_out_as_it_was() -> None:
    (image,) = images(1)
    np.testing.assert_array_equal(unpack(pack(tf.constant(image))), image)


def all_packed(given: list[np.ndarray]) -> tf.Tensor:
    return tf.constant([pack(tf.constant(one)).numpy() for one in given], tf.string)


def looks(given: list[np.ndarray]) -> np.ndarray:
    alike = [sum(one.shape == other.shape for other in given) for one in given]
    looks = [(one.sum(), len(one), many) for one, many in zip(given, alike, strict=True)]
    return np.reshape(looks, (len(given), 3))


@pytest.mark.parametrize("count", [0, 1, 2, 5])
@pytest.mark.parametrize("traced", [False, True])
def test_images_of_one_size_are_described_together_and_keep_their_places(
    count: int, traced: bool
) -> None:
    def describe(packed: tf.Tensor) -> tf.Tensor:
        return describe_by_size(look, packed, 3)

    found = (tf.function(describe) if traced else describe)(all_packed(images(count)))
    np.testing.assert_array_equal(found, looks(images(count)))
