import io

import pytest
from PIL import Image

from pipeline.exporting.odd_photographs import odd_photographs


@pytest.mark.parametrize(
    ("words", "kind", "mode", "orientation"),
    [
        ("PNG with alpha", "PNG", "RGBA", None),
        ("PNG one pixel wide", "PNG", "RGB", None),
        ("grey JPEG", "JPEG", "L", 1),
        ("JPEG of orientation 3", "JPEG", "RGB", 3),
        ("JPEG of orientation 6", "JPEG", "RGB", 6),
        ("JPEG of orientation 8", "JPEG", "RGB", 8),
        ("large JPEG", "JPEG", "RGB", 1),
    ],
)
def test_each_file_is_odd_in_the_way_that_it_is_named(
    words: str, kind: str, mode: str, orientation: int | None
) -> None:
    (photograph,) = [one for one in odd_photographs(100) if one.name == f"a {words}"]
    with Image.open(io.BytesIO(photograph.encoded)) as image:
        assert (image.format, image.mode) == (kind, mode)
        assert image.getexif().get(0x0112) == orientation


def test_a_png_of_16_bits_has_them() -> None:
    (photograph,) = [one for one in odd_photographs(100) if "16 bits" in one.name]
    # The bit depth in the header, after signature 8, length 4, name 4, width 4, height 4 bytes.
    assert photograph.encoded[24] == 16


def test_what_a_photograph_shows_is_upright_and_the_large_one_is_for_reducing() -> None:
    """Orientation 3 turns by 180 degrees, 6 and 8 lay a photograph of 40 x 59 on its side."""
    shapes = {one.name: one.pixels.shape for one in odd_photographs(100) if one.pixels is not None}
    assert shapes["a JPEG of orientation 3"] == (40, 59, 3)
    assert shapes["a JPEG of orientation 6"] == (59, 40, 3)
    assert shapes["a JPEG of orientation 8"] == (59, 40, 3)
    assert shapes["a PNG one pixel wide"] == (57, 1, 3)
    (large,) = [one for one in odd_photographs(100) if one.pixels is None]
    assert Image.open(io.BytesIO(large.encoded)).size == (134, 100)


def test_they_are_the_same_every_time() -> None:
    first, second = ([one.encoded for one in odd_photographs(100)] for _ in range(2))
    assert first == second
