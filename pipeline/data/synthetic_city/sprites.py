"""What stands in front of buildings, as cut-out pictures: trees, people, cars, lamp posts."""

import dataclasses
from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np

from pipeline.data.synthetic_city.solids import Colour, Texture, make_texture

Season = Literal["spring", "summer", "autumn", "winter"]

_LEAVES: dict[str, tuple[Colour, ...]] = {
    "spring": ((132, 168, 84), (150, 180, 96), (226, 190, 204)),
    "summer": ((74, 112, 56), (86, 124, 62), (62, 98, 58)),
    "autumn": ((196, 130, 52), (178, 88, 44), (150, 132, 60)),
}
_BARK: Colour = (84, 70, 58)
_CLOTHES: tuple[Colour, ...] = (
    (60, 72, 104), (150, 58, 54), (226, 220, 208), (52, 54, 58), (98, 122, 96),
    (206, 170, 92), (128, 98, 134), (176, 184, 190),
)  # fmt: skip
_SKINS: tuple[Colour, ...] = ((236, 198, 170), (196, 148, 116), (138, 96, 72), (94, 66, 52))
_PAINTS: tuple[Colour, ...] = (
    (178, 42, 40), (236, 236, 234), (44, 46, 52), (58, 88, 132), (150, 156, 160), (206, 178, 84),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sprite:
    """A flat figure that always faces the camera; width and height are in metres."""

    texture: Texture
    width: float
    height: float


class _Sheet:
    """A canvas in metres, x from its middle and z up from its foot."""

    def __init__(self, width: float, height: float, scale: float) -> None:
        self.width, self.height, self.scale = width, height, scale
        shape = (round(height * scale), round(width * scale))
        self.picture = np.zeros((*shape, 4), np.uint8)
        self.mask = np.zeros(shape, np.uint8)

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        x = (points[..., 0] + self.width / 2) * self.scale
        z = (self.height - points[..., 1]) * self.scale
        return np.round(np.stack([x, z], axis=-1)).astype(np.int32)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """Fills a polygon."""
        pixels = self._pixels(np.array(points))
        cv2.fillPoly(self.picture, [pixels], (*colour, 0))
        cv2.fillPoly(self.mask, [pixels], 255)

    def box(self, x: float, z: float, width: float, height: float, colour: Colour) -> None:
        """Fills a rectangle whose foot is centred on (x, z)."""
        left, right = x - width / 2, x + width / 2
        top = z + height
        self.polygon([(left, z), (right, z), (right, top), (left, top)], colour)

    def disc(self, x: float, z: float, radius: float, colour: Colour) -> None:
        """Fills a circle about (x, z)."""
        centre = self._pixels(np.array([x, z]))
        size = max(round(radius * self.scale), 1)
        cv2.circle(self.picture, (int(centre[0]), int(centre[1])), size, (*colour, 0), -1)
        cv2.circle(self.mask, (int(centre[0]), int(centre[1])), size, 255, -1)

    def stroke(self, start: np.ndarray, end: np.ndarray, thickness: float, colour: Colour) -> None:
        """Draws a line."""
        ends = [(int(p[0]), int(p[1])) for p in (self._pixels(start), self._pixels(end))]
        size = max(round(thickness * self.scale), 1)
        cv2.line(self.picture, ends[0], ends[1], (*colour, 0), size)
        cv2.line(self.mask, ends[0], ends[1], 255, size)

    def sprite(self) -> Sprite:
        """What was drawn."""
        texture = make_texture(self.picture, self.scale, cutout=self.mask)
        return Sprite(texture=texture, width=self.width, height=self.height)


def tree(rng: np.random.Generator, season: Season) -> Sprite:
    """A broad-leaved tree, bare in winter."""
    height = float(rng.uniform(5.5, 10.0))
    sheet = _Sheet(0.75 * height, height, 20.0)
    if season == "winter":
        _branch(sheet, rng, np.array([0.0, 0.0]), np.pi / 2, 0.34 * height, 0.035 * height)
        return sheet.sprite()
    sheet.box(0.0, 0.0, 0.05 * height, 0.5 * height, _BARK)
    leaves = _LEAVES[season]
    colour = np.array(leaves[rng.integers(len(leaves))], float)
    for level in np.linspace(0.0, 1.0, 90):  # from the shaded underside to the lit top
        angle, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
        x = 0.27 * height * reach * np.cos(angle)
        z = (0.64 + 0.24 * reach * np.sin(angle)) * height
        shade = (0.6 + 0.3 * level + 0.35 * (z / height - 0.64)) * rng.uniform(0.85, 1.15)
        red, green, blue = (int(c) for c in np.clip(colour * shade, 0, 255))
        sheet.disc(float(x), float(z), 0.09 * height * rng.uniform(0.6, 1.0), (red, green, blue))
    return sheet.sprite()


def _branch(
    sheet: _Sheet,
    rng: np.random.Generator,
    start: np.ndarray,
    direction: float,
    length: float,
    thickness: float,
) -> None:
    end = start + length * np.array([np.cos(direction), np.sin(direction)])
    sheet.stroke(start, end, thickness, _BARK)
    if length < 0.45:
        return
    for turn in (-0.45, 0.05, 0.5):
        towards = direction + turn + rng.normal(0.0, 0.15)
        _branch(sheet, rng, end, towards, length * rng.uniform(0.6, 0.75), 0.62 * thickness)


def person(rng: np.random.Generator, season: Season) -> Sprite:
    """Somebody who passes by; in winter in a long coat."""
    height = float(rng.uniform(1.55, 1.9))
    sheet = _Sheet(0.8, height, 48.0)
    clothes = rng.permutation(len(_CLOTHES))
    top, legs = _CLOTHES[clothes[0]], _CLOTHES[clothes[1]]
    stride = float(rng.uniform(0.03, 0.16))
    for side in (-1, 1):
        sheet.polygon(
            [(side * stride - 0.06, 0), (side * stride + 0.07, 0), (0.1, 0.5 * height),
             (-0.1, 0.5 * height)],
            legs,
        )  # fmt: skip
    hem = 0.28 if season == "winter" else 0.46
    sheet.polygon(
        [(-0.2, hem * height), (0.2, hem * height), (0.22, 0.82 * height), (-0.22, 0.82 * height)],
        top,
    )
    for side in (-1, 1):
        sheet.box(side * 0.26, 0.45 * height, 0.09, 0.36 * height, top)
    sheet.box(0.0, 0.8 * height, 0.1, 0.08 * height, _SKINS[rng.integers(len(_SKINS))])
    sheet.disc(0.0, 0.925 * height, 0.105, _SKINS[rng.integers(len(_SKINS))])
    sheet.disc(0.0, 0.955 * height, 0.085, (58, 44, 36))
    return sheet.sprite()


def car(rng: np.random.Generator, season: Season) -> Sprite:
    """A parked car or, one time in five, a bus, seen from its side."""
    del season
    paint = _PAINTS[rng.integers(len(_PAINTS))]
    if rng.random() < 0.2:
        return _bus(paint)
    sheet = _Sheet(4.4, 1.5, 32.0)
    sheet.polygon([(-1.5, 0.8), (1.3, 0.8), (0.8, 1.45), (-1.0, 1.48)], paint)
    sheet.polygon([(-1.25, 0.86), (-0.15, 0.86), (-0.15, 1.36), (-0.9, 1.36)], (60, 72, 82))
    sheet.polygon([(-0.05, 0.86), (1.05, 0.86), (0.72, 1.36), (-0.05, 1.36)], (66, 78, 88))
    sheet.polygon([(-2.15, 0.3), (2.15, 0.3), (2.1, 0.75), (1.4, 0.9), (-2.1, 0.88)], paint)
    _wheels(sheet, 1.35, 0.32)
    return sheet.sprite()


def _bus(paint: Colour) -> Sprite:
    sheet = _Sheet(9.0, 3.0, 26.0)
    sheet.box(0.0, 0.4, 8.9, 2.5, paint)
    for bay in range(6):
        sheet.box(-3.6 + 1.42 * bay, 1.5, 1.25, 0.95, (58, 70, 82))
    _wheels(sheet, 2.7, 0.45)
    return sheet.sprite()


def _wheels(sheet: _Sheet, reach: float, radius: float) -> None:
    for side in (-1, 1):
        sheet.disc(side * reach, radius, radius, (30, 30, 32))
        sheet.disc(side * reach, radius, 0.5 * radius, (150, 152, 156))


def lamp_post(rng: np.random.Generator, season: Season) -> Sprite:
    """A street lamp."""
    del season
    height = float(rng.uniform(3.6, 5.5))
    sheet = _Sheet(0.8, height, 32.0)
    sheet.box(0.0, 0.0, 0.12, 0.9 * height, (52, 56, 58))
    sheet.box(0.0, 0.0, 0.3, 0.3, (52, 56, 58))
    sheet.polygon(
        [(-0.12, 0.88 * height), (0.12, 0.88 * height), (0.22, 0.98 * height),
         (-0.22, 0.98 * height)],
        (232, 226, 200),
    )  # fmt: skip
    return sheet.sprite()


MAKERS: dict[str, Callable[[np.random.Generator, Season], Sprite]] = {
    "tree": tree,
    "person": person,
    "car": car,
    "lamp post": lamp_post,
}
