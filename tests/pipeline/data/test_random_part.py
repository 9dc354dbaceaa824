import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.random_part import random_part


def parts(
    sides: tuple[int, int], count: int, *, area: tuple[float, float], stretch: float
) -> np.ndarray:
    dataset = tf.data.Dataset.range(count).map(
        lambda number: random_part(tf.constant(sides), [7, number], area=area, stretch=stretch)
    )
    return np.stack(list(dataset.as_numpy_iterator()))


@pytest.mark.parametrize("area", [(0.08, 0.5), (0.3, 0.35), (0.9, 1.0)])
@pytest.mark.parametrize("sides", [(300, 400), (500, 200)])
def test_part_lies_within_and_has_the_area_and_the_shape_asked_for(
    sides: tuple[int, int], area: tuple[float, float]
) -> None:
    top, left, height, width = parts(sides, 200, area=area, stretch=4 / 3).T
    assert np.all((top >= 0) & (left >= 0) & (height > 0) & (width > 0))
    assert np.all((top + height <= sides[0]) & (left + width <= sides[1]))
    whole = (height == sides[0]) & (width == sides[1])  # nothing fitted
    share = height * width / (sides[0] * sides[1])
    assert np.all((share > area[0] - 0.02) & (share < area[1] + 0.02) | whole)
    assert np.all((width / height > 0.74) & (width / height < 1.35) | whole)
    assert np.mean(whole) < 0.05 or area[0] == 0.9


def test_parts_differ_in_place_and_size() -> None:
    drawn = parts((300, 400), 100, area=(0.2, 0.8), stretch=4 / 3)
    assert len({tuple(part) for part in drawn}) > 95
    assert np.all(drawn.std(axis=0) > 20)


def test_same_seed_gives_the_same_part_eagerly() -> None:
    drawn = parts((300, 400), 5, area=(0.2, 0.8), stretch=4 / 3)
    eager = [
        random_part(tf.constant([300, 400]), [7, n], area=(0.2, 0.8), stretch=4 / 3)
        for n in range(5)
    ]
    np.testing.assert_array_equal(drawn, eager)


def test_photograph_of_one_pixel_is_taken_whole() -> None:
    np.testing.assert_array_equal(parts((1, 1), 1, area=(0.5, 1.0), stretch=1.0), [[0, 0, 1, 1]])
