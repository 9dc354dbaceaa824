"""A query and its results as one picture."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.answer import Result

_COLUMNS = 5
_CELL_INCHES = 2.4


def save_mosaic(query: np.ndarray, results: Sequence[Result], path: Path) -> None:
    """Draws the query first, then the results with rank, landmark and similarity, as a PNG.

    Args:
        query: uint8 ``(height, width, 3)`` RGB.
        results: Best first.
        path: Where the picture goes.
    """
    rows = -(-(1 + len(results)) // _COLUMNS)
    figure = Figure(
        figsize=(_COLUMNS * _CELL_INCHES, rows * _CELL_INCHES * 1.15), layout="constrained"
    )
    cells = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for cell in cells:
        cell.axis("off")
    _draw(cells[0], query, "query", "bold")
    for cell, result in zip(cells[1:], results, strict=False):
        name = result.photograph.landmark or result.photograph.title
        caption = f"{result.rank}. {name}\n{result.similarity:.3f}"
        _draw(cell, result.photograph.read_image(), caption, "normal")
    with warnings.catch_warnings():  # one a letter that the font lacks; a box is drawn for it
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path, format="png", dpi=100)


def _draw(cell: Axes, image: np.ndarray, caption: str, weight: str) -> None:
    cell.imshow(image)
    cell.set_title(caption, fontsize=9, fontweight=weight, parse_math=False)
