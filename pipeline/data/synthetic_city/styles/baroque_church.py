"""Baroque churches."""

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening
from pipeline.data.synthetic_city.solids import Solid, box, frustum, gable, lathe
from pipeline.data.synthetic_city.workshop import (
    TowerTop,
    Workshop,
    cornice,
    dome,
    tower,
)


def baroque_church(shop: Workshop) -> list[Solid]:
    """Coloured render with white pilasters, onion towers or a dome."""
    width, depth, eaves = shop.between(13, 18), shop.between(16, 22), shop.between(9, 12)
    half, trim = width / 2, shop.family.trim
    bays = shop.pick([3, 5])
    window = Opening(
        shape=shop.pick(["round", "segmental"]),
        width=1.5,
        height=3.6,
        panes=(2, 5),
        trim=trim,
        surround=0.25,
        hood=shop.pick(["none", "curved", "triangular"]),
    )
    oculus = Opening(shape="circular", width=1.3, height=1.3, panes=(2, 2), trim=trim)
    front, side = shop.wall(width, eaves), shop.wall(depth, eaves)
    for wall, count in ((front, bays), (side, shop.count(3, 5))):
        skipped = (count // 2,) if wall is front else ()
        wall.row(window, 1.9, count, skipped=skipped)
        wall.row(oculus, eaves - 2.7, count)
        for index in range(count + 1):
            x = min(max(index * wall.width / count, 0.5), wall.width - 0.5)
            wall.pilaster(x, 0.0, 0.8, eaves - 0.6, trim)
        wall.band(eaves - 0.6, 0.5, trim)
    door = Opening(shape="round", width=2.2, height=4.2, trim=trim, filling=shop.family.accent)
    front.portal(door, width / 2, 2)
    made = [
        box((-half, 0, 0), (half, depth, eaves), front.texture(), side=side.texture()),
        cornice((-half, 0), (half, depth), eaves, trim, reach=0.5),
        *_broken_gable(shop, half, eaves + 0.5),
        frustum(
            (-half, 0.8, eaves + 0.5),
            (half, depth, eaves + 4.5),
            inset=(half * 0.4, 3.0),
            skin=shop.roof,
            top=(110, 112, 114),
        ),
    ]
    return made + _baroque_crown(shop, half, depth, eaves)


def _broken_gable(shop: Workshop, half: float, z: float) -> list[Solid]:
    wall = shop.wall(half, 2.6)
    wall.place(
        Opening(shape="circular", width=1.2, height=1.2, panes=(2, 2), trim=shop.family.trim),
        half / 2,
        0.7,
    )
    return [
        box((-half / 2, 0, z), (half / 2, 0.8, z + 2.6), wall.texture()),
        gable(
            (-half / 2 - 0.3, -0.2, z + 2.6),
            (half / 2 + 0.3, 0.8, z + 4.0),
            ridge="y",
            roof=shop.family.trim,
            end=shop.family.trim,
        ),
    ]


def _baroque_crown(shop: Workshop, half: float, depth: float, eaves: float) -> list[Solid]:
    layout = shop.pick(["twin", "dome", "left", "right", "dome"])
    if layout == "dome":
        radius = shop.between(3.6, 5.2)
        drum_foot, drum_top = eaves + 4.5, eaves + 4.5 + shop.between(2.5, 4.5)
        drum = shop.wall(radius * 0.8, drum_top - drum_foot)
        drum.place(
            Opening(
                shape="round",
                width=1.1,
                height=drum.height * 0.66,
                panes=(2, 3),
                trim=shop.family.trim,
            ),
            drum.width / 2,
            0.4,
        )
        centre = (0.0, depth * 0.5)
        return [
            *lathe(centre, [(radius, drum_foot), (radius, drum_top)], sides=8, skin=drum.texture()),
            *lathe(
                centre,
                [(radius * 1.08, drum_top), (radius * 1.08, drum_top + 0.4)],
                sides=8,
                skin=shop.family.trim,
            ),
            *dome(centre, radius, drum_top + 0.4, shop.roof, rise=shop.between(0.8, 1.3)),
        ]
    width = shop.between(4.0, 5.4)
    top: TowerTop = shop.pick(["onion", "onion", "dome", "lantern"])
    clock, hour = shop.rng.random() < 0.5, shop.between(0, 12)
    bell = Opening(shape="round", width=1.4, height=3.0, panes=(1, 5), trim=shop.family.trim)

    def decorate(wall: Wall) -> None:
        wall.quoins(0.0, wall.height, shop.family.trim)
        wall.place(bell, wall.width / 2, wall.height - 4.2)
        wall.place(bell, wall.width / 2, 2.2)
        for level in (0.4, 0.66):
            wall.band(wall.height * level, 0.35, shop.family.trim)
        if clock:
            wall.clock(wall.width / 2, wall.height * 0.55, 1.0, shop.family.trim, hour)

    places = {
        "twin": (-half - width - 0.6, half + 0.6),
        "left": (-half - width - 0.6,),
        "right": (half + 0.6,),
    }[layout]
    height = eaves + shop.between(5, 9)
    made = []
    for x in places:
        made += tower(shop, (x, 0.5), width, (0.0, height), top, decorate)
    return made
