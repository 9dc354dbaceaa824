"""Which records make up each batch of an epoch: plain, seeded NumPy, no reading.

An epoch's order depends on the seed and the epoch's number alone, so a resumed run continues
within it by leaving out the batches already seen.
"""

import numpy as np


def shuffled_batches(records: int, batch: int, *, seed: int, epoch: int) -> np.ndarray:
    """Every record once, in random order.

    Args:
        records: How many there are.
        batch: Records a batch; the last, smaller batch is left out unless it is the only one.
        seed: Chooses all orders.
        epoch: Chooses one.

    Returns:
        int64 ``(batches, batch)`` of record numbers.
    """
    order = np.random.default_rng((seed, epoch)).permutation(records)
    batch = min(batch, records)
    return order[: records // batch * batch].reshape(-1, batch)


def landmark_batches(
    labels: np.ndarray, landmarks: int, photographs: int, *, seed: int, epoch: int
) -> np.ndarray:
    """Batches of P landmarks by K photographs.

    Landmarks are dealt round after round, each round in a new order, until an epoch has as
    many photographs as the data set; a landmark with fewer than K photographs repeats some.

    Args:
        labels: int ``(records,)``; negative ones (unknown) take no part.
        landmarks: P, different landmarks a batch.
        photographs: K, photographs of each.
        seed: Chooses all orders.
        epoch: Chooses one.

    Returns:
        int64 ``(batches, landmarks * photographs)`` of record numbers.

    Raises:
        ValueError: As ``comparable_landmarks``.
    """
    members = comparable_landmarks(labels)
    generator = np.random.default_rng((seed, epoch))
    landmarks = min(landmarks, len(members))
    batches = max(1, sum(map(len, members.values())) // (landmarks * photographs))
    rounds = -(-batches * landmarks // len(members)) + 1
    names = np.array(list(members))
    dealt: list[int] = []
    for _ in range(rounds):
        dealt.extend(_next_round(names, dealt, landmarks, generator))
    numbers = [_choose(members[label], photographs, generator) for label in dealt]
    return np.stack(numbers[: batches * landmarks]).reshape(batches, -1)


def comparable_landmarks(labels: np.ndarray) -> dict[int, np.ndarray]:
    """Record numbers of every landmark with two photographs or more.

    Raises:
        ValueError: If those are fewer than two, as every loss compares photographs of one
            landmark and of another.
    """
    members = records_by_landmark(labels)
    members = {label: numbers for label, numbers in members.items() if len(numbers) > 1}
    if len(members) < 2:
        raise ValueError(
            "Training compares photographs of one landmark with those of another, so at least "
            f"two landmarks need two photographs each. Received: {len(members)} such landmarks "
            f"among {len(labels)} photographs."
        )
    return members


def records_by_landmark(labels: np.ndarray) -> dict[int, np.ndarray]:
    """Record numbers of every known landmark."""
    order = np.argsort(labels, kind="stable")
    found, starts = np.unique(labels[order], return_index=True)
    groups = np.split(order, starts[1:])
    return {int(label): group for label, group in zip(found, groups, strict=True) if label >= 0}


def _next_round(
    names: np.ndarray, dealt: list[int], landmarks: int, generator: np.random.Generator
) -> list[int]:
    """A permutation that keeps the batch across the seam free of repeated landmarks."""
    begun = dealt[len(dealt) // landmarks * landmarks :]
    order = generator.permutation(names)
    fresh = ~np.isin(order, begun)
    return [int(label) for label in np.concatenate([order[fresh], order[~fresh]])]


def _choose(members: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    return generator.choice(members, count, replace=len(members) < count)
