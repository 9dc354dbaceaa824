"""Windows and doors, drawn once and stamped on a wall as often as it has them."""

import dataclasses
from typing import Literal

import cv2
import numpy as np

from pipeline.data.synthetic_city.solids import Colour

Shape = Literal["rectangular", "segmental", "round", "pointed", "circular"]
Hood = Literal["none", "flat", "triangular", "curved"]

_SUPERSAMPLING = 3
_ROOM = 0.45
"""Metres drawn around an opening, for its surround, sill, hood and shutters."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Opening:
    """A window or a door; lengths are in metres.

    `panes` are the columns and rows that glazing bars part; `surround` is the width of the frame
    of stone in the colour `trim`; `filling` is the colour of a door, None for glass.
    """

    shape: Shape = "rectangular"
    width: float = 1.1
    height: float = 1.8
    panes: tuple[int, int] = (2, 3)
    surround: float = 0.14
    trim: Colour = (220, 214, 200)
    bars: Colour = (235, 232, 226)
    glass: Colour = (62, 76, 92)
    hood: Hood = "none"
    shutters: Colour | None = None
    filling: Colour | None = None
    flowers: Colour | None = None
    tracery: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Stamp:
    """A drawn opening: `picture` (height, width, 4), `mask` (height, width), and its foot's row.

    The opening is centred; `foot` is the row, from the picture's top, of its lower edge.
    """

    picture: np.ndarray
    mask: np.ndarray
    foot: int


def outline(shape: Shape, width: float, height: float) -> np.ndarray:
    """The opening's outline about its foot's centre, z upwards: (n, 2) metres."""
    half = width / 2
    if shape == "rectangular":
        return np.array([(-half, 0), (half, 0), (half, height), (-half, height)])
    if shape == "circular":
        turn = np.linspace(0, 2 * np.pi, 33)[:-1]
        return np.column_stack([half * np.cos(turn), height / 2 + half * np.sin(turn)])
    if shape == "pointed":
        # Two arcs about points on the springing line, each as wide as 1.25 openings.
        radius = 1.25 * width
        rise = float(np.sqrt(radius**2 - (radius - half) ** 2))
        turn = np.linspace(0, np.arccos((radius - half) / radius), 9)
        right = np.column_stack([half - radius + radius * np.cos(turn), radius * np.sin(turn)])
        right[:, 1] += height - rise
        arch = np.concatenate([right, right[-2::-1] * (-1, 1)])
    else:
        rise = half if shape == "round" else 0.22 * width
        turn = np.linspace(0, np.pi, 17)
        arch = np.column_stack([half * np.cos(turn), height - rise + rise * np.sin(turn)])
    return np.concatenate([[(-half, 0), (half, 0)], arch])


def draw_opening(opening: Opening, scale: float, *, glow: int = 0, tone: float = 1.0) -> Stamp:
    """Draws an opening.

    Args:
        opening: What to draw.
        scale: Pixels per metre.
        glow: How brightly it shines at night, 0 to 255.
        tone: How bright the glass is by day, 1 as the opening says.
    """
    side = _ROOM + (opening.width * 0.55 if opening.shutters else 0.0)
    size = (opening.width + 2 * side, opening.height + 2 * _ROOM)
    width, height = (max(round(length * scale), 4) for length in size)
    easel = _Easel(width, height, scale)
    _draw_surround(easel, opening)
    if opening.filling is None:
        _draw_glass(easel, opening, glow, tone)
    else:
        _draw_door(easel, opening, opening.filling)
    _draw_sill(easel, opening)
    return easel.reduced(round((opening.height + _ROOM) * scale))


class _Easel:
    """A picture and its mask at `_SUPERSAMPLING` times their size, addressed in metres."""

    def __init__(self, width: int, height: int, scale: float) -> None:
        self.scale = scale * _SUPERSAMPLING
        shape = (height * _SUPERSAMPLING, width * _SUPERSAMPLING)
        self.picture = np.zeros((*shape, 4), np.uint8)
        self.mask = np.zeros(shape, np.uint8)
        self.origin = np.array([shape[1] / 2, shape[0] - _ROOM * self.scale])

    def fill(self, points: np.ndarray, colour: Colour, glow: int = 0) -> None:
        """Fills a polygon given in metres about the opening's foot, z upwards."""
        pixels = np.round(points * (self.scale, -self.scale) + self.origin).astype(np.int32)
        cv2.fillPoly(self.picture, [pixels], (*colour, glow))
        cv2.fillPoly(self.mask, [pixels], 255)

    def rectangle(self, x0: float, z0: float, x1: float, z1: float, colour: Colour) -> None:
        self.fill(np.array([(x0, z0), (x1, z0), (x1, z1), (x0, z1)]), colour)

    def reduced(self, foot: int) -> Stamp:
        """The drawing at its own size; what is half covered is taken in full."""
        size = (self.mask.shape[1] // _SUPERSAMPLING, self.mask.shape[0] // _SUPERSAMPLING)
        mask = cv2.resize(self.mask, size, interpolation=cv2.INTER_AREA)
        mean = cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA)
        covered = np.maximum(mask, 1)[..., None] / 255.0
        colours = np.clip(mean / covered, 0, 255).astype(np.uint8)
        return Stamp(picture=colours, mask=np.where(mask > 110, 255, 0).astype(np.uint8), foot=foot)


def shaded(colour: Colour, factor: float) -> Colour:
    """A colour made darker or lighter."""
    red, green, blue = (int(min(max(channel * factor, 0), 255)) for channel in colour)
    return red, green, blue


