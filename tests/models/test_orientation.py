"""EXIF orientation against Pillow, eagerly and inside a data set."""

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from models.orientation import apply_orientation, exif_orientation, stored_box

ORIENTATIONS = range(1, 9)
START, PICTURE = b"\xff\xd8", b"\xff\xda\x00\x04\x00\x00"
APP0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)


def eagerly(encoded: bytes) -> int:
    return int(exif_orientation(tf.constant(encoded)))


def in_data_set(encoded: bytes) -> int:
    dataset = tf.data.Dataset.from_tensors(encoded).map(exif_orientation)
    return int(next(dataset.as_numpy_iterator()))


def exif_segment(orientation: int, *, order: str, other_entries: int = 1) -> bytes:
    """APP1 with a TIFF directory in which the orientation comes last."""
    entries = [struct.pack(order + "HHII", 0x0100 + i, 4, 1, 77) for i in range(other_entries)]
    entries.append(struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0))
    mark = b"MM" if order == ">" else b"II"
    tiff = mark + struct.pack(order + "HIH", 42, 8, len(entries)) + b"".join(entries) + bytes(4)
    content = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", 2 + len(content)) + content


def photograph(orientation: int | None, *, kind: str = "JPEG") -> bytes:
    """A smooth 24 x 16 photograph whose four corners differ."""
    down, across = np.mgrid[0:16, 0:24]
    pixels = np.stack([10 * down + 40, 8 * across + 20, 255 - 10 * down], axis=-1)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, kind, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("read", [eagerly, in_data_set])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_orientation_is_read_as_pillow_writes_it(
    orientation: int, read: Callable[[bytes], int], kind: str
) -> None:
    assert read(photograph(orientation, kind=kind)) == orientation


def test_webp_may_name_its_tag_as_a_jpeg_does_and_be_cut_anywhere() -> None:
    encoded = photograph(6, kind="WEBP")
    place = encoded.index(b"EXIF")
    (length,) = struct.unpack("<I", encoded[place + 4 : place + 8])
    chunk = b"EXIF" + struct.pack("<I", length + 6) + b"Exif\0\0" + encoded[place + 8 :]
    assert eagerly(encoded[:place] + chunk) == 6
    assert {eagerly(encoded[:end]) for end in range(len(encoded))} <= {1, 6}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_photograph_is_turned_as_pillow_turns_it(orientation: int) -> None:
    stored = Image.open(io.BytesIO(photograph(orientation)))
    expected = np.asarray(ImageOps.exif_transpose(stored))
    pixels = np.asarray(stored)
    np.testing.assert_array_equal(apply_orientation(pixels, tf.constant(orientation)), expected)
    dataset = tf.data.Dataset.from_tensors((pixels, orientation)).map(apply_orientation)
    np.testing.assert_array_equal(next(dataset.as_numpy_iterator()), expected)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("order", [">", "<"], ids=["big endian", "little endian"])
@pytest.mark.parametrize(
    "before", [b"", APP0, b"\xff\xff"], ids=["first", "after APP0", "after fill bytes"]
)
def test_orientation_is_read_in_both_byte_orders(
    orientation: int, order: str, before: bytes
) -> None:
    encoded = START + before + exif_segment(orientation, order=order, other_entries=9) + PICTURE
    assert eagerly(encoded) == orientation


def test_segment_that_only_shares_the_marker_is_passed_over() -> None:
    """XMP is an APP1 segment too, and telephones write both."""
    name = b"http://ns.adobe.com/xap/1.0/\0"
    xmp = b"\xff\xe1" + struct.pack(">H", 2 + len(name)) + name
    assert eagerly(START + xmp + exif_segment(6, order="<") + PICTURE) == 6


@pytest.mark.parametrize("order", [">", "<"])
def test_header_cut_anywhere_is_taken_as_stored_or_as_it_said(order: str) -> None:
    """However a download ends, reading the tag neither fails nor invents an orientation."""
    encoded = START + APP0 + exif_segment(6, order=order)
    with_value = len(encoded) - 6  # the directory ends with 2 unused and 4 link bytes
    lengths = tf.range(len(encoded) + 1)
    dataset = tf.data.Dataset.from_tensor_slices(lengths)
    dataset = dataset.map(lambda length: exif_orientation(tf.strings.substr(encoded, 0, length)))
    found = list(dataset.as_numpy_iterator())
    assert found[: with_value - 1] == [1] * (with_value - 1)
    assert found[with_value:] == [6] * (len(encoded) + 1 - with_value)


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\xff",
        b"no photograph at all",
        START,
        photograph(None),
        photograph(None, kind="PNG"),
        photograph(None, kind="WEBP"),
        START + exif_segment(0, order="<") + PICTURE,
        START + exif_segment(9, order=">") + PICTURE,
        START + PICTURE + exif_segment(6, order="<"),
        START + b"\xff\xdb\0\x02" + exif_segment(6, order="<"),
        START + APP0 + b"\xff\xfe\0\x10see Exif\0\0MM.." + PICTURE,
        b"\x89PNG" + exif_segment(6, order="<"),
    ],
    ids=[
        *("empty", "byte", "text", "start", "no EXIF", "PNG", "WebP", "0", "9"),
        *("after the picture", "after a table", "named in a comment", "not a JPEG"),
    ],
)
def test_without_a_valid_tag_a_photograph_stays_as_stored(encoded: bytes) -> None:
    assert eagerly(encoded) == 1


def test_directory_beyond_the_header_is_no_orientation() -> None:
    """An offset of 0xFFFFFFFF must not read before the start, nor past the end."""
    tiff = b"MM" + struct.pack(">HI", 42, 0xFFFFFFFF)
    content = b"Exif\0\0" + tiff
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(content)) + content
    assert eagerly(START + segment + PICTURE) == 1


@pytest.mark.parametrize("after", [exif_segment(6, order=">"), PICTURE + b"Exif\0\0"])
def test_file_of_nothing_but_fill_bytes_is_given_up(after: bytes) -> None:
    """A walk of a million steps would take minutes."""
    assert eagerly(START + b"\xff" * 100_000 + after) == 1


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_part_of_the_upright_photograph_is_found_in_the_raster(orientation: int) -> None:
    raster = np.arange(5 * 7).reshape(5, 7, 1)
    upright = apply_orientation(raster, tf.constant(orientation)).numpy()
    box = tf.constant([1, 0, 3, 4])
    top, left, height, width = stored_box(box, upright.shape[:2], tf.constant(orientation)).numpy()
    part = raster[top : top + height, left : left + width]
    np.testing.assert_array_equal(
        apply_orientation(part, tf.constant(orientation)), upright[1:4, 0:4]
    )


def test_header_is_read_beyond_a_full_segment() -> None:
    """The 64 KiB that a segment may hold do not hide the one after it."""
    long = b"\xff\xe2" + struct.pack(">H", 0xFFFF) + bytes(0xFFFF - 2)
    assert eagerly(START + long + exif_segment(8, order=">") + PICTURE) == 8
