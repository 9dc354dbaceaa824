import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from models.preprocessing import (
    decode_photograph,
    fitting_sides,
    load_at_sizes,
    load_part,
    load_photograph,
    resize,
    upright_size,
)


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


def test_shrinking_averages_areas_as_opencv_does() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (75, 100, 3), np.uint8)
    expected = cv2.resize(noise, (56, 56), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(resize(noise, 56).numpy().astype(int), expected, atol=1)


@pytest.mark.parametrize("shape", [(12, 90), (90, 12), (8, 8)])
def test_where_a_side_grows_nothing_is_shifted_or_darkened(shape: tuple[int, int]) -> None:
    down, across = np.mgrid[0.0 : 1.0 : shape[0] * 1j, 0.0 : 1.0 : shape[1] * 1j]
    pixels = np.stack([255 * down, 255 * across, 0 * down + 200], axis=-1).astype(np.uint8)
    resized = resize(pixels, 24).numpy().astype(int)
    np.testing.assert_array_equal(resized[..., 2], 200)
    np.testing.assert_allclose(resized[::-1, :, 0] + resized[..., 0], 255, atol=2)
    np.testing.assert_allclose(resized[:, ::-1, 1] + resized[..., 1], 255, atol=2)


def zone_plate(height: int, width: int) -> np.ndarray:
    """Rings that grow finer outwards, to one a pixel at the middle of every edge."""
    down, across = np.meshgrid(*(np.linspace(-1, 1, n) for n in (height, width)), indexing="ij")
    phase = np.pi / 4 * (height * down**2 + width * across**2)
    return np.repeat((128 + 127 * np.cos(phase)).astype(np.uint8)[..., None], 3, axis=-1)


def scene(height: int, width: int) -> np.ndarray:
    """Smooth colours with edges: what a photograph holds and JPEG keeps."""
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    pixels = np.stack([200 * across, 200 * down, 120 + 0 * down], axis=-1)
    pixels[(down > 0.2) & (down < 0.5) & (across > 0.6)] += 50
    return pixels.astype(np.uint8)


def test_fine_rings_leave_no_false_ones_behind_the_reduced_decoder() -> None:
    """The shrinking of the plain chain, bilinear without antialiasing, draws them in full."""
    plate = zone_plate(900, 1200)
    photograph = encoded(Image.fromarray(plate), "JPEG", quality=95)
    expected = cv2.resize(plate, (224, 224), interpolation=cv2.INTER_AREA).astype(float)
    plain = tf.image.resize(plate, (224, 224)).numpy()
    loaded = load_photograph(tf.constant(photograph), 224).numpy()
    error = np.sqrt(np.mean((loaded - expected) ** 2))
    assert error < 0.25 * np.sqrt(np.mean((plain - expected) ** 2))


@pytest.mark.parametrize(
    ("sides", "reduced"),
    [
        ((15, 40), (15, 40)),  # enlarged
        ((30, 40), (30, 40)),
        ((31, 40), (16, 20)),  # 31 / 2 rounds up to 16
        ((32, 70), (16, 35)),
        ((61, 200), (16, 50)),  # 61 / 4 rounds up to 16
        ((500, 130), (63, 17)),
    ],
)
def test_jpeg_is_decoded_at_the_least_scale_that_has_the_size(
    sides: tuple[int, int], reduced: tuple[int, int]
) -> None:
    photograph = encoded(Image.fromarray(scene(*sides)), "JPEG", quality=95)
    ratio = round(sides[0] / reduced[0])
    stored = tf.io.decode_jpeg(photograph, ratio=ratio, dct_method="INTEGER_ACCURATE")
    assert stored.shape[:2] == reduced
    np.testing.assert_array_equal(load_photograph(tf.constant(photograph), 16), resize(stored, 16))


@pytest.mark.parametrize("sides", [(300, 400), (401, 130), (97, 1000)])
@pytest.mark.parametrize("subsampling", [0, 2])
def test_reduced_decoding_shows_what_full_decoding_shows(
    sides: tuple[int, int], subsampling: int
) -> None:
    """So ``pixels``, which takes photographs decoded in full, and training see nearly the same.

    A reduced side is rounded up, which here stretches 130 columns to 132.
    """
    image = Image.fromarray(scene(*sides))
    photograph = tf.constant(encoded(image, "JPEG", quality=90, subsampling=subsampling))
    small = load_photograph(photograph, 32).numpy().astype(int)
    difference = np.abs(small - resize(decode_photograph(photograph), 32).numpy())
    assert difference.mean() < 1.2
    assert difference.max() < 15  # beside an edge of 50 levels


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "GIF"])
def test_other_formats_are_decoded_in_full(kind: str) -> None:
    photograph = tf.constant(encoded(Image.fromarray(scene(80, 130)), kind))
    np.testing.assert_array_equal(
        load_photograph(photograph, 16), resize(decode_photograph(photograph), 16)
    )


