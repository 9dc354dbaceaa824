"""Convex solids: the blocks, roofs, drums and posts that buildings are put together from."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

Colour = tuple[int, int, int]
"""RGB, 0 to 255."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Texture:
    """A picture on a plane, with its ever smaller copies.

    `levels` are (height, width, 4) uint8, each half as large as the one before; the channels are
    red, green, blue and the light a window gives at night. `cutouts` (height, width) are 0 where
    the picture has holes. A `tiled` texture repeats for ever, others end at their edge.
    """

    levels: tuple[np.ndarray, ...]
    pixels_per_metre: float
    cutouts: tuple[np.ndarray, ...] = ()
    tiled: bool = False
    mean: Colour = (0, 0, 0)


Skin = Texture | Colour
"""What covers a face."""


def make_texture(
    picture: np.ndarray,
    pixels_per_metre: float,
    *,
    cutout: np.ndarray | None = None,
    tiled: bool = False,
) -> Texture:
    """Adds the smaller copies to a picture (height, width, 4) and its cutout (height, width).

    A tiled picture is mirrored first, so that it repeats without a seam.
    """
    if tiled:
        picture = np.concatenate([picture, picture[:, ::-1]], axis=1)
        picture = np.concatenate([picture[::-1], picture], axis=0)
    red, green, blue, _ = (int(channel) for channel in cv2.mean(picture, cutout))
    return Texture(
        levels=_halvings(picture),
        pixels_per_metre=pixels_per_metre,
        cutouts=() if cutout is None else _halvings(cutout),
        tiled=tiled,
        mean=(red, green, blue),
    )


def _halvings(picture: np.ndarray) -> tuple[np.ndarray, ...]:
    levels = [picture]
    while min(levels[-1].shape[:2]) >= 12:
        height, width = levels[-1].shape[:2]
        half = (width // 2, height // 2)
        levels.append(cv2.resize(levels[-1], half, interpolation=cv2.INTER_AREA))
    return tuple(levels)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Face:
    """A flat side of a solid.

    `corners` (4, 3) run bottom left, bottom right, top right, top left as seen from outside; two
    of them are equal in a triangle. A texture's lower left corner lies on the first.
    """

    corners: np.ndarray
    skin: Skin


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Solid:
    """A convex body, with its bounding box from `lower` (3,) to `upper` (3,)."""

    faces: tuple[Face, ...]
    lower: np.ndarray
    upper: np.ndarray


def solid(faces: Sequence[tuple[Sequence[Sequence[float]], Skin]]) -> Solid:
    """Puts faces, given as four corners and a skin, together."""
    made = tuple(Face(corners=np.array(corners, float), skin=skin) for corners, skin in faces)
    points = np.concatenate([face.corners for face in made])
    return Solid(faces=made, lower=points.min(axis=0), upper=points.max(axis=0))


def frustum(
    lower: Sequence[float],
    upper: Sequence[float],
    *,
    inset: tuple[float, float],
    skin: Skin,
    side: Skin | None = None,
    top: Skin | None = None,
) -> Solid:
    """A block whose top is smaller than its base by `inset` metres (x, y) on every side.

    No inset makes a box, a whole half-width a pyramid or a hip roof, something between a mansard.
    `skin` covers front and back, `side` the other two (the same by default).
    """
    (x0, y0, z0), (x1, y1, z1) = lower, upper
    x2, x3, y2, y3 = x0 + inset[0], x1 - inset[0], y0 + inset[1], y1 - inset[1]
    side = skin if side is None else side
    a, b, c, d = (x0, y0, z0), (x1, y0, z0), (x1, y1, z0), (x0, y1, z0)
    e, f, g, h = (x2, y2, z1), (x3, y2, z1), (x3, y3, z1), (x2, y3, z1)
    faces: list[tuple[Sequence[Sequence[float]], Skin]] = [
        ((a, b, f, e), skin),
        ((b, c, g, f), side),
        ((c, d, h, g), skin),
        ((d, a, e, h), side),
    ]
    if x3 > x2 and y3 > y2:
        faces.append(((e, f, g, h), skin if top is None else top))
    return solid(faces)


def box(
    lower: Sequence[float],
    upper: Sequence[float],
    skin: Skin,
    *,
    side: Skin | None = None,
    top: Skin = (120, 116, 110),
) -> Solid:
    """A block with upright sides."""
    return frustum(lower, upper, inset=(0.0, 0.0), skin=skin, side=side, top=top)


def gable(
    lower: Sequence[float],
    upper: Sequence[float],
    *,
    ridge: Literal["x", "y"],
    roof: Skin,
    end: Skin,
) -> Solid:
    """A pitched roof with its ridge along an axis and upright triangles at the ridge's ends."""
    half_width, half_depth = (upper[0] - lower[0]) / 2, (upper[1] - lower[1]) / 2
    inset = (0.0, half_depth) if ridge == "x" else (half_width, 0.0)
    front, side = (roof, end) if ridge == "x" else (end, roof)
    return frustum(lower, upper, inset=inset, skin=front, side=side)


def lathe(
    centre: tuple[float, float],
    profile: Sequence[tuple[float, float]],
    *,
    sides: int,
    skin: Skin,
) -> list[Solid]:
    """Rings stacked on a regular polygon: drums, domes, spires, posts.

    Args:
        centre: Where the axis stands, (x, y).
        profile: Radius and height, from the lowest ring's foot to the top.
        sides: Sides of the polygon.
        skin: Covers every facet.
    """
    angles = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    rings = [
        np.column_stack([np.asarray(centre) + radius * circle, np.full(sides, height)])
        for radius, height in profile
    ]
    return [_ring(low, high, skin) for low, high in itertools.pairwise(rings)]


def _ring(low: np.ndarray, high: np.ndarray, skin: Skin) -> Solid:
    after = np.roll(np.arange(len(low)), -1)
    faces = tuple(
        Face(corners=np.stack([low[i], low[j], high[j], high[i]]), skin=skin)
        for i, j in enumerate(after)
    )
    points = np.concatenate([low, high])
    return Solid(faces=faces, lower=points.min(axis=0), upper=points.max(axis=0))
