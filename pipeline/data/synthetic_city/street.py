"""What surrounds a building: the ground and plain neighbours for good, and what passes by."""

import dataclasses
import functools

import numpy as np

from pipeline.data.synthetic_city.buildings import Building
from pipeline.data.synthetic_city.camera import Camera
from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.materials import masonry, plaster
from pipeline.data.synthetic_city.openings import Opening
from pipeline.data.synthetic_city.painting import Mesh, make_mesh
from pipeline.data.synthetic_city.solids import (
    Colour,
    Skin,
    Solid,
    Texture,
    box,
    make_texture,
    solid,
)
from pipeline.data.synthetic_city.sprites import MAKERS, Season, Sprite

_VARIANTS = 8
"""Different sprites of a kind and season, and different neighbours, that a city has."""
_GROUND_SCALE = 8.0
_PLASTERS: tuple[Colour, ...] = (
    (206, 190, 162), (188, 168, 148), (214, 206, 192), (176, 134, 112), (198, 182, 188),
    (170, 176, 172), (222, 200, 150), (156, 128, 112),
)  # fmt: skip


@functools.cache
def sprite(seed: int, kind: str, season: Season, variant: int) -> Sprite:
    """One of the city's trees, people, cars or lamp posts."""
    keys = (seed, 2, list(MAKERS).index(kind), variant)
    return MAKERS[kind](np.random.default_rng(keys), season)


@functools.cache
def neighbour_wall(seed: int, variant: int) -> Texture:
    """A plain façade, 16 m wide and 15 m high, of the houses around."""
    rng = np.random.default_rng((seed, 3, variant))
    colour = _PLASTERS[variant % len(_PLASTERS)]
    wall = Wall(16.0, 15.0, plaster(rng, colour, _GROUND_SCALE), _GROUND_SCALE, rng)
    opening = Opening(
        shape="rectangular", width=1.1, height=1.7, trim=(214, 208, 196), glass=(70, 80, 92)
    )
    bays = int(rng.integers(4, 7))
    for z in np.arange(1.0, 13.0, 3.2):
        wall.row(opening, float(z), bays, margin=0.6)
    wall.band(14.2, 0.4, (204, 198, 186))
    return wall.texture()


@functools.cache
def ground_texture(kind: str) -> Texture:
    """An endless ground: paving, asphalt or grass."""
    rng = np.random.default_rng((4, len(kind)))
    if kind == "paving":
        tile = masonry(
            rng, (168, 162, 152), _GROUND_SCALE, course=0.75, length=0.75, variation=0.05
        )
    elif kind == "asphalt":
        tile = plaster(rng, (96, 96, 98), _GROUND_SCALE)
    else:
        tile = masonry(
            rng, (104, 128, 72), _GROUND_SCALE, course=0.25, length=0.4, joint=0.0, variation=0.09
        )
    return make_texture(tile, _GROUND_SCALE, tiled=True)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Site:
    """A building where it stands, with its ground and its neighbours."""

    building: Building
    ground: Mesh
    neighbours: Mesh


def settle(building: Building, city_seed: int, rng: np.random.Generator) -> Site:
    """Puts a building into a street of the city."""
    kind = ("paving", "grass", "paving")[rng.integers(3)]
    return Site(
        building=building,
        ground=make_mesh(_ground(building, kind)),
        neighbours=_neighbours(building, city_seed, rng),
    )


def _ground(building: Building, kind: str) -> list[Solid]:
    """Strips of ground: a forecourt of `kind`, a road along it, and the square the camera is on."""
    strips: tuple[tuple[float, float, Skin], ...] = (
        (-6.0, 90.0, ground_texture(kind)),
        (-13.0, -6.0, ground_texture("asphalt")),
        (-30.0, -13.0, ground_texture("paving")),
        (-120.0, -30.0, ground_texture("paving")),
    )
    front = float(building.lower[1])
    return [_strip(front + near, front + far, skin) for near, far, skin in strips]


