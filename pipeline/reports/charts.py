"""Charts as SVG that stands in a page: drawn with its colours, read out by its title.

Every chart is 400 by 280 units, so that its letters can be read on a telephone, where a unit is a
little less than a pixel. Lines differ in dashes and points in shape as well as in colour. The page
has the rules of ``STYLE``, and gives their colours: ``--paper``, ``--faint``, ``--rule``, and from
``--colour-0`` on as many as ``MOST_SERIES``.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.reports.axes import Axis, written
from pipeline.reports.elements import Html, breakable, element, joined
from pipeline.reports.labels import Labelled, Room, spread

STYLE = Path(__file__).with_name("charts.css")
_WIDTH, _HEIGHT = 400, 280
_AMONG_MANY = 0.6  # of its size, a mark among hundreds
_LETTERS = 18  # that a line of them takes
_DESCENT = 2  # of letters below their line
_SHAPES = 8  # lines and points that can be told apart
_DASHES = ("none", "8 4", "2 3", "10 3 2 3", "5 2", "1 4", "12 5", "6 2 1 2")
MOST_SERIES = _SHAPES


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Margins:
    """What is left free around what is drawn."""

    left: int = 52
    right: int = 12
    top: int = 12
    bottom: int = 46

    @property
    def width(self) -> int:
        return _WIDTH - self.left - self.right

    @property
    def height(self) -> int:
        return _HEIGHT - self.top - self.bottom


_WIDE = _Margins()
_NARROW = _Margins(left=4, right=4, top=4, bottom=4)  # where nothing is written at the axes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Series:
    """What belongs together in a chart.

    Attributes:
        name: In the legend.
        points: x and y of each.
        notes: What is said of each point under the pointer; none for its numbers.
        labels: What is written above each point; none for nothing.
        size: Of its marks, times the usual.
    """

    name: str
    points: Sequence[tuple[float, float]]
    notes: Sequence[str] = ()
    labels: Sequence[str] = ()
    size: float = 1.0


def line_chart(
    title: str, x: Axis, y: Axis, series: Sequence[Series], *, diagonal: bool = False
) -> Html:
    """Lines through points.

    Args:
        title: What it shows, for those who hear it.
        x: The axis across.
        y: The axis upwards.
        series: At most ``MOST_SERIES``.
        diagonal: Whether to draw where both are equal.
    """
    frame = _Frame(x, y)
    parts = [*frame.grid()]
    if diagonal:
        low, high = max(x.low, y.low), min(x.high, y.high)
        parts.append(frame.path([(low, low), (high, high)], class_="diagonal"))
    for number, one in enumerate(series):
        parts.append(
            frame.path(one.points, class_=f"line colour-{number}", stroke_dasharray=_DASHES[number])
        )
        parts += [*frame.marks(one, number), *frame.labels(one)]
    return _chart(title, parts)


def point_chart(title: str, x: Axis, y: Axis, series: Sequence[Series]) -> Html:
    """Points, those of a series alike; at most ``MOST_SERIES``."""
    frame = _Frame(x, y)
    parts = [*frame.grid()]
    for number, one in enumerate(series):
        parts += [*frame.marks(one, number), *frame.labels(one)]
    return _chart(title, parts)


def map_chart(title: str, series: Sequence[Series], others: Series) -> Html:
    """Points of a plane whose axes mean nothing; the others are small and grey below them.

    The first series lies above the others. A label that finds no place beside its point, where it
    covers neither another label nor what has one, is left out.
    """
    x, y = _even_axes([*others.points, *(point for one in series for point in one.points)])
    frame = _Frame(x, y, _NARROW)
    parts = [element("rect", **frame.box(), class_="frame")]
    parts += frame.dots(others)
    for number, one in reversed(list(enumerate(series))):
        parts += frame.marks(one, number, _AMONG_MANY)
    parts += frame.spread_labels(series, _AMONG_MANY)
    return _chart(title, parts)


def histogram(title: str, x: Axis, edges: Sequence[float], series: Sequence[Series]) -> Html:
    """Shares of several series by bin, as outlines over one another.

    Args:
        title: What it shows, for those who hear it.
        x: The axis across.
        edges: Of the bins.
        series: Their points are the middle of each bin and the share there.
    """
    highest = max(share for one in series for _, share in one.points)
    frame = _Frame(x, Axis(label="share of pairs", low=0.0, high=highest * 1.05 or 1.0))
    parts = [*frame.grid()]
    for number, one in enumerate(series):
        outline = [(edges[0], 0.0)]
        for left, right, (_, share) in zip(edges[:-1], edges[1:], one.points, strict=True):
            outline += [(left, share), (right, share)]
        outline.append((edges[-1], 0.0))
        parts.append(frame.path(outline, class_=f"area colour-{number}"))
        parts.append(
            frame.path(outline, class_=f"line colour-{number}", stroke_dasharray=_DASHES[number])
        )
    return _chart(title, parts)


def legend(names: Sequence[str], *, lines: bool = False, points: bool = True) -> Html:
    """What each colour, dash and shape stands for.

    Args:
        names: Of the series, in their order.
        lines: Whether they have lines.
        points: Whether they have points.
    """
    entries = []
    for number, name in enumerate(names):
        parts = []
        if lines:
            parts.append(
                element(
                    "line",
                    **{"x1": "0", "y1": "7", "x2": "28", "y2": "7"},
                    class_=f"line colour-{number}",
                    stroke_dasharray=_DASHES[number],
                )
            )
        if points:
            parts.append(_mark(number, 14, 7))
        swatch = element("svg", *parts, viewBox="0 0 28 14", class_="swatch", aria_hidden="true")
        entries.append(element("li", swatch, " ", element("span", breakable(name))))
    return element("ul", *entries, class_="legend")


def _even_axes(points: Sequence[tuple[float, float]]) -> tuple[Axis, Axis]:
    """Axes on which a length is as long across as upwards."""
    sides = [Axis.around("", values) for values in zip(*points, strict=True)]
    room = _NARROW.width, _NARROW.height
    unit = max((axis.high - axis.low) / pixels for axis, pixels in zip(sides, room, strict=True))
    even = []
    for axis, pixels in zip(sides, room, strict=True):
        middle, half = (axis.low + axis.high) / 2, unit * pixels / 2
        even.append(Axis(label="", low=middle - half, high=middle + half))
    return even[0], even[1]


def _chart(title: str, parts: Sequence[str]) -> Html:
    return element(
        "svg",
        element("title", title),
        joined(parts),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
        aria_label=title,
        class_="chart",
    )


class _Frame:
    """Where values lie in a chart."""

    def __init__(self, x: Axis, y: Axis, margins: _Margins = _WIDE) -> None:
        self._x = x
        self._y = y
        self._margins = margins

    def box(self) -> dict[str, str]:
        free = self._margins
        sides = {"x": free.left, "y": free.top, "width": free.width, "height": free.height}
        return {name: str(side) for name, side in sides.items()}

    def place(self, point: tuple[float, float]) -> tuple[float, float]:
        """Where a point of the data lies, across and down from the corner, pixels."""
        free = self._margins
        across = free.left + self._x.place(point[0]) * free.width
        return across, free.top + (1 - self._y.place(point[1])) * free.height

    def grid(self) -> Iterator[Html]:
        """Lines at round values, these beside them, the frame, and what the axes are."""
        left, top = self.place((self._x.low, self._y.high))
        right, bottom = self.place((self._x.high, self._y.low))
        for value in self._x.named():
            across, _ = self.place((value, self._y.low))
            yield _line(across, top, across, bottom)
            yield _text(written(value), across, bottom + 16, "middle")
        for value in self._y.named():
            _, down = self.place((self._x.low, value))
            yield _line(left, down, right, down)
            yield _text(written(value), left - 6, down + 4, "end")
        yield element("rect", **self.box(), class_="frame")
        yield _text(self._x.label, (left + right) / 2, _HEIGHT - 8, "middle")
        middle = (top + bottom) / 2
        turned = f"rotate(-90 13 {middle:.0f})"
        yield _text(self._y.label, 13, middle, "middle", transform=turned)

    def path(self, points: Sequence[tuple[float, float]], **attributes: str) -> Html:
        places = " L".join(f"{x:.1f} {y:.1f}" for x, y in map(self.place, points))
        return element("path", d=f"M{places}" if points else "", **attributes)

    def marks(self, series: Series, number: int, size: float = 1.0) -> Iterator[Html]:
        notes = series.notes or [f"{written(x)}, {written(y)}" for x, y in series.points]
        for point, note in zip(series.points, notes, strict=True):
            told = f"{series.name}: {note}"
            yield _mark(number, *self.place(point), told, size * series.size)

    def labels(self, series: Series) -> Iterator[Html]:
        for point, label in zip(series.points, series.labels, strict=False):
            x, y = self.place(point)
            below = y < _LETTERS  # above it they would be cut
            yield _text(label, x - 6, y + _LETTERS if below else y - 6, "end")

    def spread_labels(self, series: Sequence[Series], size: float) -> Iterator[Html]:
        """Labels that cover neither one another, nor what has one, nor the first series."""
        free = self._margins
        within = Room(
            left=free.left,
            top=free.top,
            right=free.left + free.width,
            bottom=free.top + free.height,
        )
        labelled = [
            Labelled(x=x, y=y, text=label, size=size * one.size)
            for one in series
            for point, label in zip(one.points, one.labels, strict=False)
            for x, y in [self.place(point)]
            if label
        ]
        first = [
            Labelled(x=x, y=y, text="", size=size * one.size).mark
            for one in series[:1]
            for x, y in map(self.place, one.points)
        ]
        for text, room in spread(labelled, within, first):
            yield _text(text, room.left, room.bottom - _DESCENT, "start")

    def dots(self, series: Series) -> Iterator[Html]:
        for point in series.points:
            x, y = self.place(point)
            yield element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="1.6", class_="other")


def _line(x1: float, y1: float, x2: float, y2: float) -> Html:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return element("line", **{name: f"{at:.1f}" for name, at in ends.items()}, class_="grid")


def _text(content: str, x: float, y: float, anchor: str, **attributes: str) -> Html:
    places = {"x": f"{x:.1f}", "y": f"{y:.1f}"}
    return element("text", content, **places, text_anchor=anchor, **attributes)


def _mark(number: int, x: float, y: float, note: str = "", size: float = 1.0) -> Html:
    said = [element("title", note)] if note else []
    corners = [(x + size * right, y + size * down) for right, down in _OUTLINES[number]]
    places = " ".join(f"{right:.1f},{down:.1f}" for right, down in corners)
    return element("polygon", *said, points=places, class_=f"mark colour-{number}")


def _regular(
    corners: int, radius: float, turn: float, inner: float = 1.0
) -> list[tuple[float, float]]:
    """Corners of a polygon around 0, every other one at ``inner`` of the radius."""
    angles = [turn + 2 * math.pi * corner / corners for corner in range(corners)]
    radii = [radius * (inner if corner % 2 else 1.0) for corner in range(corners)]
    return [
        (radius * math.sin(angle), -radius * math.cos(angle))
        for radius, angle in zip(radii, angles, strict=True)
    ]


_OUTLINES = (
    _regular(12, 4.0, 0.0),  # a disc
    _regular(4, 5.0, math.pi / 4),  # a square
    _regular(3, 5.5, 0.0),  # a triangle that points up
    _regular(4, 5.5, 0.0),  # a diamond
    _regular(3, 5.5, math.pi),  # a triangle that points down
    _regular(8, 6.0, 0.0, 0.35),  # a star of four rays
    _regular(5, 5.0, 0.0),  # a pentagon
    _regular(10, 6.0, 0.0, 0.45),  # a star of five
)
