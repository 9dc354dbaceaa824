"""Walls: a canvas of a material, on which rows of openings and ornaments are drawn."""

from collections.abc import Collection

import cv2
import numpy as np

from pipeline.data.synthetic_city.openings import Opening, Shape, draw_opening, outline, shaded
from pipeline.data.synthetic_city.solids import Colour, Texture, make_texture

_GLOWS = ((225, 1.05), (150, 0.9), (0, 1.2), (0, 0.78))
"""Glow by night and brightness by day of the windows of a wall."""


class Wall:
    """A wall being drawn; x runs from its left and z up from its foot, in metres.

    Args:
        width: In metres.
        height: In metres.
        tile: The material, (n, n, 4).
        scale: Pixels per metre.
        rng: Decides the weathering and which windows are lit.
    """

    def __init__(
        self, width: float, height: float, tile: np.ndarray, scale: float, rng: np.random.Generator
    ) -> None:
        self.width, self.height, self.scale, self._rng = width, height, scale, rng
        rows, columns = max(round(height * scale), 2), max(round(width * scale), 2)
        repeats = (-(-rows // tile.shape[0]), -(-columns // tile.shape[1]), 1)
        self.picture = np.ascontiguousarray(np.tile(tile, repeats)[-rows:, :columns])
        self._weather()

    def _weather(self) -> None:
        """Streaks and stains, and less light near the ground."""
        rows, columns = self.picture.shape[:2]
        shape = (max(int(self.height / 3), 3), max(int(self.width / 1.5), 3))
        stains = cv2.resize(
            self._rng.normal(1.0, 0.035, shape), (columns, rows), interpolation=cv2.INTER_LINEAR
        )
        heights = (rows - np.arange(rows)) / self.scale
        stains *= (1.0 - 0.22 * np.exp(-heights / 1.2))[:, None]
        shade = cv2.merge([np.clip(stains * 128, 0, 255).astype(np.uint8)] * 4)
        self.picture = cv2.multiply(self.picture, shade, scale=1 / 128)

    def texture(self) -> Texture:
        """What was drawn."""
        return make_texture(self.picture, self.scale)

    def polygon(self, points: np.ndarray, colour: Colour, glow: int = 0) -> None:
        """Fills a polygon (n, 2) of x and z."""
        pixels = points * (self.scale, -self.scale) + (0, self.picture.shape[0])
        fixed = np.round((pixels - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(self.picture, [fixed], (*colour, glow), cv2.LINE_AA, 4)

    def rectangle(self, x: float, z: float, width: float, height: float, colour: Colour) -> None:
        """Fills a rectangle from its lower left corner."""
        top, bottom = (round((self.height - level) * self.scale) for level in (z + height, z))
        left, right = round(x * self.scale), round((x + width) * self.scale)
        self.picture[max(top, 0) : max(bottom, top + 1, 0), max(left, 0) : max(right, left + 1)] = (
            *colour,
            0,
        )

    def pane(
        self, x: float, z: float, width: float, height: float, glass: Colour, glow: int
    ) -> None:
        """A pane of a curtain wall, which mirrors more sky towards its top."""
        self.rectangle(x, z, width, height, glass)
        upper = np.array([(0, 0.4), (1, 0.65), (1, 1), (0, 1)]) * (width, height) + (x, z)
        self.polygon(upper, shaded(glass, 1.15))
        top, bottom = (round((self.height - level) * self.scale) for level in (z + height, z))
        left, right = round(x * self.scale), round((x + width) * self.scale)
        self.picture[max(top, 0) : max(bottom, 0), left:right, 3] = glow

    def braces(self, rise: float, width: float, colour: Colour) -> None:
        """Diagonals across the whole wall that cross every `rise` metres."""
        slanted = np.array([(0, 0), (0, width * 1.4), (self.width, rise + width * 1.4)])
        slanted = np.concatenate([slanted, [(self.width, rise)]])
        for z in np.arange(-rise, self.height, rise):
            self.polygon(slanted + np.array((0, z)), colour)
            self.polygon(slanted * (-1, 1) + (self.width, z), colour)

    def darken(self, x: float, z: float, width: float, height: float, factor: float) -> None:
        """A shadow on a rectangle."""
        top, bottom = (round((self.height - level) * self.scale) for level in (z + height, z))
        left, right = round(x * self.scale), round((x + width) * self.scale)
        area = self.picture[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
        area[...] = cv2.convertScaleAbs(area, alpha=factor) if area.size else area

    def band(self, z: float, thickness: float, colour: Colour) -> None:
        """A string course right across, with its shadow below."""
        self.darken(0.0, z - 0.7 * thickness, self.width, 0.7 * thickness, 0.72)
        self.rectangle(0.0, z, self.width, thickness, colour)
        self.rectangle(0.0, z + 0.7 * thickness, self.width, 0.3 * thickness, shaded(colour, 1.1))

    def pilaster(self, x: float, z: float, width: float, height: float, colour: Colour) -> None:
        """A flat column centred at x, with its base and capital."""
        left = x - width / 2
        self.darken(left + width, z, 0.18, height, 0.72)
        self.rectangle(left, z, width, height, colour)
        self.rectangle(left, z, 0.25 * width, height, shaded(colour, 1.08))
        self.rectangle(left + 0.8 * width, z, 0.2 * width, height, shaded(colour, 0.86))
        for foot, thickness in ((z, 0.35), (z + height - 0.35, 0.35)):
            self.rectangle(left - 0.1, foot, width + 0.2, thickness, shaded(colour, 1.05))

    def quoins(self, z: float, height: float, colour: Colour) -> None:
        """Stones of two lengths, in turn, up both edges."""
        for index, level in enumerate(np.arange(z, z + height - 0.3, 0.5)):
            length = 0.75 if index % 2 else 0.45
            for left in (0.0, self.width - length):
                self.rectangle(left, level, length, 0.44, shaded(colour, 0.97 + 0.05 * (index % 3)))

    def place(self, opening: Opening, x: float, z: float) -> None:
        """An opening with its foot centred on (x, z)."""
        self._stamp([opening], [x], z)

    def row(
        self,
        opening: Opening,
        z: float,
        bays: int,
        *,
        margin: float = 0.0,
        skipped: Collection[int] = (),
        other: Opening | None = None,
    ) -> None:
        """Openings in the middle of equal bays; every other one may differ.

        Args:
            opening: What every bay has.
            z: The height of the openings' feet.
            bays: How many, across the wall less its margins.
            margin: Metres left free at both ends.
            skipped: Bays, from the left, that get none.
            other: What every second bay has, where it differs.
        """
        pitch = (self.width - 2 * margin) / bays
        places = [margin + (bay + 0.5) * pitch for bay in range(bays) if bay not in skipped]
        self._stamp([opening, opening if other is None else other], places, z)

    def _stamp(self, openings: list[Opening], places: list[float], z: float) -> None:
        variants = [
            [draw_opening(each, self.scale, glow=glow, tone=tone) for glow, tone in _GLOWS]
            for each in dict.fromkeys(openings)
        ]
        for index, x in enumerate(places):
            stamps = variants[index % len(variants)]
            stamp = stamps[self._rng.integers(len(stamps))]
            rows, columns = stamp.mask.shape
            top = round((self.height - z) * self.scale) - stamp.foot
            left = round(x * self.scale - columns / 2)
            y0, x0 = max(-top, 0), max(-left, 0)
            target = self.picture[max(top, 0) : top + rows, max(left, 0) : left + columns]
            area = (slice(y0, y0 + target.shape[0]), slice(x0, x0 + target.shape[1]))
            if target.size:
                cv2.copyTo(stamp.picture[area], stamp.mask[area], target)

    def arch(
        self, shape: Shape, x: float, z: float, size: tuple[float, float], colour: Colour
    ) -> None:
        """A plain shape standing on (x, z)."""
        self.polygon(outline(shape, *size) + np.array((x, z)), colour)

    def rose(self, x: float, z: float, radius: float, petals: int, trim: Colour) -> None:
        """A rose window about (x, z), with coloured glass."""
        glasses = ((74, 92, 148), (150, 74, 72), (78, 122, 118))
        ring = outline("circular", 2.0, 2.0) - (0, 1)
        centre = np.array([x, z])
        self.polygon(ring * (radius + 0.32) + centre + (0.08, -0.1), shaded(trim, 0.6))
        self.polygon(ring * (radius + 0.32) + centre, trim)
        self.polygon(ring * radius + centre, shaded(trim, 0.5))
        petal = outline("circular", 2.0, 2.0) - (0, 1)
        for index in range(petals):
            turn = 2 * np.pi * index / petals
            spot = centre + 0.66 * radius * np.array([np.sin(turn), np.cos(turn)])
            size = min(0.3, 1.9 / petals) * radius
            self.polygon(petal * size + spot, glasses[index % len(glasses)], 150)
        self.polygon(ring * 0.3 * radius + centre, trim)
        self.polygon(ring * 0.2 * radius + centre, glasses[0], 190)

    def clock(self, x: float, z: float, radius: float, trim: Colour, hour: float) -> None:
        """A clock face about (x, z) that shows an hour, 0 to 12."""
        ring = outline("circular", 2.0, 2.0) - (0, 1)
        centre = np.array([x, z])
        self.polygon(ring * radius * 1.16 + centre + (0.06, -0.08), shaded(trim, 0.55))
        self.polygon(ring * radius * 1.16 + centre, trim)
        self.polygon(ring * radius + centre, (240, 236, 222), 200)
        for turn, length in ((hour / 12, 0.55), (hour % 1, 0.85)):
            along = np.array([np.sin(2 * np.pi * turn), np.cos(2 * np.pi * turn)])
            across = np.array([along[1], -along[0]]) * radius * 0.08
            tip = along * length * radius
            self.polygon(
                np.array([across, tip + across, tip - across, -across]) + centre, (36, 34, 34)
            )
        for mark in np.arange(12) * np.pi / 6:
            spot = centre + 0.88 * radius * np.array([np.sin(mark), np.cos(mark)])
            self.polygon(ring * radius * 0.06 + spot, (50, 46, 44))

    def portal(self, opening: Opening, x: float, orders: int) -> None:
        """A door in receding arches."""
        for order in range(orders, 0, -1):
            grow = 0.28 * order
            size = (opening.width + 2 * grow, opening.height + 1.2 * grow)
            self.arch(opening.shape, x, 0.0, size, shaded(opening.trim, 1.06 - 0.16 * (order % 2)))
        self.place(opening, x, 0.0)

    def balustrade(self, x: float, z: float, width: float, colour: Colour) -> None:
        """A balcony's iron rail and its slab, with the shadow below."""
        self.darken(x, z - 0.5, width, 0.5, 0.68)
        self.rectangle(x, z - 0.14, width, 0.16, (196, 190, 178))
        self.rectangle(x, z + 0.85, width, 0.08, colour)
        for post in np.arange(x, x + width, 0.22):
            self.rectangle(post, z, 0.06, 0.9, colour)
