"""Which building a landmark is: families of styles and palettes, and the siblings in them."""

import dataclasses
from collections.abc import Callable

import numpy as np

from pipeline.data.synthetic_city.painting import Mesh, make_mesh
from pipeline.data.synthetic_city.solids import Colour, Solid
from pipeline.data.synthetic_city.styles.arcade_palace import arcade_palace
from pipeline.data.synthetic_city.styles.baroque_church import baroque_church
from pipeline.data.synthetic_city.styles.castle import castle
from pipeline.data.synthetic_city.styles.deco_tower import deco_tower
from pipeline.data.synthetic_city.styles.glass_tower import glass_tower
from pipeline.data.synthetic_city.styles.gothic_church import gothic_church
from pipeline.data.synthetic_city.styles.mansard_palace import mansard_palace
from pipeline.data.synthetic_city.styles.temple import temple
from pipeline.data.synthetic_city.styles.timber_house import timber_house
from pipeline.data.synthetic_city.styles.town_hall import town_hall
from pipeline.data.synthetic_city.styles.warehouse import warehouse
from pipeline.data.synthetic_city.workshop import Family, Material, Workshop

SIBLINGS = 2
"""Landmarks of one style and palette, which only their details tell apart."""

_LIMESTONE: Colour = (206, 190, 158)
_GREY_STONE: Colour = (172, 168, 160)
_RED_SANDSTONE: Colour = (168, 112, 90)
_RED_BRICK: Colour = (156, 86, 68)
_DARK_BRICK: Colour = (122, 76, 64)
_YELLOW_BRICK: Colour = (194, 164, 114)
_CREAM: Colour = (230, 220, 196)
_OCHRE: Colour = (220, 182, 118)
_ROSE: Colour = (214, 168, 152)
_MINT: Colour = (182, 204, 184)
_SKY: Colour = (176, 196, 212)
_WHITE: Colour = (232, 230, 224)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Style:
    """A way to build: who builds it, from which walls and roofs, and what to call it."""

    build: Callable[[Workshop], list[Solid]]
    walls: tuple[tuple[Material, Colour], ...]
    trims: tuple[Colour, ...]
    roofs: tuple[str, ...]
    names: tuple[str, ...]


