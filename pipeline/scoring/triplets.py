"""What triplets without landmarks can tell of a model: is the positive nearer, and how near?

Nothing is known of two photographs but that they are an anchor and its positive, or its negative,
so that a mean average precision cannot be had. What is measured is the triplets' accuracy, and the
rank of each positive among all photographs but the anchor and those that pairs join with it,
directly or through others: those may well stand before it. Of what else stands before it some may
show the same landmark unknown to the triplets, so that ranks are rather too high.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from models.words.bags import Bags
from pipeline.descriptions import Descriptions
from pipeline.index.inverted_index import InvertedIndex
from pipeline.scoring import bootstrap

ACCURACY = "triplet accuracy"
RECALL_AT = (1, 5, 10)
# Similarities that differ by less are equal, as sums of products in float32 have such errors; what
# is as near as the positive stands before it.
_EQUAL = 1e-6
_TOGETHER = 256  # queries; with 65,536 photographs their similarities take 64 MiB


def compared_with(held: Descriptions) -> Callable[[Any], np.ndarray]:
    """Compares queries with some photographs.

    Args:
        held: Descriptions of the photographs, float32 ``(n, dim)``, unit length, or bags.

    Returns:
        From descriptions of queries to similarities, float32 ``(queries, n)``: cosines, or of bags
        with codes those of ``models.words.asmk``.
    """
    if not isinstance(held, Bags):
        return lambda queries: queries @ held.T
    index = InvertedIndex(held)

    def compare(queries: Bags) -> np.ndarray:
        similarities = np.zeros((len(queries), len(held) + 1), np.float32)
        found, rows = index.search(queries, len(held))
        np.put_along_axis(similarities, rows, found, axis=1)  # what is not found goes to the last
        return similarities[:, :-1]

    return compare


def pair_similarities(first: Descriptions, second: Descriptions) -> np.ndarray:
    """Similarity of every description to the one in the same place, float32 ``(n,)``."""
    found = [np.zeros(0, np.float32)]
    for start in range(0, len(first), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        found.append(compared_with(second[part])(first[part]).diagonal())
    return np.concatenate(found)


def is_nearer(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """Whether the positive is nearer to the anchor than the negative; as near is not nearer.

    Args:
        positive: Similarity of the positive to the anchor, ``(triplets,)``.
        negative: That of the negative.

    Returns:
        bool ``(triplets,)``.
    """
    return positive > negative + _EQUAL


class PositiveRanks:
    """Ranks of positives among photographs that are shown block by block.

    Args:
        anchors: Descriptions of the anchors, one a pair.
        positives: Those of their positives.
        labels: The pseudo-landmark of each pair, int64 ``(pairs,)``.
    """

    def __init__(self, anchors: Descriptions, positives: Descriptions, labels: np.ndarray) -> None:
        self._anchors = anchors
        self._labels = labels
        self._own = pair_similarities(anchors, positives)
        self._before = np.zeros(len(labels), np.int64)

    def show(self, descriptions: Descriptions, labels: np.ndarray) -> None:
        """Compares with more photographs; those of a pair's own pseudo-landmark do not count.

        Args:
            descriptions: Theirs, ``(n, dim)``.
            labels: Theirs, int64 ``(n,)``, -1 where nothing is joined with them.
        """
        compare = compared_with(descriptions)
        for start in range(0, len(self._labels), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            is_near = compare(self._anchors[part]) >= self._own[part, None] - _EQUAL
            is_other = self._labels[part, None] != labels
            self._before[part] += (is_near & is_other).sum(axis=1)

    def ranks(self) -> np.ndarray:
        """Of every positive among what has been shown, int64 ``(pairs,)``, from 1."""
        return self._before + 1


def summarise(is_right: np.ndarray, ranks: np.ndarray) -> dict[str, float]:
    """Scores of triplets.

    Args:
        is_right: Whether each triplet's positive is nearer than its negative, bool ``(triplets,)``.
        ranks: Of the positives of pairs, ``(pairs,)``, from 1.

    Returns:
        ``triplet accuracy`` and ``recall@k``, 0 to 1; ``mean rank`` and ``median rank``.

    Raises:
        ValueError: If there is no triplet or no pair.
    """
    if not len(is_right) or not len(ranks):
        raise ValueError("There is no triplet to score.")
    return {
        ACCURACY: float(is_right.mean()),
        **{name: float(values.mean()) for name, values in _of_pairs(ranks).items()},
        "median rank": float(np.median(ranks)),
    }


def intervals(
    is_right: np.ndarray, of_triplets: np.ndarray, ranks: np.ndarray, of_pairs: np.ndarray
) -> dict[str, list[float]]:
    """Where 95 of 100 means would lie, lowest and highest; see ``bootstrap``.

    Args:
        is_right: See ``summarise``.
        of_triplets: The pseudo-landmark of every triplet, int64 ``(triplets,)``.
        ranks: See ``summarise``.
        of_pairs: That of every pair, int64 ``(pairs,)``.

    Returns:
        Of every score of ``summarise`` that is a mean over several pseudo-landmarks.
    """
    values = {ACCURACY: (is_right, of_triplets)}
    values |= {name: (of_name, of_pairs) for name, of_name in _of_pairs(ranks).items()}
    found = {
        name: bootstrap.interval(of_name, np.unique(labels, return_inverse=True)[1])
        for name, (of_name, labels) in values.items()
    }
    return {name: list(interval) for name, interval in found.items() if interval is not None}


def _of_pairs(ranks: np.ndarray) -> dict[str, np.ndarray]:
    return {**{f"recall@{k}": ranks <= k for k in RECALL_AT}, "mean rank": ranks}
