"""Gothic churches."""

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening, shaded
from pipeline.data.synthetic_city.solids import Solid, box, frustum, gable
from pipeline.data.synthetic_city.workshop import (
    TowerTop,
    Workshop,
    tower,
)


def gothic_church(shop: Workshop) -> list[Solid]:
    """A nave with buttresses, a rose window, and one or two towers."""
    width, depth, eaves = shop.between(11, 15), shop.between(22, 30), shop.between(8.5, 12)
    peak, half = eaves + shop.between(5, 8), width / 2
    layout = shop.pick(["centre", "twin", "left", "right"])
    side = shop.wall(depth, eaves)
    bays = shop.count(4, 7)
    lancet = _lancet(shop, min(depth / bays * 0.5, 2.2), eaves * 0.55)
    side.row(lancet, eaves * 0.25, bays)
    side.band(eaves - 0.6, 0.4, shop.family.trim)
    made = [
        box(
            (-half, 0, 0),
            (half, depth, eaves),
            _nave_front(shop, width, eaves, layout).texture(),
            side=side.texture(),
        ),
        gable(
            (-half, 0, eaves),
            (half, depth, peak),
            ridge="y",
            roof=shop.roof,
            end=_nave_gable(shop, width, peak - eaves).texture(),
        ),
    ]
    for bay in range(bays + 1):
        y = (bay / bays) * (depth - 0.9)
        for x in (-half - 1.1, half):
            made.append(
                frustum(
                    (x, y, 0),
                    (x + 1.1, y + 0.9, eaves * 0.86),
                    inset=(0, 0),
                    skin=shaded(shop.family.wall, 0.94),
                )
            )
    return made + _church_towers(shop, layout, half, eaves)


def _lancet(shop: Workshop, width: float, height: float) -> Opening:
    return Opening(
        shape=shop.pick(["pointed", "pointed", "round"]),
        width=width,
        height=height,
        panes=(shop.count(2, 3), 4),
        surround=0.22,
        trim=shop.family.trim,
        bars=shaded(shop.family.trim, 0.86),
        tracery=bool(shop.rng.random() < 0.6),
    )


def _nave_front(shop: Workshop, width: float, eaves: float, layout: str) -> Wall:
    wall = shop.wall(width, eaves)
    trim = shop.family.trim
    door = Opening(
        shape=shop.pick(["pointed", "round"]),
        width=2.4,
        height=4.2,
        surround=0.1,
        trim=trim,
        filling=shop.family.accent,
    )
    if layout != "centre":
        wall.portal(door, width / 2, shop.count(1, 3))
        radius = min(shop.between(1.4, 2.3), (eaves - 5.2) / 2)
        wall.rose(width / 2, eaves - radius - 0.4, radius, shop.pick([6, 8, 10, 12]), trim)
    narrow = _lancet(shop, 1.1, eaves * 0.42)
    for x in (0.17 * width, 0.83 * width):
        wall.place(narrow, x, eaves * 0.2)
    wall.band(eaves * 0.1, 0.25, trim)
    return wall


def _nave_gable(shop: Workshop, width: float, height: float) -> Wall:
    wall = shop.wall(width, height)
    wall.band(0.0, 0.35, shop.family.trim)
    if shop.rng.random() < 0.5:
        wall.row(_lancet(shop, 0.9, height * 0.36), 0.9, 3, margin=width * 0.3)
    else:
        wall.place(
            Opening(shape="circular", width=1.7, height=1.7, panes=(2, 2), trim=shop.family.trim),
            width / 2,
            height * 0.25,
        )
    return wall


def _church_towers(shop: Workshop, layout: str, half: float, eaves: float) -> list[Solid]:
    width = shop.between(4.6, 6.2)
    top: TowerTop = shop.pick(["spire", "pyramid", "battlements", "spire", "lantern"])
    height = eaves + shop.between(8, 16)
    clock = shop.rng.random() < 0.4
    belfry = _lancet(shop, 1.1, 3.4)
    louvres, hour = shop.count(1, 2), shop.between(0, 12)

    def decorate(wall: Wall) -> None:
        for level in (0.36, 0.68):
            wall.band(wall.height * level, 0.3, shop.family.trim)
        wall.row(belfry, wall.height - 5.0, louvres, margin=0.6)
        if clock:
            wall.clock(wall.width / 2, wall.height * 0.56, 1.15, shop.family.trim, hour)
        if layout == "centre":
            door = Opening(
                shape="pointed",
                width=2.0,
                height=3.8,
                trim=shop.family.trim,
                filling=shop.family.accent,
            )
            wall.portal(door, wall.width / 2, 2)
        else:
            wall.place(belfry, wall.width / 2, wall.height * 0.12)

    corners = {
        "centre": [-width / 2],
        "twin": [-half - width - 1.1, half + 1.1],
        "left": [-half - width - 1.1],
        "right": [half + 1.1],
    }[layout]
    front = -width if layout == "centre" else -1.0
    made = []
    for x in corners:
        made += tower(shop, (x, front), width, (0.0, height), top, decorate)
    return made
