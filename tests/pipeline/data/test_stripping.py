import io

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from pipeline.data.date_taken import date_taken
from pipeline.data.stripping import stripped
from pipeline.data.transcoding import decode_any_photograph

PIXELS = np.kron(
    np.random.default_rng(0).integers(0, 256, (6, 8, 3)), np.ones((8, 8, 1), int)
).astype(np.uint8)
SECRETS = (b"GPS", b"Secret", b"secret", b"\x89\x14")


def exif(orientation: int = 1) -> Image.Exif:
    told = Image.Exif()
    told[ExifTags.Base.Orientation] = orientation
    told[ExifTags.Base.Make] = "Secret camera"
    told.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2015:08:03 10:11:12"
    told.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (43.0, 57.0, 5.0)
    return told


def jpeg(**options: object) -> bytes:
    file = io.BytesIO()
    told = {"exif": exif(), "comment": b"secret", "xmp": b"<x>GPS secret</x>", **options}
    Image.fromarray(PIXELS).save(file, "JPEG", **told)
    return file.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_jpeg_keeps_its_picture_its_side_up_and_its_date_alone(
    orientation: int, progressive: bool
) -> None:
    encoded = jpeg(exif=exif(orientation), progressive=progressive, restart_marker_blocks=2)
    assert any(secret in encoded for secret in SECRETS)
    kept = stripped(encoded)
    assert not any(secret in kept for secret in SECRETS)
    np.testing.assert_array_equal(decode_any_photograph(kept), decode_any_photograph(encoded))
    assert date_taken(kept) == "2015-08-03"
    assert set(Image.open(io.BytesIO(kept)).getexif()) <= {
        ExifTags.Base.Orientation,
        ExifTags.IFD.Exif,
    }
    assert stripped(kept) == kept


def test_what_lies_behind_a_jpeg_is_left_out() -> None:
    """As the second picture of a telephone's, which has a header of its own."""
    alone = jpeg()
    assert stripped(alone + jpeg()) == stripped(alone + b"\0\0secret") == stripped(alone)


def test_the_colour_profile_stays() -> None:
    profile = b"a profile of colours" * 5000  # longer than one segment
    kept = stripped(jpeg(icc_profile=profile))
    assert Image.open(io.BytesIO(kept)).info["icc_profile"] == profile


def test_a_png_keeps_its_picture_alone() -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("where", "secret")
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG", pnginfo=told, exif=exif())
    kept = stripped(file.getvalue())
    np.testing.assert_array_equal(decode_any_photograph(kept), PIXELS)
    assert b"secret" not in kept
    assert not Image.open(io.BytesIO(kept)).getexif()


def test_other_formats_become_jpeg_or_png() -> None:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "WEBP", lossless=True, exif=exif())
    kept = stripped(file.getvalue())
    assert Image.open(io.BytesIO(kept)).format in ("JPEG", "PNG")
    assert date_taken(kept) == "2015-08-03"
    assert not any(secret in kept for secret in SECRETS)


@pytest.mark.parametrize("end", [30, 400, -3])
def test_what_is_cut_is_refused(end: int) -> None:
    with pytest.raises(ValueError, match="damaged JPEG"):
        stripped(jpeg()[:end])


def test_what_is_no_photograph_is_refused() -> None:
    with pytest.raises(ValueError, match="not a JPEG"):
        stripped(b"secret")
