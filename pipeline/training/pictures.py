"""The hardest triplets of a batch, as a picture."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from pipeline.training.step_report import Step

_CELL_WIDTH, _CELL_HEIGHT = 152, 176  # pixels
_IMAGE_SIDE = 140
_MARGIN = 4
_FONT_SIZE = 11


@dataclasses.dataclass(frozen=True, kw_only=True)
class Triplet:
    """Places in a batch of an anchor, of a positive and of a negative, and how far these are.

    Attributes:
        anchor: Place of the anchor.
        positive: Of a photograph of its landmark.
        negative: Of one of another landmark.
        to_positive: Squared distance, 0 to 4.
        to_negative: Squared distance, 0 to 4.
    """

    anchor: int
    positive: int
    negative: int
    to_positive: float
    to_negative: float


def hardest_triplets(step: Step, count: int) -> list[Triplet]:
    """The anchors whose farthest positive is farthest behind their nearest negative.

    "Batch hard" of Hermans et al., 2017, https://arxiv.org/abs/1703.07737, among the photographs
    that are at hand.

    Args:
        step: Of a labelled batch.
        count: How many at most.

    Returns:
        One an anchor, the hardest first; none where nothing can be compared.
    """
    here = slice(len(step.images))
    positive, negative = step.positive[here, here], step.negative[here, here]
    distances = step.distances[here, here]
    to_positive = np.where(positive, distances, -np.inf)
    to_negative = np.where(negative, distances, np.inf)
    anchors = np.flatnonzero(positive.any(axis=1) & negative.any(axis=1))
    by_how_much = to_positive.max(axis=1, initial=0)[anchors]
    by_how_much = by_how_much - to_negative.min(axis=1, initial=4)[anchors]
    return [
        Triplet(
            anchor=int(anchor),
            positive=int(to_positive[anchor].argmax()),
            negative=int(to_negative[anchor].argmin()),
            to_positive=float(to_positive[anchor].max()),
            to_negative=float(to_negative[anchor].min()),
        )
        for anchor in anchors[np.argsort(-by_how_much, kind="stable")[:count]]
    ]


def draw_triplets(step: Step, triplets: Sequence[Triplet]) -> np.ndarray:
    """Draws a row a triplet: anchor, positive, negative, with their landmarks and distances.

    Args:
        step: The batch.
        triplets: At least one.

    Returns:
        uint8 ``(height, width, 3)``, RGB.
    """
    picture = Image.new("RGB", (3 * _CELL_WIDTH, len(triplets) * _CELL_HEIGHT), "white")
    for row, triplet in enumerate(triplets):
        cells = (
            (triplet.anchor, "anchor"),
            (triplet.positive, f"positive at {triplet.to_positive:.3f}"),
            (triplet.negative, f"negative at {triplet.to_negative:.3f}"),
        )
        for column, (place, role) in enumerate(cells):
            corner = (column * _CELL_WIDTH, row * _CELL_HEIGHT)
            caption = f"{role}\nlandmark {step.labels[place]}"
            _draw(picture, corner, np.asarray(step.images[place]), caption)
    return np.asarray(picture)


def _draw(picture: Image.Image, corner: tuple[int, int], image: np.ndarray, caption: str) -> None:
    left, top = corner
    below = top + _CELL_HEIGHT - _IMAGE_SIDE - _MARGIN
    # Matplotlib takes a second for 18 such cells, after each epoch.
    ImageDraw.Draw(picture).multiline_text(
        (left + _CELL_WIDTH / 2, (top + below) / 2),
        caption,
        fill="black",
        anchor="mm",
        align="center",
        font_size=_FONT_SIZE,
    )
    shown = Image.fromarray(image).resize((_IMAGE_SIDE, _IMAGE_SIDE))
    picture.paste(shown, (left + (_CELL_WIDTH - _IMAGE_SIDE) // 2, below))
