"""Charts as the elements that they are made of; a chart is 400 by 280, its corner at 52, 12."""

from xml.etree import ElementTree

import pytest

from pipeline.reports.axes import Axis
from pipeline.reports.charts import (
    MOST_SERIES,
    Series,
    histogram,
    legend,
    line_chart,
    map_chart,
    point_chart,
)

SHARES = Axis.of_shares("share")


def drawn(chart: str, kind: str, look: str) -> list[ElementTree.Element]:
    """Elements of a kind whose class has a word."""
    root = ElementTree.fromstring(chart)
    return [one for one in root.iter(kind) if look in one.get("class", "").split()]


def test_a_line_goes_through_its_points() -> None:
    chart = line_chart("t", SHARES, SHARES, [Series(name="a", points=[(0, 0), (0.5, 1), (1, 0.5)])])
    # Across 52 to 388, downwards 12 to 234.
    (line,) = drawn(chart, "path", "line")
    assert line.get("d") == "M52.0 234.0 L220.0 12.0 L388.0 123.0"
    assert len(drawn(chart, "polygon", "mark")) == 3


def test_the_diagonal_is_where_both_are_equal() -> None:
    half = Axis(label="", low=0.5, high=1.0)
    (line,) = drawn(line_chart("t", SHARES, half, [], diagonal=True), "path", "diagonal")
    assert line.get("d") == "M220.0 234.0 L388.0 12.0"


def test_every_point_tells_its_numbers_or_its_note() -> None:
    points = [(0.25, 0.75)]
    for notes, expected in (((), "a: 0.25, 0.75"), (("<note>",), "a: <note>")):
        chart = point_chart("t", SHARES, SHARES, [Series(name="a", points=points, notes=notes)])
        (mark,) = drawn(chart, "polygon", "mark")
        assert mark.findtext("title") == expected


def test_labels_stand_inside_the_chart_even_at_its_top() -> None:
    series = Series(name="a", points=[(0.5, 1.0), (0.5, 0.5)], labels=["top", "middle"])
    texts = ElementTree.fromstring(line_chart("t", SHARES, SHARES, [series])).iter("text")
    at = {one.text: float(one.get("y", "")) for one in texts}
    assert at["top"] > 20, "below the point, as above it letters would be cut"
    assert at["middle"] < 123, "above the point"


def test_a_histogram_is_as_high_as_its_shares() -> None:
    axis = Axis(label="", low=0.0, high=2.0)
    series = Series(name="a", points=[(0.5, 0.4), (1.5, 0.6)])
    (line,) = drawn(histogram("t", axis, [0, 1, 2], [series]), "path", "line")
    high, low = 234 - 222 / 1.05, 234 - 222 * 0.4 / 0.63
    assert line.get("d") == (
        f"M52.0 234.0 L52.0 {low:.1f} L220.0 {low:.1f} L220.0 {high:.1f} L388.0 {high:.1f} "
        "L388.0 234.0"
    )


def test_a_map_keeps_shapes() -> None:
    """A square stays one, though the chart is wider than high."""
    corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    chart = map_chart("t", [], Series(name="others", points=corners))
    dots = drawn(chart, "circle", "other")
    x, y = ([float(dot.get(side, "")) for dot in dots] for side in ("cx", "cy"))
    assert x[1] - x[0] == pytest.approx(y[0] - y[2], abs=0.11)
    assert all(0 < at < 400 for at in x)
    assert all(0 < at < 280 for at in y)


def test_series_differ_in_shape_and_dashes_as_well_as_in_colour() -> None:
    names = [f"name {number}" for number in range(MOST_SERIES)]
    root = ElementTree.fromstring(legend(names, lines=True))
    entries = list(root.iter("li"))
    assert ["".join(one.itertext()).strip() for one in entries] == names
    for kind, attribute in (("polygon", "points"), ("line", "stroke-dasharray")):
        marks = [one.find(f".//{kind}") for one in entries]
        assert len({mark.get(attribute) for mark in marks if mark is not None}) == MOST_SERIES


def test_a_chart_is_read_out_by_its_title() -> None:
    root = ElementTree.fromstring(line_chart("<t>", SHARES, SHARES, []))
    assert (root.get("role"), root.get("aria-label"), root.findtext("title")) == (
        "img", "<t>", "<t>",
    )  # fmt: skip
