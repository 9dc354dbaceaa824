import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from demo.refusals import Refused, TooLarge
from demo.uploads.intake import Limits, decode

LIMITS = Limits(bytes=100_000, pixels=10_000)


def encoded(form: str, width: int = 60, height: int = 40, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (10, 200, 90)).save(buffer, form, **options)
    return buffer.getvalue()


def _chunk(name: bytes, content: bytes) -> bytes:
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "WEBP"])
def test_photographs_of_these_formats_are_read(form: str) -> None:
    image = decode(encoded(form), LIMITS)
    assert image.shape == (40, 60, 3)
    np.testing.assert_allclose(image.mean(axis=(0, 1)), (10, 200, 90), atol=4)


@pytest.mark.parametrize("form", ["TIFF", "PPM", "PDF", "ICNS"])
def test_other_formats_are_refused_whatever_they_hold(form: str) -> None:
    with pytest.raises(Refused, match="Choose a JPEG, PNG, BMP, GIF or WebP"):
        decode(encoded(form, 64, 64), LIMITS)


def test_what_is_no_photograph_is_refused() -> None:
    for data in (b"<svg onload='alert(1)'/>", b"%!PS-Adobe", b"GIF89a", b"\0" * 100, b"BM"):
        with pytest.raises(Refused, match="no photograph that can be read"):
            decode(data, LIMITS)
    with pytest.raises(Refused, match="is empty"):
        decode(b"", LIMITS)


def test_a_photograph_cut_off_is_refused() -> None:
    random = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(random).save(buffer, "PNG")
    with pytest.raises(Refused, match="is damaged"):
        decode(buffer.getvalue()[:2000], LIMITS)


def test_bytes_are_counted_first() -> None:
    with pytest.raises(TooLarge, match=r"has 0\.2 MB, and at most 0\.1 MB"):
        decode(b"\xff" * 160_000, LIMITS)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "GIF", "WEBP"])
def test_pixels_are_limited(form: str) -> None:
    assert decode(encoded(form, 100, 100), LIMITS).shape == (100, 100, 3)
    with pytest.raises(TooLarge, match="is 101 x 100"):
        decode(encoded(form, 101, 100), LIMITS)


def test_a_decompression_bomb_is_refused_by_its_header_alone() -> None:
    """A PNG that tells of 30,000 x 30,000 pixels and holds none: nothing is decoded."""
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(b"\0"))
    with pytest.raises(TooLarge):
        decode(bomb, Limits())


def test_a_jpeg_of_hundreds_of_scans_is_refused() -> None:
    progressive = encoded("JPEG", progressive=True)
    assert decode(progressive, LIMITS).shape == (40, 60, 3)
    start = progressive.rindex(b"\xff\xda")
    again = progressive[:start] + progressive[start:-2] * 200 + progressive[-2:]
    with pytest.raises(Refused, match="too long to decode"):
        decode(again, LIMITS)


def test_photographs_too_narrow_or_too_long_are_refused() -> None:
    with pytest.raises(Refused, match="too small"):
        decode(encoded("PNG", 7, 100), LIMITS)
    with pytest.raises(TooLarge, match="30,000 on a side"):
        decode(encoded("PNG", 30_001, 8), Limits())


def test_a_photograph_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded("JPEG", exif=exif), LIMITS).shape == (60, 40, 3)
