import dataclasses
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from models.preprocessing import load_photograph
from pipeline.data.augmentation import (
    Augmentation,
    augmented_photograph,
    change_photograph,
)

NONE = Augmentation(
    crop=0.0,
    flip=0.0,
    brightness=0.0,
    contrast=0.0,
    saturation=0.0,
    hue=0.0,
    perspective=0.0,
    blur=0.0,
    compression=0.0,
    erasing=0.0,
)
ALWAYS = Augmentation(
    perspective_probability=1.0,
    blur_probability=1.0,
    compression_probability=1.0,
    erasing_probability=1.0,
)


def encoded(kind: str, *, height: int = 240, width: int = 320, orientation: int = 1) -> bytes:
    """Red grows to the right of the raster, green downwards; blue is even."""
    down, across = np.mgrid[0 : 250 : height * 1j, 0 : 250 : width * 1j]
    pixels = np.stack([across, down, np.full_like(down, 90)], axis=-1).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "exif": exif} if kind == "JPEG" else {}
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def augmented(photograph: bytes, settings: Augmentation, count: int) -> np.ndarray:
    """With seeds 0, 1, ..., uint8 (count, 32, 32, 3)."""
    dataset = tf.data.Dataset.range(count).map(
        lambda number: augmented_photograph(tf.constant(photograph), 32, [7, number], settings),
        num_parallel_calls=4,
    )
    return np.stack(list(dataset.as_numpy_iterator()))


@pytest.mark.parametrize("settings", [Augmentation(), ALWAYS], ids=["default", "always"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_same_seed_gives_the_same_photograph_eagerly_and_in_parallel(
    settings: Augmentation, kind: str
) -> None:
    photograph = encoded(kind)
    inside = augmented(photograph, settings, 8)
    np.testing.assert_array_equal(inside, augmented(photograph, settings, 8))
    eager = [augmented_photograph(tf.constant(photograph), 32, [7, n], settings) for n in range(8)]
    # Graphs fuse what eager execution rounds in between; compression doubles a level or two.
    np.testing.assert_allclose(inside.astype(int), np.stack(eager), atol=8)
    assert np.abs(inside.astype(int) - np.stack(eager)).mean() < 0.05
    assert len({image.tobytes() for image in inside}) == 8


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_with_everything_off_the_photograph_is_as_it_is_served(kind: str) -> None:
    photograph = encoded(kind, orientation=6)
    expected = load_photograph(tf.constant(photograph), 32)
    np.testing.assert_array_equal(augmented(photograph, NONE, 2), [expected, expected])


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_crop_is_the_same_whatever_the_format_and_however_stored(orientation: int) -> None:
    """A JPEG's is cut out by the decoder, at the scale it is decoded at."""
    settings = dataclasses.replace(NONE, crop=0.9)
    jpeg = encoded("JPEG", orientation=orientation)
    stored = Image.open(io.BytesIO(jpeg))
    turn = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270}
    turn[8] = Image.Transpose.ROTATE_90
    upright = stored.transpose(turn[orientation]) if orientation > 1 else stored
    buffer = io.BytesIO()
    upright.save(buffer, "PNG")
    from_jpeg = augmented(jpeg, settings, 30).astype(int)
    from_png = augmented(buffer.getvalue(), settings, 30)
    # Half a pixel of a quarter of the scale is 2 pixels of 240: 2 levels of 250.
    assert np.abs(from_jpeg - from_png).mean(axis=(1, 2, 3)).max() < 2.5


def test_crops_show_the_share_asked_for() -> None:
    """Red and green tell columns and rows, so their spans tell the sides of the part."""
    images = augmented(encoded("PNG"), dataclasses.replace(NONE, crop=0.7), 60).astype(int)
    shares = np.ptp(images[..., 0], axis=(1, 2)) * np.ptp(images[..., 1], axis=(1, 2)) / 250**2
    assert 0.25 < shares.min() < 0.45
    assert shares.max() > 0.75


def test_flip_mirrors_as_often_as_asked_and_never_turns_over() -> None:
    images = augmented(encoded("PNG"), dataclasses.replace(NONE, flip=0.3), 200).astype(int)
    whole = load_photograph(tf.constant(encoded("PNG")), 32).numpy()
    mirrored = [np.array_equal(image, whole[:, ::-1]) for image in images]
    same = [np.array_equal(image, whole) for image in images]
    assert sum(mirrored) + sum(same) == 200
    assert 35 < sum(mirrored) < 85  # a binomial of 200 and 0.3 is outside once in 10,000 seeds


@pytest.mark.parametrize("change", ["perspective", "blur", "compression", "erasing"])
def test_a_change_is_made_as_often_as_its_probability(change: str) -> None:
    strength = {change: getattr(Augmentation(), change)}
    settings = dataclasses.replace(NONE, **strength, **{f"{change}_probability": 0.3})
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    dataset = tf.data.Dataset.range(200).map(
        lambda number: change_photograph(tf.constant(noise), [1, number], settings)
    )
    changed = sum(np.any(image != noise) for image in dataset.as_numpy_iterator())
    assert 30 < changed < 85  # a few blurs are too slight to show
    never = dataclasses.replace(settings, **{f"{change}_probability": 0.0})
    np.testing.assert_array_equal(change_photograph(tf.constant(noise), [1, 2], never), noise)


def test_turning_one_change_off_leaves_the_others_as_they_were_drawn() -> None:
    photograph = encoded("PNG")
    with_both = dataclasses.replace(NONE, crop=0.5, flip=0.5)
    cropped = augmented(photograph, dataclasses.replace(NONE, crop=0.5), 10)
    for image, without in zip(augmented(photograph, with_both, 10), cropped, strict=True):
        assert np.array_equal(image, without) or np.array_equal(image, without[:, ::-1])


@pytest.mark.parametrize(
    ("name", "value"), [("crop", 1.0), ("flip", 1.1), ("blur", -1.0), ("perspective", 0.5)]
)
def test_strength_out_of_range_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} has to be between 0 and .*Received: {value:g}"):
        Augmentation(**{name: value})


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (31, 33)])
def test_small_and_narrow_photographs_are_augmented(shape: tuple[int, int]) -> None:
    photograph = encoded("JPEG", height=shape[0], width=shape[1])
    assert augmented(photograph, ALWAYS, 3).shape == (3, 32, 32, 3)


def photograph(height: int = 30, width: int = 40) -> tf.Tensor:
    """Red grows to the right, green downwards; blue is even."""
    down, across = np.mgrid[0:height, 0:width]
    pixels = np.stack([6 * across, 8 * down, np.full_like(down, 90)], axis=-1)
    return tf.constant(pixels, tf.uint8)


def seed(number: int) -> tf.Tensor:
    return tf.constant([7, number], tf.int64)
