import io

import numpy as np
import pytest
from PIL import Image

from demo.pictures import as_jpeg


def size_of(image: np.ndarray, width: int | None) -> tuple[int, int]:
    with Image.open(io.BytesIO(as_jpeg(image, width))) as opened:
        return opened.size


@pytest.mark.parametrize(
    ("width", "expected"),
    [(1, 160), (160, 160), (161, 320), (700, 1280), (2000, 2560), (9999, 2560), (None, 2560)],
)
def test_a_width_is_rounded_up_to_one_of_few(width: int | None, expected: int) -> None:
    assert size_of(np.zeros((1500, 3000, 3), np.uint8), width) == (expected, expected // 2)


def test_nothing_is_enlarged_and_what_is_tall_is_reduced_by_its_height() -> None:
    assert size_of(np.zeros((40, 48, 3), np.uint8), 640) == (48, 40)
    assert size_of(np.zeros((10_000, 20, 3), np.uint8), 160) == (1, 320)


def test_colours_are_kept() -> None:
    image = np.full((20, 30, 3), (200, 30, 90), np.uint8)
    with Image.open(io.BytesIO(as_jpeg(image, None))) as opened:
        np.testing.assert_allclose(np.asarray(opened), image, atol=4)
