"""Tiles of wall and roof materials, (height, width, 4) uint8, that repeat without a seam."""

import cv2
import numpy as np

from pipeline.data.synthetic_city.solids import Colour, Texture, make_texture

TILE = 6.0
"""Metres; the side of a tile."""


def masonry(
    rng: np.random.Generator,
    colour: Colour,
    scale: float,
    *,
    course: float,
    length: float,
    joint: float = 0.04,
    variation: float = 0.08,
    stripes: Colour | None = None,
) -> np.ndarray:
    """Courses of brick, stone, shingle or tile, every other one shifted by half a length.

    Args:
        rng: Decides the shade of every stone.
        colour: The stones' mean colour.
        scale: Pixels per metre.
        course: A course's height in metres.
        length: A stone's length in metres.
        joint: The joints' width in metres.
        variation: The standard deviation of the stones' brightness, as a share.
        stripes: The colour of every other pair of courses, where it differs.
    """
    side = max(round(TILE * scale), 8)
    rows, columns = 4 * max(round(TILE / course / 4), 1), max(round(TILE / length), 1)
    down, across = np.mgrid[0:side, 0:side] / side
    row = (down * rows).astype(int)
    along = across * columns + 0.5 * (row % 2)
    shades = rng.normal(1.0, variation, (rows, columns))
    shade = shades[row, along.astype(int) % columns]
    from_joint = np.minimum(along % 1.0 * TILE / columns, down * rows % 1.0 * TILE / rows)
    # Joints thinner than a pixel are drawn as wide as one but fainter.
    width = max(joint, 1.0 / scale)
    shade = np.where(from_joint < width, 1.0 - 0.24 * joint / width, shade)
    base = np.broadcast_to(np.asarray(colour, float), (side, side, 3))
    if stripes is not None:
        base = np.where((row // 2 % 2 == 0)[..., None], base, np.asarray(stripes, float))
    return _tile(base * shade[..., None] * _grain(rng, side, 0.02))


def plaster(rng: np.random.Generator, colour: Colour, scale: float) -> np.ndarray:
    """Painted render: an almost even colour."""
    side = max(round(TILE * scale), 8)
    return _tile(np.asarray(colour, float) * _grain(rng, side, 0.025))


def _grain(rng: np.random.Generator, side: int, strength: float) -> np.ndarray:
    fine = rng.normal(1.0, strength, (side, side))
    coarse = cv2.resize(rng.normal(0.0, strength, (8, 8)), (side, side))
    return (fine + coarse)[..., None]


def _tile(colours: np.ndarray) -> np.ndarray:
    tile = np.zeros((*colours.shape[:2], 4), np.uint8)
    tile[..., :3] = np.clip(colours, 0, 255)
    return tile


def roof_texture(rng: np.random.Generator, colour: Colour, scale: float, kind: str) -> Texture:
    """An endless roof of "tiles", "slate", or "metal" with standing seams."""
    sizes = {"tiles": (0.38, 0.3), "slate": (0.3, 0.5), "metal": (TILE, 0.75)}
    course, length = sizes[kind]
    tile = masonry(rng, colour, scale, course=course, length=length, joint=0.07, variation=0.07)
    return make_texture(tile, scale, tiled=True)
