import io
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from models.preprocessing import decode_photograph, resize


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def eagerly(photograph: bytes) -> np.ndarray:
    return decode_photograph(tf.constant(photograph)).numpy()


def in_data_set(photograph: bytes) -> np.ndarray:
    dataset = tf.data.Dataset.from_tensors(photograph).map(decode_photograph)
    return next(dataset.as_numpy_iterator())


both_ways = pytest.mark.parametrize("decode", [eagerly, in_data_set])
Decode = Callable[[bytes], np.ndarray]


@both_ways
def test_red_photograph_is_red_and_not_blue(decode: Decode) -> None:
    """OpenCV's order of channels, BGR, would put the red last."""
    pixels = decode(encoded(Image.new("RGB", (12, 8), (250, 10, 30)), "JPEG"))
    assert pixels.shape == (8, 12, 3)
    assert pixels.dtype == np.uint8
    np.testing.assert_allclose(pixels.mean(axis=(0, 1)), [250, 10, 30], atol=3)


@both_ways
def test_grey_photograph_has_three_equal_channels(decode: Decode) -> None:
    pixels = decode(encoded(Image.new("L", (5, 4), 77), "JPEG"))
    np.testing.assert_array_equal(pixels, np.full((4, 5, 3), 77))


@both_ways
def test_alpha_is_dropped(decode: Decode) -> None:
    pixels = decode(encoded(Image.new("RGBA", (3, 2), (9, 80, 200, 0)), "PNG"))
    np.testing.assert_array_equal(pixels, np.full((2, 3, 3), (9, 80, 200)))


@both_ways
@pytest.mark.parametrize("mode", ["RGBA", "RGB", "L"])
def test_still_webp_loses_only_its_alpha(decode: Decode, mode: str) -> None:
    image = Image.new("RGBA", (3, 2), (90, 90, 90, 40)).convert(mode)
    pixels = decode(encoded(image, "WEBP", lossless=True, exact=True))
    np.testing.assert_array_equal(pixels, np.full((2, 3, 3), 90))


@both_ways
@pytest.mark.parametrize("mode", ["RGBA", "RGB"])
def test_animated_webp_is_refused(decode: Decode, mode: str) -> None:
    """TensorFlow 2.21 writes past the end of its memory where it is asked for all channels."""
    frames = [Image.new("RGBA", (40, 60), (90, red, 90, 40)).convert(mode) for red in (0, 200)]
    photograph = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(photograph)


@both_ways
def test_sixteen_bits_are_scaled_to_eight(decode: Decode) -> None:
    deep = Image.fromarray(np.full((2, 3), 0x4D80, np.uint16))
    np.testing.assert_array_equal(decode(encoded(deep, "PNG")), np.full((2, 3, 3), 0x4D))


@both_ways
def test_animation_gives_its_first_frame(decode: Decode) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "lime")]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(moving), np.full((4, 4, 3), (255, 0, 0)))


@both_ways
def test_photograph_comes_out_upright(decode: Decode) -> None:
    """Orientation 6 is a camera held upright: turned clockwise, left becomes top."""
    stored = Image.new("RGB", (32, 16), "white")
    stored.paste("black", (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = decode(encoded(stored, "JPEG", exif=exif))
    assert pixels.shape == (32, 16, 3)
    assert pixels[:14].max() < 20
    assert pixels[18:].min() > 235


@both_ways
@pytest.mark.parametrize("damage", ["text", "truncated", "empty"])
def test_what_is_no_photograph_is_refused(decode: Decode, damage: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    whole = encoded(Image.fromarray(noise), "JPEG")
    photograph = {"text": b"Not a photograph.", "truncated": whole[: len(whole) // 2], "empty": b""}
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(photograph[damage])


def test_fine_checkerboard_shrinks_to_grey() -> None:
    """By 7, every sample lies amid a pixel: without antialiasing all are black or white."""
    board = np.indices((63, 63)).sum(axis=0) % 2 * 255
    small = resize(np.repeat(board[..., None], 3, axis=2).astype(np.uint8), 9).numpy()
    assert small.shape == (9, 9, 3)
    np.testing.assert_allclose(small, 127.5, atol=4)


def test_same_size_changes_nothing() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (9, 9, 3), np.uint8)
    np.testing.assert_array_equal(resize(pixels, 9), pixels)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_batch_is_resized_as_its_photographs_are(batch: int) -> None:
    pixels = np.random.default_rng(batch).integers(0, 256, (batch, 20, 13, 3), np.uint8)
    one_by_one = [resize(image, 8).numpy() for image in pixels]
    np.testing.assert_array_equal(resize(pixels, 8), one_by_one)
    dataset = tf.data.Dataset.from_tensor_slices(pixels).map(lambda image: resize(image, 8))
    np.testing.assert_array_equal(list(dataset.as_numpy_iterator()), one_by_one)


def test_resized_pixels_are_rounded_to_the_nearest() -> None:
    # Two columns of 0 and 255 averaged: 127.5, which rounds to the even 128.
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[:, 1] = 255
    np.testing.assert_array_equal(resize(pixels, 1), np.full((1, 1, 3), 128))
