"""Town halls."""

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening
from pipeline.data.synthetic_city.solids import Solid, box, frustum
from pipeline.data.synthetic_city.workshop import (
    TowerTop,
    Workshop,
    cornice,
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
