"""Which parts of two photographs are like the other's description, for models with a feature map.

Every place of a network's feature map is described as if it were the whole photograph, and compared
with the other photograph's description. Whatever the network does after its map (pooling,
projection, whitening) is done to the place, too, so that all it is compared by is counted.
"""

import base64
import dataclasses
import io

import matplotlib
import numpy as np
from PIL import Image

from demo.explaining.shown import Shown
from demo.texts import Explained
from pipeline.descriptions import Descriptions
from pipeline.descriptors import Descriptor, Places, SavedDescriptor, describe_part
from pipeline.query_photograph import Box, shares
from pipeline.reports.elements import Html, element

_SIDE = 96  # pixels of the longer side of what is laid over a photograph, which a browser enlarges
_COLOURS = matplotlib.colormaps["inferno"]
_FIRST_COLOUR = 0.35  # of them; those below are as dark as a night photograph
_MOST_COVERED = 0.75  # of the photograph below, at its most alike place


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeatMap:
    """How like another photograph's description the places of one are.

    Attributes:
        similarities: Cosines, float32 ``(rows, columns)``.
        down: Where the centres of the rows are, ``(rows,)``, shares of the height; ``across`` of
            the columns, of the width.
    """

    similarities: np.ndarray
    down: np.ndarray
    across: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeatMaps:
    """Of a query and a result.

    Attributes:
        query: Its places, compared with the result; ``result`` the other way about.
        least: The similarity from which on places are coloured: half of them all are.
        most: The highest similarity of all.
        box: The part of the query that was asked for, shares of its sides; None for all of it.
    """

    query: HeatMap
    result: HeatMap
    least: float
    most: float
    box: np.ndarray | None


def heat_maps(
    descriptor: Descriptor, query: np.ndarray, box: Box | None, result: np.ndarray
) -> HeatMaps:
    """Compares the places of two photographs with the other one.

    Args:
        descriptor: The model that compared them.
        query: uint8 ``(height, width, 3)``, RGB.
        box: The part of it that was asked for, whose description the result is compared with.
        result: uint8 ``(height, width, 3)``, RGB.

    Raises:
        ValueError: If the model has no feature map whose places it describes.
    """
    if not isinstance(descriptor, SavedDescriptor):
        raise ValueError(Explained.NO_FEATURE_MAP)
    if not descriptor.has_places:
        raise ValueError(Explained.NO_PLACES)
    asked = describe_part(descriptor, query, box, "auto")
    found = descriptor.describe_images(result[None])
    of_query = _compared(descriptor.describe_places(query), found)
    of_result = _compared(descriptor.describe_places(result), asked)
    every = np.concatenate([one.similarities.ravel() for one in (of_query, of_result)])
    return HeatMaps(
        query=of_query,
        result=of_result,
        least=float(np.median(every)),
        most=float(every.max()),
        box=None if box is None else shares(query, box),
    )


def _compared(places: Places, description: Descriptions) -> HeatMap:
    similarities = places.descriptors @ np.asarray(description)[0]
    return HeatMap(similarities=similarities, down=places.down, across=places.across)


def draw(maps: HeatMaps, query: Shown, result: Shown) -> Html:
    """Both photographs, the places most alike coloured, and what the colours say."""
    return element(
        "figure",
        element("div", _drawing(maps, maps.query, query, maps.box), class_="half"),
        element("div", _drawing(maps, maps.result, result, None), class_="half"),
        element(
            "figcaption",
            element("span", f"{maps.least:.2f} "),
            element("img", src=_scale(), alt=Explained.COLOURS, class_="scale"),
            element("span", f" {maps.most:.2f}. {Explained.HEAT}"),
        ),
        class_="explained heat",
    )


def _drawing(maps: HeatMaps, heat: HeatMap, shown: Shown, box: np.ndarray | None) -> Html:
    parts = [
        element("img", src=shown.url, alt=shown.name, width=f"{shown.width}",
                height=f"{shown.height}"),
        element("img", src=overlay(heat, maps, shown.width / shown.height), alt="", class_="over"),
    ]  # fmt: skip
    if box is not None:
        left, top, right, bottom = (100 * box).tolist()
        sides = f"left:{left:.2f}%;top:{top:.2f}%;right:{100 - right:.2f}%;"
        parts.append(element("span", style=f"{sides}bottom:{100 - bottom:.2f}%", class_="asked"))
    return element("div", *parts, class_="pair", style=f"--ratio:{shown.width / shown.height:.4f}")


def overlay(heat: HeatMap, maps: HeatMaps, ratio: float) -> str:
    """The address of a small picture that is laid over the photograph.

    Args:
        heat: Of the photograph.
        maps: Whose limits decide the colours.
        ratio: The photograph's width by its height.
    """
    width, height = (_SIDE, _SIDE / ratio) if ratio >= 1 else (_SIDE * ratio, _SIDE)
    sides = max(1, round(height)), max(1, round(width))
    strength = (spread(heat, *sides) - maps.least) / max(maps.most - maps.least, 1e-6)
    return _address(_coloured(strength))


def spread(heat: HeatMap, height: int, width: int) -> np.ndarray:
    """Similarities at every pixel of a picture, between the centres linearly, ``(height, width)``.

    Beyond the outermost centres they are those of the nearest.
    """
    down, across = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    rows = np.stack([np.interp(down, heat.down, column) for column in heat.similarities.T], axis=1)
    return np.stack([np.interp(across, heat.across, row) for row in rows])


def _coloured(strength: np.ndarray) -> np.ndarray:
    """From 0 and less, not covered, to 1, uint8 ``(height, width, 4)``."""
    strength = np.clip(strength, 0, 1)
    painted = _COLOURS(_FIRST_COLOUR + (1 - _FIRST_COLOUR) * strength)
    painted[..., 3] = _MOST_COVERED * strength
    return np.round(255 * painted).astype(np.uint8)


def _scale() -> str:
    """The address of a picture of all colours, from the least to the most."""
    painted = _coloured(np.linspace(0, 1, _SIDE)[None])
    painted[..., 3] = 255
    return _address(painted)


def _address(pixels: np.ndarray) -> str:
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(encoded.getvalue()).decode()}"
