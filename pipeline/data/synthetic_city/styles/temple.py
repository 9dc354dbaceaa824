"""Classical porticoes."""

import numpy as np

from pipeline.data.synthetic_city.facades import Wall
from pipeline.data.synthetic_city.openings import Opening, shaded
from pipeline.data.synthetic_city.solids import Solid, box, frustum, gable, lathe
from pipeline.data.synthetic_city.workshop import (
    Workshop,
    column,
    cornice,
    dome,
)


def temple(shop: Workshop) -> list[Solid]:
    """A classical front: steps, columns under a pediment, perhaps a dome."""
    columns, spacing = shop.pick([4, 6, 8]), shop.between(2.2, 2.7)
    reach, height = (columns - 1) * spacing / 2 + 0.9, shop.between(8, 10.5)
    wings = shop.pick([0.0, 4.0, 7.5])
    half, depth, trim = reach + wings, shop.between(14, 20), shop.family.trim
    window = Opening(
        shape=shop.pick(["rectangular", "round"]),
        width=1.4,
        height=shop.between(2.4, 3.2),
        panes=(2, 4),
        trim=trim,
        surround=0.2,
        hood=shop.pick(["flat", "triangular", "curved"]),
    )
    front, side = shop.wall(2 * half, height), shop.wall(depth, height)
    bays = columns - 1 + (2 * round(wings / 2.5) if wings else 0)
    front.row(window, 2.4, bays)
    side.row(window, 2.4, shop.count(3, 6))
    upper = Opening(
        shape=shop.pick(["rectangular", "circular"]), width=1.1, height=1.1, panes=(2, 2), trim=trim
    )
    if shop.rng.random() < 0.6:
        front.row(upper, height - 2.2, bays)
        side.row(upper, height - 2.2, 4)
    front.place(
        Opening(width=2.0, height=4.4, trim=trim, filling=shop.family.accent, hood="triangular"),
        half,
        0.9,
    )
    made = [
        box((-half, 0, 0), (half, depth, height), front.texture(), side=side.texture()),
        cornice((-half, 0), (half, depth), height, trim, height=0.8),
    ]
    made += _portico(shop, reach, columns, height)
    return made + _temple_crown(shop, half, depth, height + 0.8)


def _portico(shop: Workshop, reach: float, columns: int, height: float) -> list[Solid]:
    stone, front = shaded(shop.family.wall, 1.05), -3.4
    made = [
        box(
            (-reach - 0.5 * n, front - 0.5 * n, 0.9 - 0.3 * (n + 1)),
            (reach + 0.5 * n, -0.36, 0.9 - 0.3 * n),
            shaded(stone, 0.96 + 0.03 * n),
        )
        for n in range(3)
    ]
    shaft = height - 0.9
    for index in range(columns):
        x = (index - (columns - 1) / 2) * (2 * reach - 1.8) / (columns - 1)
        made += column((x, front + 0.7), 0.9, shaft, 0.5, stone)
    tympanum = shop.wall(2 * reach + 0.6, 3.2)
    tympanum.polygon(_triangle(tympanum, 0.45), shaded(stone, 0.82))
    if shop.rng.random() < 0.6:
        tympanum.place(
            Opening(shape="circular", width=1.2, height=1.2, panes=(2, 2), trim=shop.family.trim),
            reach + 0.3,
            0.6,
        )
    made.append(box((-reach - 0.1, front, height), (reach + 0.1, -0.36, height + 0.8), stone))
    made.append(
        gable(
            (-reach - 0.3, front - 0.2, height + 0.8),
            (reach + 0.3, 0.2, height + 0.8 + shop.between(2.4, 3.2)),
            ridge="y",
            roof=shop.roof,
            end=tympanum.texture(),
        )
    )
    return made


def _triangle(wall: Wall, inset: float) -> np.ndarray:
    return np.array(
        [
            (inset * 3, inset),
            (wall.width - inset * 3, inset),
            (wall.width / 2, wall.height - inset * 1.6),
        ]
    )


def _temple_crown(shop: Workshop, half: float, depth: float, z: float) -> list[Solid]:
    crown = shop.pick(["dome", "dome", "attic", "hip"])
    if crown == "hip":
        return [
            frustum(
                (-half, 0.3, z),
                (half, depth, z + 3.6),
                inset=(shop.between(3, half), (depth - 0.3) / 2),
                skin=shop.roof,
            )
        ]
    base = z + shop.between(1.5, 3.0)
    inset = half * shop.between(0.2, 0.5)
    attic = shop.wall(2 * (half - inset), base - z)
    made = [box((-half + inset, 2.0, z), (half - inset, depth - 2, base), attic.texture())]
    if crown == "dome":
        radius = min(shop.between(3.6, 5.5), depth / 2 - 2)
        drum_top = base + shop.between(1.6, 3.6)
        drum = shop.wall(radius * 0.52, drum_top - base)
        drum.place(
            Opening(
                shape="round",
                width=0.9,
                height=drum.height * 0.6,
                panes=(1, 2),
                trim=shop.family.trim,
            ),
            drum.width / 2,
            0.3,
        )
        centre = (0.0, depth / 2)
        made += lathe(centre, [(radius, base), (radius, drum_top)], sides=12, skin=drum.texture())
        made += dome(centre, radius * 1.04, drum_top, shop.roof, rise=shop.between(0.7, 1.15))
    return made
