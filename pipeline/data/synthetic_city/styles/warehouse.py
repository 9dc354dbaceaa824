"""Warehouses and mills."""

import numpy as np

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening, shaded
from pipeline.data.synthetic_city.solids import Solid, box, frustum, gable, lathe
from pipeline.data.synthetic_city.workshop import Workshop


def warehouse(shop: Workshop) -> list[Solid]:
    """A brick mill: rows of arched windows, gables, a chimney or a water tower."""
    bays, floors, storey = shop.count(4, 9), shop.count(2, 4), 3.6
    pitch = shop.between(2.3, 3.0)
    width, depth, height = bays * pitch, shop.between(11, 17), floors * storey + 0.8
    half, trim = width / 2, shop.family.trim
    window = Opening(
        shape=shop.pick(["segmental", "round", "rectangular"]),
        width=pitch * 0.58,
        height=shop.between(1.9, 2.6),
        panes=(shop.count(2, 4), shop.count(3, 5)),
        surround=0.12,
        trim=shop.pick([trim, shaded(shop.family.wall, 0.75)]),
        bars=shop.pick([(226, 224, 216), (60, 66, 62)]),
    )
    piers, banded = shop.rng.random() < 0.5, shop.rng.random() < 0.6
    front, side = shop.wall(width, height), shop.wall(depth, height)
    for wall, count in ((front, bays), (side, shop.count(4, 6))):
        for floor in range(floors):
            wall.row(window, floor * storey + 0.9, count)
            if banded and floor:
                wall.band(floor * storey + 0.1, 0.25, trim)
        for index in range(count + 1) if piers else ():
            x = min(max(index * wall.width / count, 0.25), wall.width - 0.25)
            wall.pilaster(x, 0.0, 0.5, height, shaded(shop.family.wall, 1.06))
    gate = shop.count(0, bays - 1)
    front.place(
        Opening(
            shape="segmental", width=pitch * 0.8, height=3.0, trim=trim, filling=shop.family.accent
        ),
        (gate + 0.5) * pitch,
        0.0,
    )
    if shop.rng.random() < 0.5:
        _sign(front, height - 1.0, shop)
    made = [box((-half, 0, 0), (half, depth, height), front.texture(), side=side.texture())]
    return made + _mill_roof(shop, half, depth, height) + _landmark_chimney(shop, half, depth)


def _sign(wall: Wall, z: float, shop: Workshop) -> None:
    """A painted board with letters too small to read."""
    length = wall.width * shop.between(0.4, 0.7)
    left = (wall.width - length) / 2
    wall.rectangle(left, z, length, 0.9, (226, 216, 190))
    for x in np.arange(left + 0.4, left + length - 0.5, 0.55):
        height = 0.5 if shop.rng.random() < 0.8 else 0.1
        wall.rectangle(x, z + 0.2, 0.34, height, shop.family.accent)


def _mill_roof(shop: Workshop, half: float, depth: float, z: float) -> list[Solid]:
    kind = shop.pick(["gables", "long", "sawtooth", "flat"])
    if kind == "flat":
        return [box((-half - 0.2, -0.2, z), (half + 0.2, depth, z + 0.9), shop.family.trim)]
    if kind == "long":
        return [
            frustum(
                (-half - 0.3, -0.3, z),
                (half + 0.3, depth, z + 4.0),
                inset=(0.05, (depth + 0.3) / 2),
                skin=shop.roof,
                side=shop.wall(depth, 4.0).texture(),
            )
        ]
    count = shop.count(1, 3) if kind == "gables" else shop.count(3, 5)
    step, rise = 2 * half / count, shop.between(2.6, 4.2)
    end = shop.wall(step, rise)
    end.place(
        Opening(shape="circular", width=1.3, height=1.3, panes=(2, 2), trim=shop.family.trim),
        step / 2,
        0.6,
    )
    texture = end.texture()
    return [
        gable(
            (-half + i * step, 0.0, z),
            (-half + (i + 1) * step, depth, z + rise),
            ridge="y",
            roof=shop.roof,
            end=texture,
        )
        for i in range(count)
    ]


def _landmark_chimney(shop: Workshop, half: float, depth: float) -> list[Solid]:
    kind = shop.pick(["chimney", "chimney", "none", "tank"])
    if kind == "none":
        return []
    x = shop.pick([-1, 1]) * (half + 2.4)
    brick = shop.wall(1.6, 10.0).texture()
    if kind == "chimney":
        top = shop.between(18, 28)
        shaft = [(1.5, 0.0), (0.9, top)]
        return [
            *lathe((x, depth * 0.4), shaft, sides=10, skin=brick),
            *lathe(
                (x, depth * 0.4), [(1.15, top), (1.15, top + 0.8)], sides=10, skin=shop.family.trim
            ),
        ]
    foot = shop.between(11, 15)
    posts = [
        box(
            (x + dx - 0.15, 3.0 + dy - 0.15, 0),
            (x + dx + 0.15, 3.0 + dy + 0.15, foot),
            (84, 80, 78),
        )
        for dx in (-1.4, 1.4)
        for dy in (-1.4, 1.4)
    ]
    tank = [(2.1, foot), (2.1, foot + 3.4)]
    return [
        *posts,
        *lathe((x, 3.0), tank, sides=12, skin=(138, 104, 80)),
        *lathe((x, 3.0), [(2.3, foot + 3.4), (0.03, foot + 5.0)], sides=12, skin=shop.roof),
    ]
