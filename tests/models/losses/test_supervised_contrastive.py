import math
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from models.losses.pairs import Pairs, in_batch
from models.losses.supervised_contrastive import supervised_contrastive_loss
from tests.models.losses.embeddings import (
    LABELS,
    negatives,
    positive_pairs,
    random_rows,
    tensor,
    unit_vectors,
)


@pytest.mark.parametrize("temperature", [0.05, 1.0])
@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_loss_matches_a_loop(labels: list[int], temperature: float) -> None:
    rows = random_rows(len(labels), seed=3)
    costs, unsolved = [], 0
    for a, row in enumerate(rows):
        to_positive = [float(row @ rows[p]) for anchor, p in positive_pairs(labels) if anchor == a]
        to_negative = [float(row @ rows[n]) for n in negatives(labels, a)]
        if to_positive and to_negative:
            total = sum(math.exp(s / temperature) for s in to_positive + to_negative)
            terms = [math.log(math.exp(s / temperature) / total) for s in to_positive]
            costs.append(-sum(terms) / len(terms))
            unsolved += max(to_negative) > min(to_positive)
    batch_loss = in_batch(partial(supervised_contrastive_loss, temperature=temperature))
    loss, active = batch_loss(rows, tensor(labels))
    assert float(loss) == pytest.approx(sum(costs) / max(1, len(costs)), rel=1e-4)
    assert float(active) == pytest.approx(unsolved / max(1, len(costs)))


def test_with_one_positive_it_is_the_cross_entropy_of_finding_it() -> None:
    # Anchor 0 and its positive at 60 degrees (cosine 0.5), a negative opposite (-1):
    # -log(e ** 0.5 / (e ** 0.5 + e ** -1)) = log(1 + e ** -1.5) = 0.2014. The positive, as an
    # anchor, has the negative at 120 degrees (-0.5): log(1 + e ** -1) = 0.3133.
    rows = unit_vectors([0, 60, 180])
    batch_loss = in_batch(partial(supervised_contrastive_loss, temperature=1.0))
    loss, active = batch_loss(rows, tensor([0, 0, 1]))
    assert float(loss) == pytest.approx((0.2014 + 0.3133) / 2, abs=1e-4)
    assert float(active) == 0


def test_a_low_temperature_overflows_nowhere() -> None:
    """exp(1 / 0.005) has 87 digits."""
    pairs = Pairs.within(unit_vectors([0, 180, 0]), tensor([0, 0, 1]))
    loss, active = supervised_contrastive_loss(pairs, temperature=0.005)
    # The anchor's positive is opposite, the negative a copy: (1 - -1) / 0.005 = 400. The positive
    # has both equally far: log 2.
    assert float(loss) == pytest.approx((400 + math.log(2)) / 2)
    assert float(active) == 0.5


def test_unknown_photographs_change_nothing() -> None:
    rows = random_rows(5)
    batch_loss = in_batch(partial(supervised_contrastive_loss, temperature=0.1))
    with_unknown = batch_loss(rows, tensor([0, 0, 1, 1, -1]))
    without = batch_loss(tf.constant(rows[:4]), tensor([0, 0, 1, 1]))
    np.testing.assert_allclose(with_unknown, without, rtol=1e-6)
