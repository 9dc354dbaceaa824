"""Every triplet loss against plain loops, on embeddings built from angles."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from models.losses import triplet
from models.losses.pairs import PairLoss, in_batch
from tests.models.losses.embeddings import (
    LABELS,
    angles,
    negatives,
    positive_pairs,
    random_rows,
    squared,
    tensor,
    unit_vectors,
)

MARGIN = 0.3

# Squared distances of the rows to each other, row by row.
Distances = list[list[float]]
# The losses of what is compared, by an anchor, from distances and labels.
Loop = Callable[[Distances, list[int]], list[float]]


def all_triplets(distances: Distances, labels: list[int]) -> list[float]:
    return [
        distances[a][p] - distances[a][n] + MARGIN
        for a, p in positive_pairs(labels)
        for n in negatives(labels, a)
    ]


def hardest_triplets(distances: Distances, labels: list[int]) -> list[float]:
    losses = []
    for a in range(len(labels)):
        positives = [p for anchor, p in positive_pairs(labels) if anchor == a]
        if positives and negatives(labels, a):
            to_positive = max(math.sqrt(distances[a][p]) for p in positives)
            to_negative = min(math.sqrt(distances[a][n]) for n in negatives(labels, a))
            losses.append(to_positive - to_negative + MARGIN)
    return losses


def semi_hard_triplets(distances: Distances, labels: list[int]) -> list[float]:
    losses = []
    for a, p in positive_pairs(labels):
        to_negatives = [distances[a][n] for n in negatives(labels, a)]
        if to_negatives:
            farther = [d for d in to_negatives if d > distances[a][p]]
            to_negative = min(farther) if farther else max(to_negatives)
            losses.append(distances[a][p] - to_negative + MARGIN)
    return losses


def weighted_triplets(distances: Distances, labels: list[int]) -> list[float]:
    losses = []
    for a, p in positive_pairs(labels):
        likely, costs = [], []
        for n in negatives(labels, a):
            d = math.sqrt(distances[a][n])
            clipped = min(max(d, 0.5), math.sqrt(2))
            likely.append(1 / (clipped**2 * (1 - clipped**2 / 4) ** 0.5))  # dimension 4
            costs.append(max(0.0, math.sqrt(distances[a][p]) - d + MARGIN))
        if likely:
            losses.append(float(np.average(costs, weights=likely)))
    return losses


MINED: dict[str, tuple[PairLoss, Loop]] = {
    "hard": (partial(triplet.batch_hard_triplet_loss, margin=MARGIN), hardest_triplets),
    "semi_hard": (partial(triplet.semi_hard_triplet_loss, margin=MARGIN), semi_hard_triplets),
    "weighted": (
        partial(triplet.distance_weighted_triplet_loss, margin=MARGIN, dimension=4),
        weighted_triplets,
    ),
}


def rows_of(labels: list[int]) -> tuple[np.ndarray, Distances]:
    rows = random_rows(len(labels), seed=len(labels))
    return rows, [[squared(a, b) for b in rows] for a in rows]


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_given_triplets_match_a_loop(batch: int) -> None:
    """A batch of one cannot show a misaligned split, so not only one."""
    anchors, positives, others = (unit_vectors(angles(batch, seed=i)) for i in range(3))
    expected = [
        max(0.0, squared(a, p) - squared(a, n) + MARGIN)
        for a, p, n in zip(anchors, positives, others, strict=True)
    ]
    stacked = tf.constant(np.concatenate([anchors, positives, others]))
    loss, active = triplet.given_triplet_loss(stacked, tensor([-1] * 3 * batch), MARGIN)
    assert float(loss) == pytest.approx(sum(expected) / batch, abs=1e-6)
    assert float(active) == pytest.approx(sum(cost > 0 for cost in expected) / batch)


def test_given_triplets_lie_stacked_and_not_interleaved() -> None:
    """Anchors, then positives, then negatives: read in threes, this batch would cost much."""
    given = partial(triplet.given_triplet_loss, labels=tensor([-1] * 6), margin=MARGIN)
    loss, active = given(tf.constant(unit_vectors([0, 90, 0, 90, 90, 0])))
    assert (float(loss), float(active)) == (0.0, 0.0)
    # Interleaved triplets (0, 0, 90) and (90, 90, 0) are not what the loss takes.
    assert float(given(tf.constant(unit_vectors([0, 0, 90, 90, 90, 0])))[0]) > 0


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_batch_all_matches_a_loop(labels: list[int]) -> None:
    rows, distances = rows_of(labels)
    terms = all_triplets(distances, labels)
    costs = [term for term in terms if term > 0]
    batch_loss = in_batch(partial(triplet.batch_all_triplet_loss, margin=MARGIN))
    loss, active = batch_loss(rows, tensor(labels))
    assert float(loss) == pytest.approx(sum(costs) / max(1, len(costs)), abs=1e-5)
    assert float(active) == pytest.approx(len(costs) / max(1, len(terms)))


@pytest.mark.parametrize("labels", LABELS, ids=str)
@pytest.mark.parametrize(("loss", "loop"), MINED.values(), ids=MINED)
def test_mined_triplets_match_a_loop(loss: PairLoss, loop: Loop, labels: list[int]) -> None:
    rows, distances = rows_of(labels)
    costs = [max(0.0, term) for term in loop(distances, labels)]
    found, active = in_batch(loss)(rows, tensor(labels))
    assert float(found) == pytest.approx(sum(costs) / max(1, len(costs)), abs=1e-5)
    assert float(active) == pytest.approx(sum(c > 0 for c in costs) / max(1, len(costs)))


@pytest.mark.parametrize("labels", [[1] * 5, [0, 1, 2, 3, 4]], ids=["one_landmark", "all_apart"])
@pytest.mark.parametrize(
    "loss",
    [
        triplet.batch_all_triplet_loss,
        triplet.batch_hard_triplet_loss,
        triplet.semi_hard_triplet_loss,
        partial(triplet.distance_weighted_triplet_loss, dimension=4),
    ],
    ids=["all", "hard", "semi_hard", "weighted"],
)
def test_without_a_valid_triplet_no_margin_is_large_enough_to_cost(
    loss: Callable[..., tuple[tf.Tensor, tf.Tensor]], labels: list[int]
) -> None:
    """What stands for the distance to no negative must not be taken for one."""
    found, active = in_batch(partial(loss, margin=100.0))(random_rows(5), tensor(labels))
    assert (float(found), float(active)) == (0.0, 0.0)


def test_hardest_triplets_of_hand_angles() -> None:
    # Chords 2 sin(angle / 2). Anchor 0: positives at 20 and 60, the negative at 90 degrees:
    # 1 - 1.4142 + 0.5 = 0.0858. Anchor 20: 40 (0.6840) against 70 (1.1472): 0.0369. Anchor 60: 60
    # (1) against 30 (0.5176): 0.9824. Their mean: 0.3683. The negative's own has no positive.
    batch_loss = in_batch(partial(triplet.batch_hard_triplet_loss, margin=0.5))
    loss, active = batch_loss(unit_vectors([0, 20, 60, 90]), tensor([1, 1, 1, 2]))
    assert float(loss) == pytest.approx(0.3683, abs=1e-4)
    assert float(active) == 1.0


# Two triplets of one landmark, joined by its photograph: the anchor of the first, at 0 degrees, is
# a copy of the second's positive, which hence has its pseudo-landmark too. Anchors, positives,
# negatives; each negative has a label of its own.
JOINED_DEGREES = [0.0, 40.0, 30.0, 0.0, 80.0, 120.0]
JOINED_LABELS = [0, 0, 0, 0, 1, 2]


@pytest.mark.parametrize(("loss", "loop"), MINED.values(), ids=MINED)
def test_in_batch_negatives_of_given_triplets_are_all_but_the_anchors_landmark(
    loss: PairLoss, loop: Loop
) -> None:
    """No photograph of the other triplet is pushed away, both its negatives are."""
    rows = np.pad(unit_vectors(JOINED_DEGREES), ((0, 0), (0, 2)))
    assert [negatives(JOINED_LABELS, a) for a in range(4)] == [[4, 5]] * 4
    distances = [[squared(a, b) for b in rows] for a in rows]
    costs = [max(0.0, term) for term in loop(distances, JOINED_LABELS)]
    found, _ = in_batch(loss)(rows, tensor(JOINED_LABELS))
    assert float(found) == pytest.approx(np.mean(costs), abs=1e-5)
    # Were the second triplet's positive a negative, it would cost the anchor, its copy, most.
    mistaken, _ = in_batch(loss)(rows, tensor([0, 0, 0, 3, 1, 2]))
    assert float(mistaken) > float(found)


def test_more_negatives_of_given_triplets_are_found_than_given() -> None:
    """Each anchor's own negative is far; that of the second is near the first anchor."""
    rows, labels = unit_vectors([0, 90, 10, 100, 180, 20]), tensor([0, 1, 0, 1, 2, 3])
    mined = in_batch(partial(triplet.batch_hard_triplet_loss, margin=MARGIN))
    assert float(triplet.given_triplet_loss(rows, labels, MARGIN)[0]) == 0
    assert float(mined(rows, labels)[0]) > 0
