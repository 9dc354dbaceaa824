"""Which places of the query and of a result match, as geometric verification found them."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from demo.explaining.shown import Shown
from demo.texts import Explained
from pipeline import explanation
from pipeline.answer import Result
from pipeline.query_photograph import Box
from pipeline.reports.elements import Html, element

_SIDE = 400.0  # units of a photograph's height, or of its width where they stand one above another
_GAP = 10.0
_RADIUS = 3.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class MatchedPoints:
    """Places that match.

    Attributes:
        points: float ``(n, 2, 2)``: of each pair x and y in the whole query, then in the result,
            pixels.
        is_certain: Whether chance does not do that.
        said: How many they are and whether that is certain, in words.
    """

    points: np.ndarray
    is_certain: bool
    said: str


def matched_points(result: Result, box: Box | None) -> MatchedPoints:
    """What verification found between a query and a result; no points where none were compared.

    Args:
        result: Of ``Engine.ask``.
        box: The part of the query that was asked for, out of which features were looked for.
    """
    said = explanation.said(result.verification)
    if result.verification is None:
        return MatchedPoints(points=np.zeros((0, 2, 2)), is_certain=False, said=said)
    points = explanation.drawn_points(result.verification).astype(float) + 0.5  # pixels' middles
    if box is not None:
        points[:, 0] += max(box[0], 0), max(box[1], 0)
    return MatchedPoints(points=points, is_certain=result.verification.is_certain, said=said)


def draw(matched: MatchedPoints, query: Shown, result: Shown) -> Html:
    """The photographs beside one another, lines between the places that match; without any, words.

    Twice, of which the style sheet hides one: beside one another, and, for a telephone, one above
    the other.
    """
    if not len(matched.points):
        return element("p", Explained.NO_MATCHES, class_="note")
    return element(
        "figure",
        _drawing(matched, query, result, is_beside=True),
        _drawing(matched, query, result, is_beside=False),
        element("figcaption", matched.said),
        class_=f"explained matched {'certain' if matched.is_certain else 'uncertain'}",
    )


def _drawing(matched: MatchedPoints, query: Shown, result: Shown, *, is_beside: bool) -> Html:
    scales = [_SIDE / (one.height if is_beside else one.width) for one in (query, result)]
    sides = [
        (one.width * scale, one.height * scale)
        for one, scale in zip((query, result), scales, strict=True)
    ]
    away = (sides[0][0] + _GAP, 0.0) if is_beside else (0.0, sides[0][1] + _GAP)
    corners = ((0.0, 0.0), away)
    whole = sides[1][0] + away[0], sides[1][1] + away[1]
    pictures = [
        element("image", href=one.url, **_numbers(x=x, y=y, width=side[0], height=side[1]))
        for one, side, (x, y) in zip((query, result), sides, corners, strict=True)
    ]
    title = f"{query.name} and {result.name}: {matched.said}"
    places = matched.points * np.array(scales)[:, None] + np.array(corners)
    return element(
        "svg",
        element("title", title),
        *pictures,
        *_marks(places),
        viewBox=f"0 0 {whole[0]:.1f} {whole[1]:.1f}",
        role="img",
        aria_label=title,
        class_="beside" if is_beside else "above",
    )


def _marks(places: np.ndarray) -> Iterator[Html]:
    """Lines first, so that no place lies below one."""
    for (x1, y1), (x2, y2) in places.tolist():
        yield element("line", **_numbers(x1=x1, y1=y1, x2=x2, y2=y2))
    for x, y in places.reshape(-1, 2).tolist():
        yield element("circle", **_numbers(cx=x, cy=y, r=_RADIUS))


def _numbers(**values: float) -> dict[str, str]:
    return {name: f"{value:.1f}" for name, value in values.items()}
