"""Office towers of glass."""

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening, shaded
from pipeline.data.synthetic_city.solids import Colour, Solid, box, frustum, lathe
from pipeline.data.synthetic_city.workshop import ROOFS, Workshop


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
