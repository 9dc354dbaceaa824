"""A box described by cropping the photograph beside cropping the model's feature map of it.

    python -m benchmarks.describe_boxes --index=exported/MODEL/indexes/NAME-flat

Some photographs of every landmark of an index, drawn by chance, ask with boxes that a user might
draw: in the middle, half and 70 % of each side, and anywhere, 40 to 80 % of each side. Last, a
photograph of another landmark is put beside theirs, and the box says which is meant. A box queries
all the other photographs, whole, as the index's model described them; the photograph it is
of is left out. Scores are mAP over the whole ranking and recall@1. The time is that of a
description, as a multiple of what cropping the photograph took in the same run.
"""

import argparse
import collections
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from pipeline.descriptors import SavedDescriptor, describe_part, open_descriptor
from pipeline.engine import Engine
from pipeline.query_photograph import Box, BoxSource
from pipeline.scoring import metrics
from pipeline.scoring.scored_index import ScoredIndex
from pipeline.text_table import format_table

_WHOLE = "the whole photograph"
_CENTRAL = {"central, 50 %": 0.5, "central, 70 %": 0.7}
_ANYWHERE = "anywhere, 40 to 80 %"
_BESIDE = "one of two photographs"
_SOURCES: tuple[BoxSource, ...] = ("photograph", "feature_map")
_COLUMNS = ("box", "cut out of", "mAP", "recall@1", "time")


@dataclasses.dataclass
class Tally:
    """What one way of describing one kind of box gave: a number for every query."""

    precisions: list[float] = dataclasses.field(default_factory=list)
    first_is_right: list[bool] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)

    def add(self, relevant: np.ndarray, total: int, seconds: float) -> None:
        """Adds a ranking, bool ``(ranked,)``, best first, of so many relevant photographs."""
        (precision,) = metrics.average_precision(relevant[None], np.array([total]))
        self.precisions.append(precision)
        self.first_is_right.append(bool(relevant[0]))
        self.seconds.append(seconds)


def asking(labels: np.ndarray, each: int, generator: np.random.Generator) -> np.ndarray:
    """Rows of at most so many photographs of each landmark that has two."""
    landmarks, counts = np.unique(labels[labels >= 0], return_counts=True)
    rows = [
        generator.permutation(np.flatnonzero(labels == landmark))[:each]
        for landmark in landmarks[counts > 1]
    ]
    if not rows:
        raise SystemExit("No landmark of the index has two photographs, so nothing can be scored.")
    return np.concatenate(rows)


def boxes_of(
    image: np.ndarray, other: np.ndarray, generator: np.random.Generator
) -> Iterator[tuple[str, np.ndarray, Box | None]]:
    """The kinds of box, and a photograph and a box of each.

    Args:
        image: The photograph that asks, uint8 ``(height, width, 3)``.
        other: One of another landmark.
        generator: Of the boxes.
    """
    sides = np.array(image.shape[1::-1])
    yield _WHOLE, image, None
    for kind, share in _CENTRAL.items():
        extent = np.maximum(sides * share, 1)
        yield kind, image, _box((sides - extent) / 2, extent)
    extent = np.maximum(sides * generator.uniform(0.4, 0.8, 2), 1)
    yield _ANYWHERE, image, _box((sides - extent) * generator.uniform(size=2), extent)
    height, width = image.shape[:2]
    fitted = cv2.resize(
        other, (height * other.shape[1] // other.shape[0], height), interpolation=cv2.INTER_AREA
    )
    yield _BESIDE, np.concatenate([image, fitted], axis=1), (0, 0, width, height)


def _box(begin: np.ndarray, extent: np.ndarray) -> Box:
    x1, y1, x2, y2 = np.round(np.concatenate([begin, begin + extent])).astype(int).tolist()
    return x1, y1, x2, y2


def main() -> None:
    """Prints a row for every kind of box and way to describe it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--each", type=int, default=13, help="photographs of each landmark")
    arguments = parser.parse_args()
    index = ScoredIndex.open(arguments.index)
    labels, vectors = index.labels, np.concatenate(list(index.stored.blocks()))
    totals = metrics.relevant_elsewhere(labels)
    generator = np.random.default_rng(0)
    queries = asking(labels, arguments.each, generator)
    stored = Engine(arguments.index).photographs(index.keys[queries])
    descriptor = open_descriptor(index.model)
    if not isinstance(descriptor, SavedDescriptor):
        raise SystemExit(f"{index.model} is no network and has no feature map to cut a box out of.")
    tallies: dict[tuple[str, BoxSource], Tally] = collections.defaultdict(Tally)
    for row, photograph in zip(queries, stored, strict=True):
        others = [one for one in stored if one.label != photograph.label]
        other = others[generator.integers(len(others))].read_image()
        for kind, image, box in boxes_of(photograph.read_image(), other, generator):
            for source in _SOURCES[: 1 if box is None else 2]:
                start = time.perf_counter()
                (described,) = np.asarray(describe_part(descriptor, image, box, source))
                seconds = time.perf_counter() - start
                order = np.argsort(-(vectors @ described), kind="stable")
                relevant = labels[order[order != row]] == labels[row]
                tallies[kind, source].add(relevant, int(totals[row]), seconds)
    print(f"{len(queries)} photographs ask {len(labels)}, {arguments.index}")
    print(format_table(dict.fromkeys(_COLUMNS, "<"), list(_rows(tallies))))


def _rows(tallies: dict[tuple[str, BoxSource], Tally]) -> Iterator[tuple[str, ...]]:
    for (kind, source), tally in tallies.items():
        once = np.median(tallies[kind, "photograph"].seconds)
        yield (
            kind,
            "" if kind == _WHOLE else source,
            f"{np.mean(tally.precisions):.3f}",
            f"{np.mean(tally.first_is_right):.3f}",
            f"{np.median(tally.seconds) / once:.1f}",
        )


if __name__ == "__main__":
    main()
