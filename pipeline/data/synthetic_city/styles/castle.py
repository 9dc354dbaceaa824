"""Castles."""

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening, shaded
from pipeline.data.synthetic_city.solids import Solid, box, lathe
from pipeline.data.synthetic_city.workshop import (
    TowerTop,
    Workshop,
    merlons,
    tower,
)


def castle(shop: Workshop) -> list[Solid]:
    """A gatehouse or a keep between round towers."""
    half, depth, height = shop.between(6, 10), shop.between(8, 14), shop.between(8, 12)
    trim = shop.family.trim
    arrow = Opening(
        shape=shop.pick(["rectangular", "pointed", "round"]),
        width=shop.between(0.6, 1.2),
        height=shop.between(1.6, 2.4),
        panes=(1, 2),
        trim=trim,
    )
    front, side = shop.wall(2 * half, height), shop.wall(depth, height)
    for wall, bays in ((front, shop.count(2, 6)), (side, 3)):
        wall.row(arrow, height * 0.58, bays, margin=1.0)
        wall.band(height - 1.3, 0.35, trim)
    gate = Opening(
        shape=shop.pick(["pointed", "round"]),
        width=shop.between(2.6, 3.6),
        height=shop.between(3.8, 4.8),
        trim=trim,
        filling=(72, 54, 40),
    )
    front.portal(gate, half, 1)
    made = [
        box((-half, 0, 0), (half, depth, height), front.texture(), side=side.texture()),
        *merlons((-half, 0), (half, depth), height, shaded(shop.family.wall, 1.04), 1.5),
    ]
    if shop.rng.random() < 0.55:
        keep = shop.between(5, 8)
        top: TowerTop = shop.pick(("pyramid", "battlements"))

        def decorate(wall: Wall) -> None:
            wall.row(arrow, wall.height - 3.4, 2, margin=0.6)

        x = shop.pick([-half + 0.6, -keep / 2, half - keep - 0.6])
        made += tower(shop, (x, 1.5), keep, (height, height + shop.between(5, 9)), top, decorate)
    return made + _round_towers(shop, half, height, arrow)


def _round_towers(shop: Workshop, half: float, height: float, arrow: Opening) -> list[Solid]:
    radius, capped = shop.between(2.2, 3.4), shop.rng.random() < 0.65
    top = height + shop.between(0.5, 6.0)
    places = shop.pick([(-1, 1), (-1, 1), (-1,), (1,)])
    slit = shop.wall(2 * radius * 0.27, top)
    slit.place(
        Opening(
            shape="rectangular",
            width=0.35,
            height=1.6,
            panes=(1, 1),
            surround=0.12,
            trim=arrow.trim,
        ),
        slit.width / 2,
        top * 0.66,
    )
    made = []
    for side in places:
        centre = (side * (half + radius + 0.02), 1.2)
        made += lathe(centre, [(radius, 0.0), (radius, top)], sides=12, skin=slit.texture())
        made += lathe(
            centre,
            [(radius * 1.14, top), (radius * 1.14, top + 1.3)],
            sides=12,
            skin=shaded(shop.family.wall, 1.05),
        )
        if capped:
            made += lathe(
                centre,
                [(radius * 1.25, top + 1.3), (0.03, top + 1.3 + 2.4 * radius)],
                sides=12,
                skin=shop.roof,
            )
    return made