def turned(image: np.ndarray, orientation: int, kind: str) -> tf.Tensor:
    """A file whose EXIF header has it turned until it shows the image upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Of the eight, only 6 and 8 are not their own opposite.
    undo = Image.Exif()
    undo[0x0112] = {6: 8, 8: 6}.get(orientation, orientation)
    upright = Image.fromarray(image)
    upright.info["exif"] = undo.tobytes()
    stored = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded(upright, "PNG", exif=undo))))
    options = {"quality": 95} if kind == "JPEG" else {"lossless": True}
    return tf.constant(encoded(stored, kind, exif=exif, **options))


def centre(sides: tf.Tensor) -> tf.Tensor:
    """Not quite the centre: no two sides of it are at the same distance."""
    return tf.concat([sides * [1, 5] // 16, sides * [8, 9] // 16], axis=0)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photograph_is_loaded_upright_once_in_whole_and_in_part(
    kind: str, orientation: int
) -> None:
    image = scene(320, 480)
    photograph = turned(image, orientation, kind)
    whole = load_photograph(photograph, 32).numpy().astype(int)
    np.testing.assert_allclose(whole, resize(image, 32).numpy(), atol=14)
    assert np.abs(whole - resize(image, 32).numpy()).mean() < 2
    part = load_part(photograph, 32, centre).numpy().astype(int)
    expected = resize(image[20:180, 150:420], 32).numpy()
    assert np.abs(part - expected).mean() < 2


@pytest.mark.parametrize("sides", [(640, 480), (333, 517), (40, 30), (9, 200)])
def test_part_is_the_same_whatever_the_format(sides: tuple[int, int]) -> None:
    """A JPEG's part lies on whole pixels of the scale it is decoded at, here up to 1/4."""
    image = Image.fromarray(scene(*sides))
    jpeg, png = (
        load_part(tf.constant(encoded(image, kind, **options)), 24, centre).numpy().astype(int)
        for kind, options in (("JPEG", {"quality": 95}), ("PNG", {}))
    )
    assert np.abs(jpeg - png).mean() < 2.5


def test_part_of_a_jpeg_is_decoded_at_the_scale_that_fits_the_part() -> None:
    """The whole would be decoded at 1/8, at which this part has 14 pixels a side."""
    photograph = tf.constant(encoded(Image.fromarray(zone_plate(448, 448)), "JPEG", quality=95))

    def corner(sides: tf.Tensor) -> tf.Tensor:
        del sides
        return tf.constant([64, 128, 112, 112])

    stored = tf.io.decode_jpeg(photograph, ratio=2, dct_method="INTEGER_ACCURATE")
    expected = resize(stored[32:88, 64:120], 56)
    np.testing.assert_allclose(
        load_part(photograph, 56, corner).numpy().astype(int), expected, atol=2
    )


@pytest.mark.parametrize("ratio_of_sides", [1, 2, 4, 8])
def test_part_may_touch_every_edge(ratio_of_sides: int) -> None:
    """Odd sides: the reduced photograph is rounded up, and a window beyond it is refused."""
    side = 16 * ratio_of_sides + 1
    photograph = tf.constant(encoded(Image.fromarray(scene(side, side + 2)), "JPEG"))

    def lower_right(sides: tf.Tensor) -> tf.Tensor:
        return tf.concat([[1, 1], sides - 1], axis=0)

    assert load_part(photograph, 16, lower_right).shape == (16, 16, 3)
    assert load_part(photograph, 16, lambda sides: tf.concat([[0, 0], sides], 0)).shape[0] == 16


@pytest.mark.parametrize(
    ("sides", "size", "expected"),
    [
        # 7 steps of 32 times the root of .75, 6.06, and of 1.333, 8.08.
        ((480, 640), 224, (192, 256)),
        ((640, 480), 224, (256, 192)),
        # 10 steps times the root of 1.5, 12.2, and of .667, 8.2.
        ((300, 200), 320, (384, 256)),
        # Above 4 to 1 as at 4 to 1: 10 times 2, and 10 times a half.
        ((100, 1000), 320, (160, 640)),
        ((7, 7), 224, (224, 224)),
        ((40, 10), 32, (64, 32)),
    ],
)
def test_sides_that_keep_the_aspect_ratio_have_the_area_of_the_square(
    sides: tuple[int, int], size: int, expected: tuple[int, int]
) -> None:
    assert tuple(fitting_sides(tf.constant(sides), size, keep_aspect=True)) == expected
    assert tuple(fitting_sides(tf.constant(sides), size, keep_aspect=False)) == (size, size)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_what_keeps_its_aspect_ratio_is_loaded_as_it_is_resized(
    kind: str, orientation: int
) -> None:
    """A network sees it upright; Pillow writes no orientation that counts into a PNG."""
    rows, columns = np.indices((61, 90))
    picture = Image.fromarray(
        np.stack([rows * 4, columns * 2, rows + columns], -1).astype(np.uint8)
    )
    exif = Image.Exif()
    exif[0x0112] = orientation
    photograph = encoded(picture, kind, exif=exif, quality=95)
    upright = decode_photograph(tf.constant(photograph))
    for image, size in zip(
        load_at_sizes(tf.constant(photograph), [96, 128], keep_aspect=True), (96, 128), strict=True
    ):
        expected = resize(upright, size, keep_aspect=True).numpy()
        assert image.shape == expected.shape
        assert (image.shape[0] > image.shape[1]) == (kind == "JPEG" and orientation == 6)
        assert np.abs(image.numpy().astype(int) - expected).max() <= 1


