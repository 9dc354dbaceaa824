"""Stepped towers of the nineteen-twenties."""

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening, shaded
from pipeline.data.synthetic_city.solids import Solid, box, frustum, lathe
from pipeline.data.synthetic_city.workshop import ROOFS, Workshop, cornice


def deco_tower(shop: Workshop) -> list[Solid]:
    """Setbacks, upright piers and a crown."""
    bays, z = shop.pick([5, 7, 9]), 0.0
    pitch, trim = shop.between(1.9, 2.4), shop.family.trim
    width, depth = bays * pitch, shop.between(11, 14)
    steps, near = shop.count(2, 4), 0.0
    window = Opening(
        width=pitch * 0.5,
        height=1.9,
        panes=(1, shop.count(2, 3)),
        surround=0.0,
        glass=(64, 68, 74),
        bars=(92, 92, 90),
    )
    piers, banded = shop.rng.random() < 0.7, shop.rng.random() < 0.5
    made: list[Solid] = []
    for step in range(steps):
        height = shop.between(11, 16) / (1 + 0.35 * step)
        front, side = shop.wall(width, height), shop.wall(depth - 2 * near, height)
        for wall in (front, side):
            _deco_wall(wall, window, pitch, (piers, banded), shop)
            if step == 0:
                wall.rectangle(0.0, 0.0, wall.width, 1.2, shaded(trim, 0.7))
        if step == 0:
            _deco_entrance(front, shop)
        made.append(
            box(
                (-width / 2, near, z),
                (width / 2, depth - near, z + height),
                front.texture(),
                side=side.texture(),
            )
        )
        made.append(
            cornice(
                (-width / 2, near),
                (width / 2, depth - near),
                z + height,
                trim,
                reach=0.12,
                height=0.5,
            )
        )
        z, width, near = z + height + 0.5, width - 2 * pitch, near + 0.9
        if width < 2.5 * pitch:
            break
    return made + _deco_crown(shop, width + 2 * pitch - 0.8, (near, depth - near), z)


def _deco_wall(
    wall: Wall, window: Opening, pitch: float, options: tuple[bool, bool], shop: Workshop
) -> None:
    piers, banded = options
    bays, storey = max(round(wall.width / pitch), 2), 3.0
    for floor in range(int((wall.height - 0.8) / storey)):
        wall.row(window, 1.1 + floor * storey, bays)
        if banded:
            wall.band(0.5 + floor * storey, 0.3, shaded(shop.family.trim, 0.9))
    if piers:
        for index in range(bays + 1):
            x = min(max(index * wall.width / bays, 0.3), wall.width - 0.3)
            wall.pilaster(x, 0.0, 0.55, wall.height, shop.family.trim)


def _deco_entrance(wall: Wall, shop: Workshop) -> None:
    middle = wall.width / 2
    wall.rectangle(middle - 2.6, 0.0, 5.2, 5.6, shop.family.trim)
    wall.place(
        Opening(
            shape=shop.pick(["rectangular", "pointed", "segmental"]),
            width=3.0,
            height=4.2,
            panes=(4, 3),
            trim=shop.family.accent,
            glass=(84, 80, 70),
        ),
        middle,
        0.1,
    )


def _deco_crown(shop: Workshop, width: float, depths: tuple[float, float], z: float) -> list[Solid]:
    half, (near, far) = width / 2 - 0.3, depths
    middle, kind = (near + far) / 2, shop.pick(["ziggurat", "spire", "pyramid", "flat"])
    side = min(half, (far - near) / 2 - 0.2)
    made: list[Solid] = []
    if kind == "ziggurat":
        for step in range(3):
            reach = side * (0.9 - 0.24 * step)
            made.append(
                box(
                    (-reach, middle - reach, z),
                    (reach, middle + reach, z + 1.6),
                    shaded(shop.family.trim, 1.0 - 0.06 * step),
                )
            )
            z += 1.6
    elif kind != "flat":
        rise = side * (1.2 if kind == "pyramid" else 2.6)
        made.append(
            frustum(
                (-side, middle - side, z),
                (side, middle + side, z + rise),
                inset=(side * 0.96, side * 0.96),
                skin=ROOFS["metal"],
            )
        )
        z += rise
    if kind in ("spire", "ziggurat"):
        made += lathe((0.0, middle), [(0.25, z), (0.04, z + 7)], sides=6, skin=(190, 188, 180))
    return made
