"""Palaces over an arcade."""

from pipeline.data.synthetic_city.openings import Opening, Shape, shaded
from pipeline.data.synthetic_city.solids import Solid, box, frustum, lathe
from pipeline.data.synthetic_city.workshop import (
    Workshop,
    cornice,
    merlons,
)


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