def test_a_reduced_jpeg_that_keeps_its_aspect_ratio_has_all_its_pixels() -> None:
    """At a quarter, 100 by 134, a side would be below the 128 and 160 that are wanted."""
    stripes = np.tile(np.arange(536, dtype=np.uint8)[None, :, None] // 2, (400, 1, 3))
    photograph = encoded(Image.fromarray(stripes), "JPEG", quality=95)
    (image,) = load_at_sizes(tf.constant(photograph), [144], keep_aspect=True)
    assert image.shape == (128, 160, 3)
    expected = resize(tf.constant(stripes), 144, keep_aspect=True).numpy()
    assert np.abs(image.numpy().astype(int) - expected).max() <= 3


@pytest.mark.parametrize("load", [load_photograph, lambda e, size: load_part(e, size, centre)])
@pytest.mark.parametrize("damage", ["text", "empty", "header only", "no JPEG but its start"])
def test_loading_refuses_what_is_no_photograph(
    load: Callable[[tf.Tensor, int], tf.Tensor], damage: str
) -> None:
    whole = encoded(Image.fromarray(scene(64, 64)), "JPEG")
    photograph = {
        "text": b"Not a photograph.",
        "empty": b"",
        "header only": whole[:300],
        "no JPEG but its start": b"\xff\xd8\xff" + bytes(99),
    }[damage]
    with pytest.raises(tf.errors.InvalidArgumentError):
        load(tf.constant(photograph), 16)


def test_damaged_jpegs_are_refused_or_loaded_but_never_crash() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (90, 130, 3), np.uint8)
    whole = encoded(Image.fromarray(noise), "JPEG")
    cut = [whole[:length] for length in range(2, len(whole), len(whole) // 40)]
    dataset = tf.data.Dataset.from_tensor_slices(cut)
    for load in (lambda e: load_photograph(e, 16), lambda e: load_part(e, 16, centre)):
        loaded = list(dataset.map(load).ignore_errors())
        assert len(loaded) < len(cut)
    assert len(list(dataset.map(lambda e: load_photograph(e, 16)).ignore_errors())) == 0


def test_loading_inside_a_parallel_data_set_and_a_saved_model_gives_the_same(
    tmp_path: Path,
) -> None:
    photographs = [turned(scene(100 + 60 * k, 150), k, "JPEG").numpy() for k in range(1, 9)]
    photographs.append(encoded(Image.fromarray(scene(50, 60)), "PNG"))
    eager = [load_photograph(tf.constant(each), 24).numpy() for each in photographs]
    dataset = tf.data.Dataset.from_tensor_slices(photographs)
    dataset = dataset.map(lambda e: load_photograph(e, 24), num_parallel_calls=4)
    np.testing.assert_array_equal(list(dataset.as_numpy_iterator()), eager)
    module = tf.Module()
    module.load = tf.function(
        lambda e: load_photograph(e, 24), input_signature=[tf.TensorSpec([], tf.string)]
    )
    tf.saved_model.save(module, str(tmp_path / "module"))
    loaded = tf.saved_model.load(str(tmp_path / "module"))
    again = [loaded.load(tf.constant(each)).numpy() for each in photographs]
    np.testing.assert_array_equal(again, eager)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_size_is_that_of_the_decoded_photograph(kind: str, orientation: int) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (22, 35, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"exif": exif} if kind in ("JPEG", "WEBP") else {}
    photograph = encoded(Image.fromarray(noise), kind, **options)
    size = upright_size(tf.constant(photograph)).numpy()
    assert size.tolist() == list(eagerly(photograph).shape[:2])


@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_size_of_a_photograph_that_was_cut_is_refused(kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (220, 350, 3), np.uint8)
    photograph = encoded(Image.fromarray(noise), "JPEG")
    size = tf.function(upright_size)  # which leaves out what nothing depends on
    with pytest.raises(tf.errors.InvalidArgumentError):
        size(tf.constant(photograph[: int(kept * len(photograph))]))