def _strip(near: float, far: float, skin: Skin) -> Solid:
    reach = 160.0
    corners = [(-reach, near, 0.0), (reach, near, 0.0), (reach, far, 0.0), (-reach, far, 0.0)]
    return solid([(corners, skin)])


def _neighbours(building: Building, seed: int, rng: np.random.Generator) -> Mesh:
    """Plain houses beside and behind a building."""
    solids = []
    left, right = float(building.lower[0]), float(building.upper[0])
    back = float(building.upper[1])
    for side in (-1, 1):
        edge = left if side < 0 else right
        edge += side * float(rng.uniform(2.0, 14.0))
        for _ in range(int(rng.integers(1, 4))):
            width, depth = (float(rng.uniform(10.0, 16.0)) for _ in range(2))
            setback = float(building.lower[1]) + float(rng.uniform(-1.0, 9.0))
            solids.append(
                _house((min(edge, edge + side * width), setback), width, depth, seed, rng)
            )
            edge += side * (width + float(rng.choice([0.0, 0.0, rng.uniform(1.0, 8.0)])))
    for x in np.arange(left - 40.0, right + 40.0, 17.0):
        if rng.random() < 0.45:
            corner = (float(x), back + float(rng.uniform(14.0, 40.0)))
            solids.append(_house(corner, 16.0, 12.0, seed, rng))
    return make_mesh(solids)


def _house(
    corner: tuple[float, float], width: float, depth: float, seed: int, rng: np.random.Generator
) -> Solid:
    wall = neighbour_wall(seed, int(rng.integers(_VARIANTS)))
    height = float(rng.choice([8.5, 11.5, 14.6]))
    x, y = corner
    return box((x, y, 0.0), (x + width, y + depth, height), wall, top=(132, 112, 100))


def passers_by(
    building: Building, camera: Camera, season: Season, seed: int, rng: np.random.Generator
) -> Mesh:
    """Trees, people, cars and lamp posts on the pavement, the road and the square."""
    counts = {
        "tree": rng.poisson(1.6),
        "person": rng.poisson(3.0),
        "car": rng.poisson(1.2),
        "lamp post": rng.poisson(0.7),
    }
    solids = []
    for kind, count in counts.items():
        for _ in range(int(count)):
            chosen = sprite(seed, kind, season, int(rng.integers(_VARIANTS)))
            place = _place(kind, building, camera, rng)
            if place is not None:
                solids.append(_stand(chosen, place, camera))
    return make_mesh(solids) if solids else make_mesh([_strip(-500.0, -499.0, (0, 0, 0))])


def _place(
    kind: str, building: Building, camera: Camera, rng: np.random.Generator
) -> np.ndarray | None:
    """A spot at least a few metres from the camera; None if the one drawn is too near."""
    depth = {"tree": (-5.0, -1.5), "person": (-12.0, -0.8), "car": (-12.0, -7.0)}
    low, high = depth.get(kind, (-5.5, -4.0))
    left, right = float(building.lower[0]), float(building.upper[0])
    x = rng.uniform(left - 14.0, right + 14.0)
    if kind == "tree" and rng.random() < 0.6:  # most trees stand beside the building
        x = rng.choice([left - rng.uniform(0, 12), right + rng.uniform(0, 12)])
    place = np.array([x, float(building.lower[1]) + rng.uniform(low, high), 0.0])
    nearest = 9.0 if kind in ("tree", "car") else 4.0
    return place if np.linalg.norm(place - camera.position) > nearest else None


def _stand(chosen: Sprite, place: np.ndarray, camera: Camera) -> Solid:
    """A sprite upright on the ground, turned to the camera."""
    towards = camera.position - place
    across = np.array([-towards[1], towards[0], 0.0]) / np.hypot(towards[0], towards[1])
    half, rise = across * chosen.width / 2, np.array([0.0, 0.0, chosen.height])
    corners = [place - half, place + half, place + half + rise, place - half + rise]
    return solid([([corner.tolist() for corner in corners], chosen.texture)])
