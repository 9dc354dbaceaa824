"""Towers of glass and stepped towers of the nineteen-thirties."""

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening, shaded
from pipeline.data.synthetic_city.solids import Colour, Solid, box, frustum, lathe
from pipeline.data.synthetic_city.workshop import ROOFS, Workshop, cornice


def glass_tower(shop: Workshop) -> list[Solid]:
    """Stacked boxes of curtain wall on a podium."""
    width, depth, z = shop.between(13, 18), shop.between(12, 16), shop.between(4.0, 5.5)
    podium = shop.wall(width + 4, z, shop.stone(shop.family.trim))
    podium.row(
        Opening(
            width=(width + 4) / 6 * 0.8,
            height=z - 1.4,
            panes=(2, 1),
            surround=0.0,
            glass=(84, 96, 104),
        ),
        0.1,
        6,
    )
    half = width / 2
    made = [box((-half - 2, 0, 0), (half + 2, depth + 2, z), podium.texture())]
    pattern, left, right, near, far = _pattern(shop), -half, half, 1.0, depth + 1
    steps = shop.count(1, 3)
    for step in range(steps):
        height = shop.between(16, 26) / (1 + 0.45 * step)
        front, side = shop.wall(right - left, height), shop.wall(far - near, height)
        for wall in (front, side):
            _curtain(wall, pattern, shop)
        made.append(
            box((left, near, z), (right, far, z + height), front.texture(), side=side.texture())
        )
        z += height
        shrink = shop.between(1.2, 3.4)
        bias = shop.pick([0.0, 0.5, 1.0])
        left, right = left + 2 * shrink * bias, right - 2 * shrink * (1 - bias)
        near, far = near + shrink / 2, far - shrink / 2
    return made + _crown(shop, (left, right, near, far, z))


def _pattern(shop: Workshop) -> dict[str, float]:
    """How a curtain wall is divided, in metres and shares."""
    return {
        "column": shop.pick([1.2, 1.6, 2.4, 3.2]),
        "storey": shop.pick([2.8, 3.4, 4.2]),
        "spandrel": shop.pick([0.15, 0.3, 0.45]),
        "mullion": shop.pick([0.08, 0.2, 0.4]),
        "brace": shop.pick([0.0, 0.0, 9.0, 13.0]),
        "stagger": shop.pick([0.0, 0.0, 0.5]),
    }


def _curtain(wall: Wall, pattern: dict[str, float], shop: Workshop) -> None:
    frame: Colour = shop.family.trim
    glass = shop.family.wall
    column, storey = pattern["column"], pattern["storey"]
    floors = round(wall.height / storey)
    for floor in range(floors):
        z = floor * wall.height / floors
        shift = pattern["stagger"] * column * (floor % 2)
        columns = int((wall.width - shift) / column) + 1
        for index in range(columns):
            tone = float(shop.rng.choice([0.82, 1.0, 1.0, 1.16]))
            lit = int(shop.rng.choice([0, 0, 120, 210]))
            x = shift + index * column
            wall.pane(x, z, column, storey, shaded(glass, tone), lit)
            wall.rectangle(x, z, pattern["mullion"], storey, frame)
        wall.rectangle(0.0, z, wall.width, pattern["spandrel"] * storey, shaded(frame, 0.92))
    if pattern["brace"]:
        wall.braces(pattern["brace"], 0.5, shaded(frame, 1.08))


def _crown(shop: Workshop, plan: tuple[float, float, float, float, float]) -> list[Solid]:
    left, right, near, far, z = plan
    x, y = (left + right) / 2, (near + far) / 2
    kind = shop.pick(["mast", "box", "pyramid", "drum", "fins"])
    frame = shop.family.trim
    if kind == "pyramid":
        inset = (right - left) / 2
        return [
            frustum(
                (left, near, z),
                (right, far, z + shop.between(4, 9)),
                inset=(inset, (far - near) / 2),
                skin=ROOFS["metal"],
            )
        ]
    if kind == "drum":
        radius = min(right - left, far - near) * 0.4
        return lathe((x, y), [(radius, z), (radius, z + 3.5)], sides=14, skin=frame)
    if kind == "fins":
        return [
            box(
                (left + i * (right - left - 0.5) / 4, near, z),
                (left + i * (right - left - 0.5) / 4 + 0.5, far, z + 3.4),
                frame,
            )
            for i in range(5)
        ]
    made = [box((x - 2.5, y - 2.5, z), (x + 2.5, y + 2.5, z + 3.0), shaded(frame, 0.8))]
    if kind == "mast":
        made += lathe(
            (x, y), [(0.5, z + 3), (0.35, z + 8), (0.05, z + 14)], sides=6, skin=(196, 196, 200)
        )
    return made


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
