"""Palaces under a mansard roof."""

from pipeline.data.synthetic_city.openings import Opening, shaded
from pipeline.data.synthetic_city.solids import Solid, box, frustum, gable, lathe
from pipeline.data.synthetic_city.workshop import (
    ROOFS,
    Workshop,
    cornice,
    dome,
)


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
