import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.augmentation import augment, random_crop


def photograph(height: int = 30, width: int = 40) -> tf.Tensor:
    """Red grows to the right, green downwards; blue is even."""
    down, across = np.mgrid[0:height, 0:width]
    pixels = np.stack([6 * across, 8 * down, np.full_like(down, 90)], axis=-1)
    return tf.constant(pixels, tf.uint8)


def seed(number: int) -> tf.Tensor:
    return tf.constant([7, number], tf.int64)


def test_same_seed_gives_the_same_image_eagerly_and_inside_a_data_set() -> None:
    image = photograph()
    eager = [augment(image, 16, seed(number)).numpy() for number in range(6)]
    again = [augment(image, 16, seed(number)).numpy() for number in range(6)]
    dataset = tf.data.Dataset.range(6).map(
        lambda number: augment(image, 16, [7, number]), num_parallel_calls=4
    )
    np.testing.assert_array_equal(eager, again)
    np.testing.assert_array_equal(eager, list(dataset.as_numpy_iterator()))


def test_every_image_of_a_data_set_is_changed_in_another_way() -> None:
    """Randomness from NumPy would be drawn once, while tracing, and repeat for all."""
    image = photograph()
    dataset = tf.data.Dataset.range(8).map(lambda number: augment(image, 16, [7, number]))
    assert len({pixels.tobytes() for pixels in dataset.as_numpy_iterator()}) == 8


@pytest.mark.parametrize("shape", [(30, 40), (1, 1), (2, 99), (16, 16)])
def test_result_is_a_square_of_pixels(shape: tuple[int, int]) -> None:
    pixels = augment(photograph(*shape), 16, seed(0))
    assert pixels.shape == (16, 16, 3)
    assert pixels.dtype == tf.uint8


def test_about_half_of_the_images_are_mirrored() -> None:
    """Red grows to the right, so its slope tells; cropping and light keep the slope's sign."""
    dataset = tf.data.Dataset.range(200).map(lambda number: augment(photograph(), 16, [3, number]))
    images = np.stack(list(dataset.as_numpy_iterator())).astype(int)
    rises = images[:, :, -1, 0].mean(axis=1) > images[:, :, 0, 0].mean(axis=1)
    assert 70 < np.sum(rises) < 130  # a binomial of 200 is outside once in 30,000 seeds
    assert np.all(images[:, -1, :, 1].mean(axis=1) > images[:, 0, :, 1].mean(axis=1))  # never over


def test_light_varies_without_losing_the_landmark() -> None:
    grey = np.full((8, 8, 3), 128, np.uint8)
    levels = [float(tf.reduce_mean(augment(grey, 8, seed(n)))) for n in range(60)]
    # Brightness moves by up to 0.15 of 255 = 38; contrast and saturation leave an even grey.
    assert 128 - 40 <= min(levels) < 110
    assert 146 < max(levels) <= 128 + 40


@pytest.mark.parametrize("smallest", [0.6, 1.0])
def test_crop_is_a_contiguous_part_no_smaller_than_asked(smallest: float) -> None:
    image = photograph()
    sides = []
    for number in range(60):
        part = random_crop(image, seed(number), smallest).numpy()
        height, width = part.shape[:2]
        top, left = int(part[0, 0, 1]) // 8, int(part[0, 0, 0]) // 6
        np.testing.assert_array_equal(part, image[top : top + height, left : left + width])
        assert round(smallest * 30) <= height <= 30
        assert round(smallest * 40) <= width <= 40
        sides.append((height, width, top, left))
    assert len(set(sides)) == 1 if smallest == 1.0 else len(set(sides)) > 40
