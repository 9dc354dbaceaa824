"""What the buildings of one family share, and the parts that several styles are built from."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import numpy as np

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.materials import masonry, plaster, roof_texture
from pipeline.data.synthetic_city.openings import shaded
from pipeline.data.synthetic_city.solids import Colour, Skin, Solid, box, frustum, lathe

_Choice = TypeVar("_Choice")

Material = Literal["brick", "ashlar", "plaster", "banded"]
TowerTop = Literal["pyramid", "spire", "onion", "dome", "battlements", "lantern"]

ROOFS: dict[str, Colour] = {
    "tiles": (158, 88, 64),
    "slate": (88, 96, 108),
    "metal": (108, 148, 132),
}
GLASSES: tuple[Colour, ...] = ((58, 72, 88), (66, 76, 80), (50, 62, 82))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Family:
    """Style and palette that sibling landmarks share."""

    style: str
    material: Material
    wall: Colour
    trim: Colour
    roof: str
    accent: Colour


class Workshop:
    """Makes walls, roofs and towers for one building.

    Args:
        family: The building's style and palette.
        scale: Pixels per metre of its textures.
        rng: Decides everything else about the building.
    """

    def __init__(self, family: Family, scale: float, rng: np.random.Generator) -> None:
        self.family, self.scale, self.rng = family, scale, rng
        self.tile = self._tile(family.material, family.wall)
        self.roof = roof_texture(rng, ROOFS[family.roof], scale, family.roof)

    def _tile(self, material: Material, colour: Colour) -> np.ndarray:
        if material == "plaster":
            return plaster(self.rng, colour, self.scale)
        course, length = {"brick": (0.24, 0.5), "ashlar": (0.5, 1.1), "banded": (0.6, 1.2)}[
            material
        ]
        stripes = shaded(colour, 0.74) if material == "banded" else None
        variation = 0.09 if material == "brick" else 0.05
        return masonry(
            self.rng,
            colour,
            self.scale,
            course=course,
            length=length,
            variation=variation,
            stripes=stripes,
        )

    def wall(self, width: float, height: float, tile: np.ndarray | None = None) -> Wall:
        """A bare wall of the building's material, or of another."""
        return Wall(width, height, self.tile if tile is None else tile, self.scale, self.rng)

    def stone(self, colour: Colour) -> np.ndarray:
        """A tile of large stones, for plinths and ground floors."""
        return self._tile("ashlar", colour)

    def pick(self, choices: Sequence[_Choice]) -> _Choice:
        """One of the choices, each as likely."""
        return choices[int(self.rng.integers(len(choices)))]

    def between(self, low: float, high: float) -> float:
        """A length in between, in metres."""
        return float(self.rng.uniform(low, high))

    def count(self, low: int, high: int) -> int:
        """A whole number in between, both ends included."""
        return int(self.rng.integers(low, high + 1))


def cornice(
    lower: tuple[float, float],
    upper: tuple[float, float],
    z: float,
    colour: Colour,
    *,
    height: float = 0.5,
    reach: float = 0.35,
) -> Solid:
    """A slab around a block's plan (x and y of its corners) with its foot at z."""
    return box(
        (lower[0] - reach, lower[1] - reach, z),
        (upper[0] + reach, upper[1] + reach, z + height),
        colour,
        top=shaded(colour, 0.9),
    )


def merlons(
    lower: tuple[float, float], upper: tuple[float, float], z: float, colour: Colour, pitch: float
) -> list[Solid]:
    """Battlements along a block's front and sides."""
    made = []
    count = max(round((upper[0] - lower[0]) / pitch), 2)
    for x in np.linspace(lower[0], upper[0] - 0.55 * pitch, count):
        made.append(box((x, lower[1], z), (x + 0.55 * pitch, lower[1] + 0.4, z + 0.9), colour))
    count = max(round((upper[1] - lower[1]) / pitch), 2)
    for y in np.linspace(lower[1], upper[1] - 0.55 * pitch, count)[1:]:
        for x in (lower[0], upper[0] - 0.4):
            made.append(box((x, y, z), (x + 0.4, y + 0.55 * pitch, z + 0.9), colour))
    return made