STYLES: dict[str, Style] = {
    "gothic church": Style(
        build=gothic_church,
        walls=(
            ("ashlar", _LIMESTONE),
            ("ashlar", _GREY_STONE),
            ("ashlar", _RED_SANDSTONE),
            ("brick", _RED_BRICK),
        ),
        trims=((222, 212, 190), (196, 190, 178)),
        roofs=("slate", "tiles", "metal"),
        names=("Saint {} Church", "{} Minster", "{} Abbey", "Saint {} Chapel"),
    ),
    "mansard palace": Style(
        build=mansard_palace,
        walls=(("ashlar", _LIMESTONE), ("ashlar", _CREAM), ("brick", _RED_BRICK)),
        trims=((224, 214, 192), (214, 208, 196)),
        roofs=("slate", "metal"),
        names=("Hotel {}", "{} Galleries", "{} Mansions"),
    ),
    "timber house": Style(
        build=timber_house,
        walls=(("plaster", _WHITE), ("plaster", _CREAM), ("plaster", _OCHRE), ("plaster", _ROSE)),
        trims=((120, 86, 60),),
        roofs=("tiles", "slate"),
        names=("{} House", "The {} Inn", "{} Guildhouse"),
    ),
    "temple": Style(
        build=temple,
        walls=(("ashlar", _LIMESTONE), ("ashlar", _GREY_STONE), ("ashlar", _WHITE)),
        trims=((226, 220, 206), (204, 198, 186)),
        roofs=("metal", "slate"),
        names=("{} Museum", "{} Exchange", "{} Theatre", "{} Library"),
    ),
    "glass tower": Style(
        build=glass_tower,
        walls=(
            ("plaster", (98, 126, 148)),
            ("plaster", (92, 122, 118)),
            ("plaster", (120, 122, 128)),
            ("plaster", (140, 118, 92)),
        ),
        trims=((214, 216, 218), (92, 96, 102), (186, 178, 164)),
        roofs=("metal",),
        names=("{} Tower", "{} Point", "{} Centre"),
    ),
    "town hall": Style(
        build=town_hall,
        walls=(
            ("brick", _RED_BRICK),
            ("brick", _YELLOW_BRICK),
            ("ashlar", _RED_SANDSTONE),
            ("ashlar", _GREY_STONE),
        ),
        trims=((220, 208, 184), (202, 190, 168)),
        roofs=("slate", "tiles"),
        names=("{} Town Hall", "{} Guildhall", "{} Station"),
    ),
    "baroque church": Style(
        build=baroque_church,
        walls=(
            ("plaster", _OCHRE),
            ("plaster", _ROSE),
            ("plaster", _MINT),
            ("plaster", _SKY),
            ("plaster", _CREAM),
        ),
        trims=((240, 236, 226), (226, 218, 200)),
        roofs=("tiles", "metal", "slate"),
        names=("Saint {} Basilica", "Church of {}", "{} Priory"),
    ),
    "arcade palace": Style(
        build=arcade_palace,
        walls=(
            ("banded", _LIMESTONE),
            ("banded", _ROSE),
            ("brick", _DARK_BRICK),
            ("plaster", _OCHRE),
        ),
        trims=((232, 226, 212), (216, 202, 178)),
        roofs=("tiles", "metal"),
        names=("Palazzo {}", "{} Loggia", "{} Court"),
    ),
    "warehouse": Style(
        build=warehouse,
        walls=(("brick", _RED_BRICK), ("brick", _DARK_BRICK), ("brick", _YELLOW_BRICK)),
        trims=((206, 194, 172), (178, 168, 152)),
        roofs=("slate", "tiles"),
        names=("{} Mill", "{} Works", "{} Wharf"),
    ),
    "castle": Style(
        build=castle,
        walls=(
            ("ashlar", _GREY_STONE),
            ("ashlar", _LIMESTONE),
            ("ashlar", _RED_SANDSTONE),
            ("brick", _RED_BRICK),
        ),
        trims=((200, 192, 176), (176, 168, 154)),
        roofs=("slate", "tiles", "metal"),
        names=("{} Castle", "{} Gate", "{} Keep"),
    ),
    "deco tower": Style(
        build=deco_tower,
        walls=(
            ("ashlar", _CREAM),
            ("brick", _YELLOW_BRICK),
            ("brick", _DARK_BRICK),
            ("ashlar", _GREY_STONE),
        ),
        trims=((226, 214, 188), (190, 180, 162)),
        roofs=("metal",),
        names=("{} Building", "{} Hall", "Hotel {}"),
    ),
}
_ACCENTS: tuple[Colour, ...] = (
    (110, 44, 40), (44, 72, 60), (48, 62, 96), (96, 68, 44), (70, 70, 76), (58, 92, 104),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Building:
    """A finished building: its mesh and the corners of its bounding box, (3,) each."""

    mesh: Mesh
    solids: tuple[Solid, ...]
    lower: np.ndarray
    upper: np.ndarray


def draw_family(style: str, rng: np.random.Generator) -> Family:
    """Picks the palette of a family of a style."""
    chosen = STYLES[style]
    material, wall = chosen.walls[rng.integers(len(chosen.walls))]
    tint = rng.normal(1.0, 0.03, 3) * rng.uniform(0.92, 1.05)
    red, green, blue = (int(min(c * t, 245)) for c, t in zip(wall, tint, strict=True))
    return Family(
        style=style,
        material=material,
        wall=(red, green, blue),
        trim=chosen.trims[rng.integers(len(chosen.trims))],
        roof=chosen.roofs[rng.integers(len(chosen.roofs))],
        accent=_ACCENTS[rng.integers(len(_ACCENTS))],
    )


def build(family: Family, scale: float, rng: np.random.Generator) -> Building:
    """Builds one member of a family, with textures of `scale` pixels per metre."""
    solids = STYLES[family.style].build(Workshop(family, scale, rng))
    return Building(
        mesh=make_mesh(solids, lamps=1.0),
        solids=tuple(solids),
        lower=np.min([each.lower for each in solids], axis=0),
        upper=np.max([each.upper for each in solids], axis=0),
    )