def _draw_surround(easel: _Easel, opening: Opening) -> None:
    edge = opening.surround
    if edge > 0:
        size = (opening.width + 2 * edge, opening.height + 2 * edge)
        around = outline(opening.shape, *size)
        around[:, 1] -= edge
        shadow = around + np.array((0.05, -0.06))
        easel.fill(shadow, shaded(opening.trim, 0.62))
        easel.fill(around, opening.trim)
    half, top = opening.width / 2 + edge, opening.height + edge
    if opening.hood == "flat":
        easel.rectangle(-half - 0.1, top - 0.06, half + 0.1, top, shaded(opening.trim, 0.6))
        easel.rectangle(-half - 0.14, top, half + 0.14, top + 0.16, shaded(opening.trim, 1.06))
    elif opening.hood != "none":
        peak = 0.4
        turn = np.linspace(0, np.pi, 3 if opening.hood == "triangular" else 13)
        rise = np.column_stack([np.cos(turn) * (half + 0.14), np.sin(turn) * (peak - 0.08)])
        easel.fill(rise + np.array((0, top)), shaded(opening.trim, 1.06))
        easel.fill(rise * 0.66 + (0, top + 0.05), shaded(opening.trim, 0.78))
        easel.rectangle(-half - 0.1, top - 0.05, half + 0.1, top, shaded(opening.trim, 0.6))


def _draw_glass(easel: _Easel, opening: Opening, glow: int, tone: float) -> None:
    width, height = opening.width, opening.height
    whole = outline(opening.shape, width, height)
    easel.fill(whole, shaded(opening.glass, 0.42))
    # The reveal's shadow falls on the top and the left of the glass.
    pane = outline(opening.shape, width * 0.86, height - 0.12 * width)
    pane += (0.03 * width, 0.02 * width)
    lower, upper = shaded(opening.glass, 0.85 * tone), shaded(opening.glass, 1.35 * tone)
    easel.fill(pane, lower, glow)
    easel.fill(np.minimum(pane, (np.inf, 0.0)) + pane * (0, 1), lower, glow)
    sky = pane.copy()
    sky[:, 1] = np.maximum(sky[:, 1], height * 0.52 + 0.25 * sky[:, 0])
    easel.fill(sky, upper, glow)
    _draw_bars(easel, opening)
    if opening.shutters is not None:
        _draw_shutters(easel, opening, opening.shutters)
    if opening.flowers is not None:
        half = width / 2
        easel.rectangle(-half, 0.0, half, 0.22, (70, 104, 52))
        for x in np.arange(-half + 0.12, half, 0.24):
            easel.rectangle(x - 0.06, 0.12, x + 0.06, 0.28, opening.flowers)


def _draw_bars(easel: _Easel, opening: Opening) -> None:
    (columns, rows), half = opening.panes, opening.width / 2
    thickness = 0.045 if not opening.tracery else 0.07
    drawn = outline(opening.shape, opening.width, opening.height)
    for x in np.linspace(-half, half, columns + 1)[1:-1]:
        top = float(np.interp(abs(x), *_profile(drawn)))
        easel.rectangle(x - thickness, 0.0, x + thickness, top, opening.bars)
    for z in np.linspace(0, opening.height, rows + 1)[1:-1]:
        reach = float(np.abs(drawn[drawn[:, 1] >= z - 1e-6, 0]).max()) * 0.98
        if opening.shape == "circular":
            reach = float(np.sqrt(max(half**2 - (z - opening.height / 2) ** 2, 0.0)))
        easel.rectangle(-reach, z - thickness, reach, z + thickness, opening.bars)
    if opening.tracery:
        rose = outline("circular", opening.width * 0.56, opening.width * 0.56)
        rose[:, 1] += opening.height - opening.width * 0.98
        easel.fill(rose, opening.bars)
        easel.fill((rose - rose.mean(axis=0)) * 0.68 + rose.mean(axis=0), opening.glass, 170)


def _profile(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half-widths, ascending, and the heights the outline's right side has there."""
    right = points[(points[:, 0] >= 0) & (points[:, 1] > 0)]
    right = right[np.argsort(right[:, 0])]
    return right[:, 0], right[:, 1]


def _draw_shutters(easel: _Easel, opening: Opening, colour: Colour) -> None:
    half, leaf = opening.width / 2, opening.width * 0.5
    for left in (-half - leaf - 0.06, half + 0.06):
        easel.rectangle(left, 0.0, left + leaf, opening.height * 0.98, shaded(colour, 0.75))
        for z in np.arange(0.1, opening.height * 0.95, 0.22):
            easel.rectangle(left + 0.06, z, left + leaf - 0.06, z + 0.12, colour)


def _draw_sill(easel: _Easel, opening: Opening) -> None:
    if opening.shape == "circular" or opening.surround <= 0 or opening.filling is not None:
        return
    half = opening.width / 2 + opening.surround
    easel.rectangle(-half - 0.04, -0.24, half + 0.08, -0.1, shaded(opening.trim, 0.58))
    easel.rectangle(-half - 0.06, -0.14, half + 0.06, 0.0, shaded(opening.trim, 1.06))


def _draw_door(easel: _Easel, opening: Opening, colour: Colour) -> None:
    easel.fill(outline(opening.shape, opening.width, opening.height), shaded(colour, 0.6))
    inner = outline(opening.shape, opening.width * 0.9, opening.height * 0.96)
    easel.fill(inner, colour)
    half = opening.width / 2
    for side in (-1.0, 1.0):
        for low, high in ((0.06, 0.4), (0.46, 0.72)):
            inset, far = 0.1 * half * side, 0.76 * half * side
            easel.rectangle(
                inset, low * opening.height, far, high * opening.height, shaded(colour, 0.72)
            )
    easel.rectangle(-0.025, 0.0, 0.025, opening.height * 0.8, shaded(colour, 0.5))
    easel.rectangle(-half, -0.12, half, 0.02, (150, 146, 140))
