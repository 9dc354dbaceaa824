"""The hardest triplets of a batch, as a picture."""

import dataclasses
import io
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.training.step_report import Step

_CELL_INCHES = 1.9
_DOTS_PER_INCH = 80


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
    figure = Figure(
        figsize=(3 * _CELL_INCHES, 1.15 * _CELL_INCHES * len(triplets)),
        layout="constrained",
    )
    rows = figure.subplots(len(triplets), 3, squeeze=False)
    for cells, triplet in zip(rows, triplets, strict=True):
        _draw(cells[0], step, triplet.anchor, "anchor")
        _draw(cells[1], step, triplet.positive, f"positive at {triplet.to_positive:.3f}")
        _draw(cells[2], step, triplet.negative, f"negative at {triplet.to_negative:.3f}")
    encoded = io.BytesIO()
    figure.savefig(encoded, format="png", dpi=_DOTS_PER_INCH)
    return tf.io.decode_png(encoded.getvalue(), channels=3).numpy()


def _draw(cell: Axes, step: Step, place: int, role: str) -> None:
    cell.axis("off")
    cell.imshow(np.asarray(step.images[place]))
    cell.set_title(f"{role}\nlandmark {step.labels[place]}", fontsize=8)
