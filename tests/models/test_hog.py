"""HOG of photographs, and of what has no edges."""

import numpy as np
import pytest

from models import hog
from models.nothing import direction_of_nothing


def stripes(height: int, width: int, *, upright: bool) -> np.ndarray:
    wave = 255 * (np.arange(width if upright else height) // 4 % 2)
    image = np.broadcast_to(wave if upright else wave[:, None], (height, width))
    return np.repeat(image[..., None], 3, axis=2).astype(np.uint8)


def test_each_direction_of_edges_has_its_numbers() -> None:
    """Upright stripes have their gradients across: the first of nine orientations."""
    found = hog.describe(stripes(128, 64, upright=True))
    assert found is not None
    assert found.shape == (hog.DIMENSION,)
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
    assert (found.reshape(-1, 9)[:, 1:] == 0).all()
    lying = hog.describe(stripes(128, 64, upright=False))
    assert lying is not None
    assert found @ lying == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("sides", [(1, 1), (20, 20), (3000, 4000), (1, 500)])
def test_photographs_of_any_size_are_described(sides: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*sides, 3), np.uint8)
    found = hog.describe(noise)
    if sides == (1, 1):  # one colour: no edges
        assert found is None
    else:
        assert found is not None
        assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


def test_a_blank_wall_has_no_edges_and_is_like_nothing() -> None:
    assert hog.describe(np.full((50, 60, 3), 120, np.uint8)) is None
    nothing = direction_of_nothing(hog.DIMENSION)
    assert np.linalg.norm(nothing) == pytest.approx(1, abs=1e-6)
    noise = np.random.default_rng(0).integers(0, 256, (10, 120, 80, 3), np.uint8)
    assert all(abs(nothing @ described) < 0.1 for described in map(hog.describe, noise))
