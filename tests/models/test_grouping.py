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


@pytest.mark.parametrize("count", [0, 1, 2, 5])
@pytest.mark.parametrize("traced", [False, True])
def test_images_of_one_size_are_described_together_and_keep_their_places(
    count: int, traced: bool
) -> None:
    given = images(count)
    packed = tf.constant([pack(tf.constant(one)).numpy() for one in given], tf.string)

    def describe(packed: tf.Tensor) -> tf.Tensor:
        return describe_by_size(look, packed, 3)

    found = (tf.function(describe) if traced else describe)(packed).numpy()
    alike = [sum(SIDES[one] == SIDES[other] for other in range(count)) for one in range(count)]
    expected = [(one.sum(), len(one), many) for one, many in zip(given, alike, strict=True)]
    np.testing.assert_array_equal(found, np.reshape(expected, (count, 3)))
