"""Gothic churches, baroque churches and castles."""

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening, shaded
from pipeline.data.synthetic_city.solids import Solid, box, frustum, gable, lathe
from pipeline.data.synthetic_city.workshop import (
    TowerTop,
    Workshop,
    cornice,
    dome,
    merlons,
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
