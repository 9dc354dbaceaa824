import io
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import ExifTags, Image

from pipeline.data.date_taken import date_in_record, date_taken, put_before, split_off
from pipeline.data.transcoding import transcode

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
MORNING = "2015:08:03 09:30:00"
# "turned PNG" is written anew, as the others but JPEG and PNG are.
KINDS = ("JPEG", "PNG", "turned PNG", "WEBP", "TIFF", "HEIF", "AVIF")


def photograph(kind: str, original: object = None, changed: object = None, **options: Any) -> bytes:
    """A photograph with DateTimeOriginal and DateTime."""
    exif = Image.Exif()
    if original is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = original
    if changed is not None:
        exif[ExifTags.Base.DateTime] = changed
    if kind == "turned PNG":
        exif[ExifTags.Base.Orientation] = 6
    buffer = io.BytesIO()
    image = Image.fromarray(PIXELS)
    image.save(buffer, kind.removeprefix("turned "), exif=exif.tobytes(), **options)
    return buffer.getvalue()


def date_of_record(encoded: bytes) -> str:
    """Of a photograph as records and the embedding of files hold it."""
    return date_taken(transcode(encoded).encoded)


@pytest.mark.parametrize("kind", KINDS)
def test_date_of_every_format_is_known(kind: str) -> None:
    assert date_of_record(photograph(kind, MORNING, "2020:01:01 00:00:00")) == "2015-08-03"
    assert date_of_record(photograph(kind, changed=MORNING)) == "2015-08-03"
    assert date_of_record(photograph(kind)) == ""


def test_date_of_a_compressed_tiff_is_known() -> None:
    encoded = photograph("TIFF", changed=MORNING, compression="tiff_lzw")
    assert date_of_record(encoded) == "2015-08-03"


def test_photograph_that_is_written_anew_keeps_of_its_metadata_the_date_alone() -> None:
    with Image.open(io.BytesIO(transcode(photograph("WEBP", MORNING, MORNING)).encoded)) as image:
        exif = image.getexif()
        assert set(exif) == {ExifTags.IFD.Exif}
        assert set(exif.get_ifd(ExifTags.IFD.Exif)) == {ExifTags.Base.DateTimeOriginal}


def test_header_behind_the_picture_of_a_png_is_read() -> None:
    encoded = photograph("PNG", MORNING)
    start = encoded.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(encoded[start : start + 4])
    moved = encoded[:start] + encoded[end:-12] + encoded[start:end] + encoded[-12:]
    assert date_taken(moved) == "2015-08-03"


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("2015:08:03", "2015-08-03"),
        ("2015-08-03T09:30:00", "2015-08-03"),
        ("2015/08/03 09:30:00", "2015-08-03"),
        ("0000:00:00 00:00:00", ""),
        ("0000:08:03 00:00:00", ""),
        ("2015:13:03 00:00:00", ""),
        ("2015:02:29 00:00:00", ""),
        ("    :  :     :  :  ", ""),
        ("", ""),
        ("15:08:03", ""),
        ("2015:08:031", ""),
        ("yesterday", ""),
    ],
)
def test_what_is_no_date_is_none(written: str, date: str) -> None:
    assert date_taken(photograph("JPEG", written)) == date


def test_camera_that_knew_no_date_is_not_helped_by_the_date_of_a_change() -> None:
    assert date_taken(photograph("JPEG", "0000:00:00 00:00:00", MORNING)) == ""


def test_no_damage_is_an_error() -> None:
    for kind in ("JPEG", "PNG"):
        whole = np.frombuffer(photograph(kind, MORNING), np.uint8)
        random = np.random.default_rng(0)
        for _ in range(200):
            damaged = whole.copy()
            damaged[random.integers(2, min(len(whole), 200), 6)] = random.integers(0, 256, 6)
            assert isinstance(date_taken(damaged.tobytes()), str)
            assert isinstance(date_taken(damaged.tobytes()[: random.integers(len(whole))]), str)
    assert date_taken(b"") == date_taken(b"no photograph") == ""


def test_date_travels_before_what_is_stored_through_a_data_set() -> None:
    stored = [put_before("2015-08-03", b"\xff\xd8 bytes "), put_before("", b" ")]
    dates, rest = next(iter(tf.data.Dataset.from_tensor_slices(stored).map(split_off).batch(2)))
    assert dates.numpy().tolist() == [b"2015-08-03", b""]
    assert rest.numpy().tolist() == [b"\xff\xd8 bytes ", b" "]
    with pytest.raises(tf.errors.InvalidArgumentError):  # so that what cannot be had is left out
        split_off(tf.constant(b""))


def test_record_without_a_photograph_has_no_date() -> None:
    assert date_in_record(b"no record") == ""
    assert date_in_record(tf.train.Example().SerializeToString()) == ""
