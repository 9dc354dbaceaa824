"""Places and round values of axes, by hand."""

import pytest

from pipeline.reports.axes import Axis, written


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.15, 3.15, [0.0, 1.0, 2.0, 3.0]),
        (0.695, 0.915, [0.7, 0.75, 0.8, 0.85, 0.9]),
        (0.0, 1234.0, [0.0, 500.0, 1000.0]),
    ],
)
def test_round_values_of_an_even_axis(low: float, high: float, expected: list[float]) -> None:
    assert Axis(label="", low=low, high=high).named() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.1, 5.5, [0.1, 0.2, 0.5, 1.0, 2.0, 5.0]),
        (0.9, 40.0, [1.0, 2.0, 5.0, 10.0, 20.0]),
        (0.9, 1100.0, [1.0, 10.0, 100.0, 1000.0]),
        (2.1, 4.6, [2.5, 3.0, 3.5, 4.0, 4.5]),  # no two of 1, 2, 5, 10: in even steps
    ],
)
def test_round_values_of_an_axis_of_factors(low: float, high: float, expected: list[float]) -> None:
    axis = Axis(label="", low=low, high=high, is_logarithmic=True)
    assert axis.named() == pytest.approx(expected)


def test_equal_factors_are_equal_lengths() -> None:
    axis = Axis(label="", low=1.0, high=100.0, is_logarithmic=True)
    assert [axis.place(value) for value in (1, 10, 100)] == pytest.approx([0, 0.5, 1])
    even = Axis(label="", low=-1.0, high=3.0)
    assert [even.place(value) for value in (-1, 0, 3)] == pytest.approx([0, 0.25, 1])


def test_an_axis_has_room_around_its_values() -> None:
    axis = Axis.around("", [2.0, 4.0])
    assert (axis.low, axis.high) == pytest.approx((1.9, 4.1))
    assert Axis.around("", [0.9, 1.0], most=1.0).high == 1, "no share is above"
    factors = Axis.around("", [1.0, 1e4], is_logarithmic=True)
    assert (factors.low, factors.high) == pytest.approx((10**-0.2, 10**4.2))


@pytest.mark.parametrize("value", [0.0, -3.0, 250.0])
@pytest.mark.parametrize("is_logarithmic", [False, True])
def test_one_value_has_an_axis_too(value: float, is_logarithmic: bool) -> None:
    if is_logarithmic and value <= 0:
        value = 0.3
    axis = Axis.around("", [value], is_logarithmic=is_logarithmic)
    assert axis.low < value < axis.high
    assert len(axis.named()) >= 2


def test_values_are_written_short() -> None:
    assert [written(value) for value in (0.25, 20.0, 1234.0, 0.1 + 0.2)] == [
        "0.25", "20", "1,234", "0.3",
    ]  # fmt: skip
