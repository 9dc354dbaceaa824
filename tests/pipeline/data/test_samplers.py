import collections

import numpy as np
import pytest

from pipeline.data.samplers import landmark_batches, records_by_landmark, shuffled_batches

# Landmark 7 has one photograph, -1 is unknown; 3 has fewer photographs than K may ask for.
LABELS = np.array([5, 3, 5, -1, 9, 9, 7, 5, 3, -1, 9, 5, 9, 0, 0, 0])
USABLE = {0, 3, 5, 9}


def drawn(labels: np.ndarray, p: int, k: int, *, seed: int = 0, epoch: int = 1) -> np.ndarray:
    return landmark_batches(labels, p, k, seed=seed, epoch=epoch)


@pytest.mark.parametrize(("records", "batch"), [(12, 3), (12, 1), (12, 12), (1, 1), (3, 8)])
def test_epoch_holds_every_record_once(records: int, batch: int) -> None:
    order = shuffled_batches(records, batch, seed=0, epoch=1)
    assert order.shape == (records // min(batch, records), min(batch, records))
    assert sorted(order.ravel()) == list(range(records))


def test_last_smaller_batch_is_left_out_and_others_are_each_epoch() -> None:
    epochs = [shuffled_batches(11, 4, seed=0, epoch=epoch) for epoch in range(12)]
    assert all(order.shape == (2, 4) for order in epochs)
    assert all(len(set(order.ravel())) == 8 for order in epochs)
    assert set(np.concatenate(epochs).ravel()) == set(range(11))


def test_orders_depend_on_seed_and_epoch_alone() -> None:
    def orders(seed: int, epoch: int) -> tuple[list[list[int]], list[list[int]]]:
        plain = shuffled_batches(16, 4, seed=seed, epoch=epoch)
        return plain.tolist(), drawn(LABELS, 2, 2, seed=seed, epoch=epoch).tolist()

    assert orders(1, 2) == orders(1, 2)
    different = [orders(1, 2), orders(1, 3), orders(2, 2), orders(2, 1)]
    for kind in (0, 1):
        assert len({str(order[kind]) for order in different}) == 4


@pytest.mark.parametrize(("p", "k"), [(2, 2), (3, 2), (4, 2), (2, 3), (3, 4), (2, 1)])
def test_batches_hold_p_landmarks_by_k_photographs(p: int, k: int) -> None:
    for epoch in range(8):
        batches = drawn(LABELS, p, k, epoch=epoch)
        assert batches.shape == (max(1, 13 // (p * k)), p * k)
        for batch in batches:
            groups = batch.reshape(p, k)
            for group in groups:
                assert len(set(LABELS[group])) == 1
            assert len(set(LABELS[groups[:, 0]])) == p
            assert set(LABELS[batch]) <= USABLE


def test_photographs_repeat_only_where_a_landmark_has_too_few() -> None:
    for group in drawn(LABELS, 4, 4, epoch=3).reshape(-1, 4):
        available = int(np.sum(LABELS[group[0]] == LABELS))
        distinct = len(set(group))
        assert distinct == 4 if available >= 4 else distinct <= available


def test_landmarks_are_dealt_evenly_and_all_photographs_have_their_turn() -> None:
    labels = np.repeat(np.arange(10), 6)
    batches = np.concatenate([drawn(labels, 3, 2, epoch=epoch) for epoch in range(20)])
    # An epoch deals 10 batches of 3 landmarks: each of the ten 3 times, 60 times in all.
    counts = collections.Counter(labels[batches.reshape(-1, 2)[:, 0]])
    assert counts == dict.fromkeys(range(10), 60)
    assert set(batches.ravel()) == set(range(60))


def test_fewer_landmarks_than_asked_for_make_a_smaller_batch() -> None:
    assert drawn(np.array([0, 0, 1, 1]), 8, 2).shape == (1, 4)


@pytest.mark.parametrize(
    ("labels", "usable"),
    [([0, 0, 0], 1), ([0, 1, 2], 0), ([-1, -1, -1, -1], 0), ([0, 0, -1, -1, 1], 1)],
)
def test_fewer_than_two_usable_landmarks_are_refused(labels: list[int], usable: int) -> None:
    with pytest.raises(ValueError, match=f"Received: {usable} such .* {len(labels)} photographs"):
        drawn(np.array(labels), 2, 2)


def test_records_are_grouped_by_known_landmark() -> None:
    groups = {label: numbers.tolist() for label, numbers in records_by_landmark(LABELS).items()}
    expected = {0: [13, 14, 15], 3: [1, 8], 5: [0, 2, 7, 11], 7: [6], 9: [4, 5, 10, 12]}
    assert groups == expected


def test_hundred_thousand_landmarks_of_two_photographs_make_an_epoch() -> None:
    """The order is all that grows with the landmarks."""
    labels = np.repeat(np.arange(100_000), 2)
    order = landmark_batches(labels, 64, 2, seed=0, epoch=1)
    assert order.shape == (1562, 128)
    of_batch = labels[order].reshape(1562, 64, 2)
    assert (of_batch[..., 0] == of_batch[..., 1]).all()
    assert all(len(set(batch)) == 64 for batch in of_batch[:50, :, 0].tolist())
