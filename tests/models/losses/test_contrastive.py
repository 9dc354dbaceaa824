"""Every contrastive loss against plain loops, on embeddings built from angles."""

import itertools
import math
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from models.losses import contrastive
from models.losses.pairs import in_batch
from tests.models.losses.embeddings import (
    LABELS,
    angles,
    negatives,
    positive_pairs,
    squared,
    tensor,
    unit_vectors,
)

MARGIN = 0.3


def cost(distance: float, *, same: bool) -> float:
    return distance**2 / 2 if same else max(0.0, MARGIN - distance) ** 2 / 2


def mean(costs: list[float]) -> float:
    return sum(costs) / max(1, len(costs))


def test_pairs_are_pulled_together_and_others_pushed_to_the_margin() -> None:
    # d^2 = 0.04, d = 0.2: same 0.04 / 2; other (0.5 - 0.2)^2 / 2; beyond the margin nothing.
    distances, same = tf.constant([0.04, 0.04, 0.36]), tf.constant([True, False, False])
    found = contrastive.contrastive_loss(distances, same, margin=0.5)
    np.testing.assert_allclose(found, [0.02, 0.045, 0.0], atol=1e-6)


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_all_pairs_match_a_loop(labels: list[int]) -> None:
    """Each is counted once here and both ways there, which leaves the means as they are."""
    rows = unit_vectors(angles(len(labels), seed=5))
    near: list[float] = []
    far: list[float] = []
    for i, j in itertools.combinations(range(len(rows)), 2):
        distance = math.sqrt(squared(rows[i], rows[j]))
        if min(labels[i], labels[j]) >= 0:
            same = labels[i] == labels[j]
            (near if same else far).append(cost(distance, same=same))
    active = [value for value in far if value > 0]
    batch_loss = in_batch(partial(contrastive.batch_contrastive_loss, margin=MARGIN))
    loss, fraction = batch_loss(rows, tensor(labels))
    assert float(loss) == pytest.approx(mean(near) + mean(active), abs=1e-5)
    assert float(fraction) == pytest.approx(len(active) / max(1, len(far)))


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_mined_negatives_match_a_loop(labels: list[int], count: int) -> None:
    rows = unit_vectors(angles(len(labels), seed=5))
    distances = [[math.sqrt(squared(a, b)) for b in rows] for a in rows]
    near = [cost(distances[a][p], same=True) for a, p in positive_pairs(labels)]
    far = []
    for a in range(len(rows)):
        nearest = sorted(distances[a][n] for n in negatives(labels, a))[:count]
        far += [cost(distance, same=False) for distance in nearest]
    active = [value for value in far if value > 0]
    mined = partial(contrastive.hard_contrastive_loss, margin=MARGIN, negatives=count)
    loss, fraction = in_batch(mined)(rows, tensor(labels))
    assert float(loss) == pytest.approx(mean(near) + mean(active), abs=1e-5)
    assert float(fraction) == pytest.approx(len(active) / max(1, len(far)))


@pytest.mark.parametrize(
    ("of_first", "of_second"),
    [([0], [0]), ([0], [-1]), ([0, 1], [0, 0]), ([3, 1, -1, 2, 5], [3, 2, -1, 2, 6])],
)
def test_given_pairs_match_a_loop(of_first: list[int], of_second: list[int]) -> None:
    """The first of every pair, then the second; two unknown landmarks are not one landmark."""
    first = unit_vectors(angles(len(of_first), seed=1, most=20))
    second = unit_vectors(angles(len(of_first), seed=2, most=20))
    costs = [
        cost(math.sqrt(squared(a, b)), same=i == j)
        for a, b, i, j in zip(first, second, of_first, of_second, strict=True)
        if i >= 0 and j >= 0
    ]
    stacked = tf.constant(np.concatenate([first, second]))
    loss, active = contrastive.given_contrastive_loss(stacked, tensor(of_first + of_second), MARGIN)
    assert float(loss) == pytest.approx(mean(costs), abs=1e-6)
    assert float(active) == pytest.approx(sum(c > 0 for c in costs) / max(1, len(costs)))