def tower(
    shop: Workshop,
    corner: tuple[float, float],
    width: float,
    heights: tuple[float, float],
    top: TowerTop,
    decorate: Callable[[Wall], None],
) -> list[Solid]:
    """A square tower.

    Args:
        shop: Whose material and roof it has.
        corner: Its front left corner, (x, y).
        width: Its side in metres.
        heights: Where it begins and where its walls end.
        top: What crowns it.
        decorate: Draws on its wall.
    """
    wall = shop.wall(width, heights[1] - heights[0])
    decorate(wall)
    x, y = corner
    far = (x + width, y + width)
    trim = shop.family.trim
    made = [box((x, y, heights[0]), (*far, heights[1]), wall.texture())]
    made.append(cornice(corner, far, heights[1], trim, height=0.45, reach=0.3))
    return made + tower_top(shop, corner, width, heights[1] + 0.45, top)


def tower_top(
    shop: Workshop, corner: tuple[float, float], width: float, z: float, top: TowerTop
) -> list[Solid]:
    """What crowns a tower of the given corner and width at height z."""
    x, y, half = *corner, width / 2
    centre = (x + half, y + half)
    trim, metal = shop.family.trim, ROOFS["metal"]
    if top == "battlements":
        return merlons(corner, (x + width, y + width), z, shop.family.trim, 1.3)
    if top == "pyramid":
        return [_pyramid(corner, width, z, 1.1 * width, shop.roof)]
    if top == "spire":
        profile = [(half * 1.02, z), (half * 0.72, z + 0.5 * width), (0.02, z + 2.5 * width)]
        return lathe(centre, profile, sides=8, skin=shop.roof)
    if top == "dome":
        return [
            *lathe(centre, [(half * 0.92, z), (half * 0.92, z + half)], sides=8, skin=trim),
            *dome(centre, half * 0.98, z + half, metal),
        ]
    if top == "lantern":
        drum = [(half * 0.6, z), (half * 0.6, z + width * 0.55)]
        cap = [(half * 0.72, drum[-1][1]), (0.03, drum[-1][1] + width * 0.9)]
        return [
            *lathe(centre, drum, sides=8, skin=trim),
            *lathe(centre, cap, sides=8, skin=shop.roof),
        ]
    return onion(centre, half, z, metal)


def _pyramid(
    corner: tuple[float, float], width: float, z: float, height: float, skin: Skin
) -> Solid:
    lower, upper = (*corner, z), (corner[0] + width, corner[1] + width, z + height)
    return frustum(lower, upper, inset=(width / 2, width / 2), skin=skin)


def dome(
    centre: tuple[float, float], radius: float, z: float, skin: Skin, *, rise: float = 1.0
) -> list[Solid]:
    """A dome with a lantern on it."""
    turn = np.linspace(0, 1.42, 7)
    profile = [(radius * float(np.cos(a)), z + rise * radius * float(np.sin(a))) for a in turn]
    peak = profile[-1][1]
    lantern = [(0.14 * radius, peak), (0.14 * radius, peak + 0.34 * radius)]
    tip = [(0.18 * radius, lantern[1][1]), (0.01, lantern[1][1] + 0.4 * radius)]
    return [
        *lathe(centre, profile, sides=16, skin=skin),
        *lathe(centre, lantern, sides=8, skin=(222, 216, 202)),
        *lathe(centre, tip, sides=8, skin=skin),
    ]


def onion(centre: tuple[float, float], half: float, z: float, skin: Skin) -> list[Solid]:
    """An onion-shaped helm."""
    shape = (
        (1.0, 0.0),
        (0.62, 0.35),
        (0.78, 0.75),
        (0.98, 1.15),
        (0.9, 1.6),
        (0.5, 2.05),
        (0.2, 2.4),
        (0.08, 2.9),
        (0.02, 3.6),
    )
    profile = [(half * radius, z + half * height) for radius, height in shape]
    return lathe(centre, profile, sides=12, skin=skin)


def column(
    centre: tuple[float, float], z: float, height: float, radius: float, colour: Colour
) -> list[Solid]:
    """A round column with its base and capital."""
    (x, y), wide = centre, 1.3 * radius
    foot, neck = z + 0.3, z + height - 0.35
    plate = shaded(colour, 1.04)
    return [
        box((x - wide, y - wide, z), (x + wide, y + wide, foot), plate),
        *lathe(centre, [(radius, foot), (0.86 * radius, neck)], sides=10, skin=colour),
        box((x - wide, y - wide, neck), (x + wide, y + wide, z + height), plate),
    ]
