"""Half-timbered houses."""

import numpy as np

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening, shaded
from pipeline.data.synthetic_city.solids import Colour, Solid, box, gable
from pipeline.data.synthetic_city.workshop import Workshop

_BEAMS: tuple[Colour, ...] = ((78, 54, 40), (60, 46, 38), (98, 66, 46))


def timber_house(shop: Workshop) -> list[Solid]:
    """Storeys of timber frames that lean out over each other, under a steep roof."""
    bays, floors, storey = shop.count(3, 5), shop.count(1, 3), 2.9
    width, depth = bays * shop.between(2.2, 2.7), shop.between(9, 13)
    braces, beam = shop.pick(["cross", "lean", "arrow", "grid"]), shop.pick(_BEAMS)
    overhang = shop.pick([0.0, 0.3, 0.5])
    half, made = width / 2, [_shop_floor(shop, width, depth, bays)]
    window = Opening(
        width=1.05,
        height=1.35,
        panes=(2, shop.count(2, 4)),
        trim=beam,
        bars=(238, 232, 220),
        surround=0.1,
        shutters=shop.family.accent if shop.rng.random() < 0.35 else None,
        flowers=(196, 64, 72) if shop.rng.random() < 0.4 else None,
    )
    z, reach = 3.2, 0.0
    for _ in range(floors):
        reach += overhang
        front = shop.wall(width + 2 * reach, storey)
        side = shop.wall(depth + reach, storey)
        for wall, count in ((front, bays), (side, 4)):
            _frame(wall, count, braces, beam)
            wall.row(window, 1.0, count)
        made.append(
            box(
                (-half - reach, -reach, z),
                (half + reach, depth, z + storey),
                front.texture(),
                side=side.texture(),
            )
        )
        z += storey
    return made + _steep_roof(shop, (half + reach, -reach, depth, z), (braces, beam), window)


def _shop_floor(shop: Workshop, width: float, depth: float, bays: int) -> Solid:
    stone = shop.stone((176, 166, 150))
    front, side = shop.wall(width, 3.2, stone), shop.wall(depth, 3.2, stone)
    glass = Opening(
        shape=shop.pick(["rectangular", "round", "segmental"]),
        width=1.6,
        height=1.9,
        panes=(2, 2),
        trim=(126, 108, 86),
    )
    door = shop.count(0, bays - 1)
    front.row(glass, 0.7, bays, skipped=(door,))
    side.row(glass, 0.7, 3)
    front.place(
        Opening(
            shape="round", width=1.3, height=2.4, trim=(126, 108, 86), filling=shop.family.accent
        ),
        (door + 0.5) * width / bays,
        0.0,
    )
    half = width / 2
    return box((-half, 0, 0), (half, depth, 3.2), front.texture(), side=side.texture())


def _frame(wall: Wall, bays: int, braces: str, beam: Colour) -> None:
    pitch, height, thick = wall.width / bays, wall.height, 0.2
    for level in (0.0, 0.9, height - thick):
        wall.rectangle(0.0, level, wall.width, thick, beam)
    for index in range(bays + 1):
        x = min(index * pitch, wall.width - thick)
        wall.rectangle(x, 0.0, thick, height, beam)
        if index < bays:
            _brace(wall, x + thick, pitch - thick, braces, beam)


def _brace(wall: Wall, x: float, width: float, braces: str, beam: Colour) -> None:
    low, high, thick = 0.2, 0.95, 0.13
    if braces == "grid":
        for part in (0.33, 0.66):
            wall.rectangle(x + part * width, low, thick, high - low, beam)
        return
    rising = np.array([(0, low), (thick * 2, low), (width, high), (width - thick * 2, high)])
    falling = np.array([(0, high), (thick * 2, high), (width, low), (width - thick * 2, low)])
    if braces == "arrow":
        rising[:, 0] *= 0.5
        falling[:, 0] = falling[:, 0] * 0.5 + width / 2
    wall.polygon(rising + np.array((x, 0)), beam)
    if braces != "lean":
        wall.polygon(falling + np.array((x, 0)), beam)


def _steep_roof(
    shop: Workshop,
    extent: tuple[float, float, float, float],
    timber: tuple[str, Colour],
    window: Opening,
) -> list[Solid]:
    half, front, depth, z = extent
    if shop.rng.random() < 0.6:
        rise = half * shop.between(1.1, 1.7)
        end = shop.wall(2 * half, rise)
        for level in np.arange(0.0, rise, 1.5):
            end.rectangle(0.0, level, end.width, 0.18, timber[1])
        for x in np.arange(0.0, end.width, 1.2):
            end.rectangle(x, 0.0, 0.16, rise, timber[1])
        end.row(window, 0.5, 2, margin=half * 0.5)
        if rise > 5:
            end.place(window, half, rise * 0.5)
        roof = gable(
            (-half, front, z), (half, depth, z + rise), ridge="y", roof=shop.roof, end=end.texture()
        )
        return [roof]
    rise = shop.between(4.0, 6.0)
    made = [
        gable(
            (-half, front + 0.9, z),
            (half, depth, z + rise),
            ridge="x",
            roof=shop.roof,
            end=shaded(shop.family.wall, 0.95),
        )
    ]
    for x in np.linspace(-half, half, shop.count(1, 3) + 2)[1:-1]:
        wall = shop.wall(1.9, 1.7)
        _frame(wall, 1, "grid", timber[1])
        wall.place(window, 0.95, 0.25)
        made.append(box((x - 0.95, front, z), (x + 0.95, front + 0.9, z + 1.7), wall.texture()))
        made.append(
            gable(
                (x - 1.15, front - 0.1, z + 1.7),
                (x + 1.15, front + 0.9, z + 3.0),
                ridge="y",
                roof=shop.roof,
                end=wall.texture(),
            )
        )
    return made
