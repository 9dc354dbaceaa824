"""A query beside each of its results, lines between the places that match."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from pipeline.answer import Result
from pipeline.ranking.verification import Verification

_MOST = 10  # results
_COLUMNS = 2
_HEIGHT = 480  # pixels of each photograph
_GAP = 12
_CELL_INCHES = 6.4, 3.1
_MOST_LINES = 150  # of one result; more cannot be told apart
_CERTAIN, _UNCERTAIN = "#19c37d", "#d0a020"


def save_explanation(query: np.ndarray, results: Sequence[Result], path: Path) -> None:
    """Draws what verification found between a query and its first results, as a PNG.

    Args:
        query: uint8 ``(height, width, 3)`` RGB, what was asked for.
        results: Best first; at most ten are drawn.
        path: Where the picture goes.
    """
    drawn = results[:_MOST]
    rows = max(1, -(-len(drawn) // _COLUMNS))
    sides = _COLUMNS * _CELL_INCHES[0], rows * _CELL_INCHES[1]
    figure = Figure(figsize=sides, layout="constrained")
    cells = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for cell in cells:
        cell.axis("off")
    for cell, result in zip(cells, drawn, strict=False):
        _draw(cell, query, result)
    with warnings.catch_warnings():  # one a letter that the font lacks; a box is drawn for it
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path, format="png", dpi=100)


def _draw(cell: Axes, query: np.ndarray, result: Result) -> None:
    left, of_query = _to_height(query)
    right, of_result = _to_height(result.photograph.read_image())
    gap = np.full((_HEIGHT, _GAP, 3), 255, np.uint8)
    cell.imshow(np.concatenate([left, gap, right], axis=1))
    name = result.photograph.landmark or result.photograph.title
    told = said(result.verification)
    cell.set_title(f"{result.rank}. {name}\n{told}", fontsize=9, parse_math=False)
    if result.verification is None or not len(result.verification.points):
        return
    points = drawn_points(result.verification)
    starts = (points[:, 0] + 0.5) * of_query
    ends = (points[:, 1] + 0.5) * of_result + (left.shape[1] + _GAP, 0)
    colour = _CERTAIN if result.verification.is_certain else _UNCERTAIN
    lines = np.stack([starts, ends], axis=1)
    cell.add_collection(LineCollection(list(lines), colors=colour, linewidths=0.6, alpha=0.8))
    for places in (starts, ends):
        cell.plot(places[:, 0], places[:, 1], "o", color=colour, markersize=2.5, markeredgewidth=0)


def _to_height(image: np.ndarray) -> tuple[np.ndarray, float]:
    """An image of the height that is drawn, and what its places are multiplied by."""
    factor = _HEIGHT / image.shape[0]
    width = max(1, round(image.shape[1] * factor))
    return cv2.resize(image, (width, _HEIGHT), interpolation=cv2.INTER_AREA), factor


def drawn_points(verification: Verification) -> np.ndarray:
    """As many of the points that match, evenly chosen, as can be told apart, ``(n, 2, 2)``."""
    points = verification.points
    return points[:: max(1, -(-len(points) // _MOST_LINES))]


def said(verification: Verification | None) -> str:
    """How many places match and whether that is certain, in words."""
    if verification is None:
        return "not compared"
    if verification.is_certain:
        return f"{verification.inliers} places match"
    return f"no certain match ({verification.inliers} places)"
