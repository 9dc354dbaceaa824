"""Town halls, classical porticoes, arcaded palaces and mansard palaces."""

import numpy as np

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening, Shape, shaded
from pipeline.data.synthetic_city.solids import Solid, box, frustum, gable, lathe
from pipeline.data.synthetic_city.workshop import (
    ROOFS,
    TowerTop,
    Workshop,
    column,
    cornice,
    dome,
    merlons,
    tower,
)


def town_hall(shop: Workshop) -> list[Solid]:
    """A wide block with a steep roof, a stepped gable and a clock tower."""
    floors, bays = shop.count(2, 3), shop.count(5, 9)
    width, depth, storey = bays * shop.between(2.6, 3.3), shop.between(11, 15), 3.9
    height, half, trim = floors * storey + 0.6, width / 2, shop.family.trim
    door = Opening(shape="round", width=2.2, height=3.4, trim=trim, filling=shop.family.accent)
    ground = Opening(
        shape=shop.pick(["round", "pointed", "segmental"]),
        width=1.7,
        height=2.8,
        panes=(2, 3),
        trim=trim,
        surround=0.2,
    )
    upper = Opening(
        shape=shop.pick(["rectangular", "segmental", "round"]),
        width=1.3,
        height=2.3,
        panes=(2, shop.count(2, 4)),
        trim=trim,
        surround=0.18,
        hood=shop.pick(["none", "flat", "triangular"]),
    )
    front, side = shop.wall(width, height), shop.wall(depth, height)
    for wall, count in ((front, bays), (side, shop.count(3, 5))):
        wall.row(ground, 0.7, count, skipped=(bays // 2,) if wall is front else ())
        for floor in range(1, floors):
            wall.band(floor * storey, 0.25, trim)
            wall.row(upper, floor * storey + 1.0, count)
        wall.quoins(0.0, height, trim)
    front.place(door, (bays // 2 + 0.5) * width / bays, 0.0)
    roof = height + 0.5 + shop.between(4.0, 6.5)
    made = [
        box((-half, 0, 0), (half, depth, height), front.texture(), side=side.texture()),
        cornice((-half, 0), (half, depth), height, trim),
        frustum(
            (-half, 0.9, height + 0.5),
            (half, depth, roof),
            inset=(shop.pick([0.02, 3.0, 5.0]), (depth - 0.9) / 2),
            skin=shop.roof,
        ),
    ]
    place = shop.pick(["left", "right", "behind", "none"])
    gable_x = 0.0 if place in ("behind", "none") else half * (0.45 if place == "left" else -0.45)
    made += _stepped_gable(shop, gable_x, height + 0.5)
    return made + _clock_tower(shop, place, half, (depth, height))


def _stepped_gable(shop: Workshop, x: float, z: float) -> list[Solid]:
    steps, half, rise = shop.count(2, 5), shop.between(2.4, 3.6), shop.between(0.8, 1.2)
    made = []
    window = Opening(
        shape=shop.pick(["circular", "round"]),
        width=1.1,
        height=1.1,
        panes=(2, 2),
        trim=shop.family.trim,
    )
    for step in range(steps):
        reach = half * (1 - step / steps)
        wall = shop.wall(2 * reach, rise)
        if step == 0:
            wall = shop.wall(2 * reach, rise * 1.7)
            wall.place(window, reach, 0.4)
        top = z + wall.height
        made.append(
            box((x - reach, -0.1, z), (x + reach, 0.8, top), wall.texture(), top=shop.family.trim)
        )
        z = top
    return made


def _clock_tower(
    shop: Workshop, place: str, half: float, block: tuple[float, float]
) -> list[Solid]:
    if place == "none":
        return []
    depth, height = block
    width, trim = shop.between(4.5, 6.0), shop.family.trim
    hour, slender = shop.between(0, 12), shop.count(1, 3)
    slot = Opening(
        shape=shop.pick(["round", "rectangular", "pointed"]),
        width=0.8,
        height=2.2,
        panes=(1, 3),
        trim=trim,
    )

    def decorate(wall: Wall) -> None:
        wall.quoins(0.0, wall.height, trim)
        wall.clock(wall.width / 2, wall.height - 2.4, 1.5, trim, hour)
        wall.band(wall.height - 4.6, 0.35, trim)
        for level in (0.08, 0.3, 0.5):
            wall.row(slot, wall.height * level + 0.5, slender, margin=0.7)

    top = height + shop.between(7, 13)
    crown: TowerTop = shop.pick(("pyramid", "lantern", "onion", "battlements", "dome"))
    corner = {
        "left": (-half - width - 0.55, -0.4),
        "right": (half + 0.55, -0.4),
        "behind": (-width / 2, depth + 0.6),
    }[place]
    base = 0.0
    return tower(
        shop, corner, width, (base, top + (3 if place == "behind" else 0)), crown, decorate
    )


def temple(shop: Workshop) -> list[Solid]:
    """A classical front: steps, columns under a pediment, perhaps a dome."""
    columns, spacing = shop.pick([4, 6, 8]), shop.between(2.2, 2.7)
    reach, height = (columns - 1) * spacing / 2 + 0.9, shop.between(8, 10.5)
    wings = shop.pick([0.0, 4.0, 7.5])
    half, depth, trim = reach + wings, shop.between(14, 20), shop.family.trim
    window = Opening(
        shape=shop.pick(["rectangular", "round"]),
        width=1.4,
        height=shop.between(2.4, 3.2),
        panes=(2, 4),
        trim=trim,
        surround=0.2,
        hood=shop.pick(["flat", "triangular", "curved"]),
    )
    front, side = shop.wall(2 * half, height), shop.wall(depth, height)
    bays = columns - 1 + (2 * round(wings / 2.5) if wings else 0)
    front.row(window, 2.4, bays)
    side.row(window, 2.4, shop.count(3, 6))
    upper = Opening(
        shape=shop.pick(["rectangular", "circular"]), width=1.1, height=1.1, panes=(2, 2), trim=trim
    )
    if shop.rng.random() < 0.6:
        front.row(upper, height - 2.2, bays)
        side.row(upper, height - 2.2, 4)
    front.place(
        Opening(width=2.0, height=4.4, trim=trim, filling=shop.family.accent, hood="triangular"),
        half,
        0.9,
    )
    made = [
        box((-half, 0, 0), (half, depth, height), front.texture(), side=side.texture()),
        cornice((-half, 0), (half, depth), height, trim, height=0.8),
    ]
    made += _portico(shop, reach, columns, height)
    return made + _temple_crown(shop, half, depth, height + 0.8)


def _portico(shop: Workshop, reach: float, columns: int, height: float) -> list[Solid]:
    stone, front = shaded(shop.family.wall, 1.05), -3.4
    made = [
        box(
            (-reach - 0.5 * n, front - 0.5 * n, 0.9 - 0.3 * (n + 1)),
            (reach + 0.5 * n, -0.36, 0.9 - 0.3 * n),
            shaded(stone, 0.96 + 0.03 * n),
        )
        for n in range(3)
    ]
    shaft = height - 0.9
    for index in range(columns):
        x = (index - (columns - 1) / 2) * (2 * reach - 1.8) / (columns - 1)
        made += column((x, front + 0.7), 0.9, shaft, 0.5, stone)
    tympanum = shop.wall(2 * reach + 0.6, 3.2)
    tympanum.polygon(_triangle(tympanum, 0.45), shaded(stone, 0.82))
    if shop.rng.random() < 0.6:
        tympanum.place(
            Opening(shape="circular", width=1.2, height=1.2, panes=(2, 2), trim=shop.family.trim),
            reach + 0.3,
            0.6,
        )
    made.append(box((-reach - 0.1, front, height), (reach + 0.1, -0.36, height + 0.8), stone))
    made.append(
        gable(
            (-reach - 0.3, front - 0.2, height + 0.8),
            (reach + 0.3, 0.2, height + 0.8 + shop.between(2.4, 3.2)),
            ridge="y",
            roof=shop.roof,
            end=tympanum.texture(),
        )
    )
    return made


def _triangle(wall: Wall, inset: float) -> np.ndarray:
    return np.array(
        [
            (inset * 3, inset),
            (wall.width - inset * 3, inset),
            (wall.width / 2, wall.height - inset * 1.6),
        ]
    )


def _temple_crown(shop: Workshop, half: float, depth: float, z: float) -> list[Solid]:
    crown = shop.pick(["dome", "dome", "attic", "hip"])
    if crown == "hip":
        return [
            frustum(
                (-half, 0.3, z),
                (half, depth, z + 3.6),
                inset=(shop.between(3, half), (depth - 0.3) / 2),
                skin=shop.roof,
            )
        ]
    base = z + shop.between(1.5, 3.0)
    inset = half * shop.between(0.2, 0.5)
    attic = shop.wall(2 * (half - inset), base - z)
    made = [box((-half + inset, 2.0, z), (half - inset, depth - 2, base), attic.texture())]
    if crown == "dome":
        radius = min(shop.between(3.6, 5.5), depth / 2 - 2)
        drum_top = base + shop.between(1.6, 3.6)
        drum = shop.wall(radius * 0.52, drum_top - base)
        drum.place(
            Opening(
                shape="round",
                width=0.9,
                height=drum.height * 0.6,
                panes=(1, 2),
                trim=shop.family.trim,
            ),
            drum.width / 2,
            0.3,
        )
        centre = (0.0, depth / 2)
        made += lathe(centre, [(radius, base), (radius, drum_top)], sides=12, skin=drum.texture())
        made += dome(centre, radius * 1.04, drum_top, shop.roof, rise=shop.between(0.7, 1.15))
    return made


def arcade_palace(shop: Workshop) -> list[Solid]:
    """A palace over an arcade, of banded stone, with battlements or a low roof."""
    bays, floors = shop.count(5, 9), shop.count(2, 3)
    pitch, storey = shop.between(2.5, 3.2), 4.2
    width, depth, height = bays * pitch, shop.between(11, 16), floors * storey + 1.2
    half, trim = width / 2, shop.family.trim
    arch: Shape = shop.pick(("round", "pointed"))
    arcade = Opening(
        shape=arch,
        width=pitch * 0.74,
        height=3.5,
        panes=(1, 1),
        surround=0.22,
        trim=trim,
        glass=(70, 62, 58),
    )
    other_arch: Shape = shop.pick(("pointed", "round"))
    window = Opening(
        shape=other_arch,
        width=1.3,
        height=2.5,
        panes=(2, 2),
        trim=trim,
        surround=0.2,
        tracery=bool(shop.rng.random() < 0.6),
    )
    grand = Opening(
        shape=arch, width=pitch * 0.66, height=3.0, panes=(3, 2), trim=trim, surround=0.24
    )
    middle = tuple(range(bays // 2 - 1, bays // 2 + 2 - (bays + 1) % 2))
    balcony, count = shop.rng.random() < 0.7, shop.count(4, 6)
    front, side = shop.wall(width, height), shop.wall(depth, height)
    for wall, number in ((front, bays), (side, count)):
        wall.row(arcade, 0.0, number)
        for floor in range(1, floors):
            wall.band(floor * storey - 0.15, 0.28, trim)
            wall.row(window, floor * storey + 0.9, number, skipped=middle if wall is front else ())
        wall.band(height - 0.8, 0.3, trim)
    for floor in range(1, floors):
        for bay in middle:
            front.place(grand, (bay + 0.5) * pitch, floor * storey + 0.5)
        if balcony:
            front.balustrade(middle[0] * pitch, floor * storey + 0.2, len(middle) * pitch, trim)
    made = [
        box((-half, 0, 0), (half, depth, height), front.texture(), side=side.texture()),
        cornice((-half, 0), (half, depth), height, trim),
    ]
    crown = shop.pick(["battlements", "hip", "turrets", "loggia"])
    return made + _palace_crown(shop, crown, (half, depth, height + 0.5))


def _palace_crown(shop: Workshop, crown: str, extent: tuple[float, float, float]) -> list[Solid]:
    half, depth, z = extent
    stone = shaded(shop.family.trim, 0.98)
    if crown == "battlements":
        return merlons((-half, 0), (half, depth), z, stone, shop.between(1.2, 1.9))
    if crown == "hip":
        return [
            frustum(
                (-half - 0.3, -0.3, z),
                (half + 0.3, depth, z + 3.0),
                inset=(depth / 2, depth / 2 + 0.1),
                skin=shop.roof,
            )
        ]
    if crown == "turrets":
        made = merlons((-half + 2.2, 0), (half - 2.2, depth), z, stone, 1.6)
        for x in (-half + 1.0, half - 1.0):
            made += lathe((x, 1.0), [(1.0, z), (1.0, z + 2.4)], sides=8, skin=stone)
            made += lathe((x, 1.0), [(1.2, z + 2.4), (0.03, z + 5.4)], sides=8, skin=shop.roof)
        return made
    wall = shop.wall(half * 1.1, 3.2)
    wall.row(
        Opening(shape="round", width=1.1, height=2.2, panes=(1, 1), trim=stone),
        0.4,
        shop.count(3, 6),
    )
    x = shop.pick([-half, -half * 0.55, half * 1.0 - half * 1.1])
    return [
        box((x, 0, z), (x + half * 1.1, depth * 0.6, z + 3.2), wall.texture()),
        frustum(
            (x - 0.3, -0.3, z + 3.2),
            (x + half * 1.1 + 0.3, depth * 0.6 + 0.3, z + 5.0),
            inset=(half * 0.55 + 0.3, depth * 0.3 + 0.3),
            skin=shop.roof,
        ),
    ]


def mansard_palace(shop: Workshop) -> list[Solid]:
    """A boulevard palace: tall windows, iron balconies, dormers in a mansard roof."""
    bays, floors = shop.count(4, 9), shop.count(3, 5)
    pitch, storey = shop.between(2.3, 2.9), 3.5
    width, depth, height = bays * pitch, shop.between(11, 15), floors * storey + 0.6
    half, trim = width / 2, shop.family.trim
    tall = Opening(
        width=1.15,
        height=2.4,
        panes=(2, 3),
        trim=trim,
        surround=0.17,
        shape=shop.pick(["rectangular", "segmental", "round"]),
        hood=shop.pick(["none", "flat", "triangular", "curved"]),
        shutters=shop.family.accent if shop.rng.random() < 0.35 else None,
    )
    shopfront = Opening(
        shape=shop.pick(["rectangular", "round", "segmental"]),
        width=pitch * 0.66,
        height=2.7,
        panes=(2, 1),
        trim=shaded(trim, 0.85),
        glass=(66, 66, 62),
    )
    balconies = {1, floors - 1} if shop.rng.random() < 0.7 else {shop.count(1, floors - 1)}
    pilasters = shop.rng.random() < 0.4
    front, side = shop.wall(width, height), shop.wall(depth, height)
    for wall, count in ((front, bays), (side, shop.count(4, 5))):
        wall.row(shopfront, 0.2, count)
        wall.band(storey - 0.1, 0.3, trim)
        if pilasters:
            for index in range(count + 1):
                x = min(max(index * wall.width / count, 0.3), wall.width - 0.3)
                wall.pilaster(x, storey + 0.2, 0.45, height - storey - 0.6, trim)
        for floor in range(1, floors):
            wall.row(tall, floor * storey + 0.55, count)
            if floor in balconies:
                wall.balustrade(0.2, floor * storey + 0.4, wall.width - 0.4, (52, 54, 58))
    front.place(
        Opening(shape="round", width=1.8, height=3.0, trim=trim, filling=shop.family.accent),
        (shop.count(0, bays - 1) + 0.5) * pitch,
        0.0,
    )
    made = [
        box((-half, 0, 0), (half, depth, height), front.texture(), side=side.texture()),
        cornice((-half, 0), (half, depth), height, trim, reach=0.5),
    ]
    return made + _mansard(shop, (half, depth, height + 0.5), bays)


def _mansard(shop: Workshop, extent: tuple[float, float, float], bays: int) -> list[Solid]:
    half, depth, z = extent
    rise, pavilion = shop.between(2.8, 4.2), shop.pick(["none", "centre", "corners", "corner"])
    made = [
        frustum(
            (-half, 0.8, z),
            (half, depth, z + rise),
            inset=(1.2, 1.2),
            skin=shop.roof,
            top=ROOFS["slate"],
        )
    ]
    every = shop.pick([1, 1, 2])
    wall = shop.wall(1.5, 2.0, shop.stone(shop.family.trim))
    wall.place(
        Opening(
            shape=shop.pick(["round", "rectangular"]),
            width=0.9,
            height=1.4,
            panes=(2, 2),
            trim=shop.family.trim,
        ),
        0.75,
        0.3,
    )
    texture = wall.texture()
    for bay in range(0, bays, every):
        x = (bay + 0.5) * 2 * half / bays - half
        made.append(box((x - 0.75, 0.05, z), (x + 0.75, 0.8, z + 2.0), texture))
        made.append(
            gable(
                (x - 0.9, -0.05, z + 2.0),
                (x + 0.9, 0.8, z + 2.6),
                ridge="y",
                roof=shop.roof,
                end=shop.family.trim,
            )
        )
    radius = 2.2
    places = {
        "none": (),
        "centre": (0.0,),
        "corners": (-half + radius, half - radius),
        "corner": (half - radius,),
    }[pavilion]
    for x in places:
        foot = z + rise
        made += lathe(
            (x, 3.2 + radius),
            [(radius, foot), (radius, foot + 1.4)],
            sides=8,
            skin=shop.family.trim,
        )
        made += dome((x, 3.2 + radius), radius * 1.05, foot + 1.4, shop.roof, rise=1.3)
    return made
