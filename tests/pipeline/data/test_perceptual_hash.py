import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.near_duplicates import MOST_BITS, MOST_FIRST_BITS
from pipeline.data.perceptual_hash import (
    THUMBNAIL_SIDE,
    has_detail,
    hash_thumbnail,
    perceptual_hashes,
)


def picture(seed: int, height: int = 192, width: int = 256) -> np.ndarray:
    """Random shapes of every size, the larger the stronger, as photographs have."""
    generator = np.random.default_rng(seed)
    image = np.full((height, width, 3), 128.0)
    for cells in (4, 8, 16, 32, 64):
        noise = generator.normal(0, 160 / cells, (cells, cells, 1))
        image += tf.image.resize(noise, (height, width), method="bicubic").numpy()
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


def hash_of(image: np.ndarray) -> np.ndarray:
    return perceptual_hashes(hash_thumbnail(tf.constant(image)).numpy()[None])[0]


def distance(first: np.ndarray, second: np.ndarray) -> int:
    return int(np.bitwise_count(hash_of(first) ^ hash_of(second)).sum())


def recompressed(image: np.ndarray, quality: int) -> np.ndarray:
    return tf.io.decode_jpeg(tf.io.encode_jpeg(image, quality=quality)).numpy()


def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    smaller = tf.image.resize(image, (height, width), antialias=True)
    return tf.saturate_cast(tf.round(smaller), tf.uint8).numpy()


def test_bits_are_the_signs_of_the_cosine_transform() -> None:
    """Each picture is one cosine wave, of which only its own coefficient is above 0."""
    x = (2 * np.arange(32) + 1) * np.pi / 64
    waves = [(1, 1), (1, 2), (2, 1), (1, 3), (16, 16)]
    pictures = [128 + 100 * np.outer(np.cos(v * x), np.cos(u * x)) for v, u in waves]
    hashes = perceptual_hashes(np.round(pictures).astype(np.uint8))
    bits = np.unpackbits(hashes.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    inverse = perceptual_hashes(np.round(256 - np.array(pictures)).astype(np.uint8))
    unlike = np.unpackbits((hashes ^ inverse).astype("<u8").view(np.uint8), 1, bitorder="little")
    for number, place in enumerate([0, 1, 2, 3, 255]):  # by the sum of both frequencies
        assert bits[number, place] == 1
        assert unlike[number, place] == 1


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_hash_does_not_depend_on_its_batch(batch: int) -> None:
    thumbnails = np.random.default_rng(0).integers(0, 256, (batch, 32, 32), np.uint8)
    hashes = perceptual_hashes(thumbnails)
    assert hashes.shape == (batch, 4)
    assert hashes.dtype == np.uint64
    for number in range(batch):
        alone = perceptual_hashes(thumbnails[number : number + 1])[0]
        np.testing.assert_array_equal(hashes[number], alone)


def test_coefficients_that_are_zero_by_symmetry_give_the_same_bits() -> None:
    """A left-right symmetric picture has none of the odd frequencies: 128 zeros and no noise."""
    half = np.random.default_rng(0).integers(0, 256, (1, 32, 16), np.uint8)
    symmetric = np.concatenate([half, half[:, :, ::-1]], axis=2)
    bits = np.bitwise_count(perceptual_hashes(symmetric)).sum()
    mirrored = perceptual_hashes(symmetric[:, :, ::-1])
    np.testing.assert_array_equal(perceptual_hashes(symmetric), mirrored)
    assert bits <= 128


@pytest.mark.parametrize("seed", range(5))
def test_a_copy_is_near(seed: int) -> None:
    image = picture(seed)
    copies = {
        "JPEG of quality 30": recompressed(image, 30),
        "half the size": resized(image, 96, 128),
        "70 %": resized(image, 134, 179),
        "brighter": np.minimum(image * 1.1, 255).astype(np.uint8),
        "2 % cropped": image[2:-2, 2:-3],
        "watermark": np.where(np.indices(image.shape)[0] > 186, np.uint8(255), image),
    }
    for name, copy in copies.items():
        differing = np.bitwise_count(hash_of(image) ^ hash_of(copy))
        assert differing[0] <= MOST_FIRST_BITS, (name, differing)
        assert differing.sum() <= MOST_BITS, (name, differing)


@pytest.mark.parametrize("seed", range(5))
def test_another_picture_is_far(seed: int) -> None:
    """Independent bits differ by 128 of 256, with a standard deviation of 8."""
    assert distance(picture(seed), picture(seed + 100)) > 88


def test_the_thumbnail_is_the_same_inside_a_data_set() -> None:
    images = [picture(0), picture(1, 50, 31), picture(2, 8, 90)]  # also smaller than 32
    dataset = tf.data.Dataset.from_generator(
        lambda: images, output_signature=tf.TensorSpec((None, None, 3), tf.uint8)
    ).map(hash_thumbnail)
    assert dataset.element_spec == tf.TensorSpec((THUMBNAIL_SIDE, THUMBNAIL_SIDE), tf.uint8)
    for image, thumbnail in zip(images, dataset, strict=True):
        np.testing.assert_array_equal(thumbnail, hash_thumbnail(tf.constant(image)))


def test_the_thumbnail_is_antialiased() -> None:
    """Lines finer than its pixels become their mean, not a moiré of black and white."""
    lines = np.zeros((320, 320, 3), np.uint8)
    lines[:, ::2] = 200
    thumbnail = hash_thumbnail(tf.constant(lines)).numpy()
    assert np.abs(thumbnail.astype(int) - 100).max() <= 6


def test_blank_photographs_have_no_detail() -> None:
    noise = np.random.default_rng(0).normal(0, 0.5, (32, 32))
    slope = np.add.outer(3 * np.arange(32.0), 4 * np.arange(32.0))
    blank = [np.zeros((32, 32)), np.full((32, 32), 255), 240 + noise, slope]
    pictures = [hash_thumbnail(tf.constant(recompressed(picture(0), 30))).numpy()]
    pictures.append(np.random.default_rng(1).integers(100, 140, (32, 32)))
    thumbnails = np.round([*blank, *pictures]).astype(np.uint8)
    assert has_detail(thumbnails).tolist() == [False] * 4 + [True] * 2


@pytest.mark.parametrize(
    "thumbnails", [np.zeros((2, 32, 31), np.uint8), np.zeros((2, 32, 32)), np.zeros((32, 32), "u1")]
)
def test_other_thumbnails_are_refused(thumbnails: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"Expected uint8 thumbnails .* Received: "):
        perceptual_hashes(thumbnails)
    with pytest.raises(ValueError, match=r"Expected uint8 thumbnails .* Received: "):
        has_detail(thumbnails)
