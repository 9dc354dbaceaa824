"""Which records make up each batch of an epoch: plain, seeded NumPy, no reading.

An epoch's order depends on the seed and the epoch's number alone, so a resumed run continues
within it by leaving out the batches already seen.
"""

import dataclasses

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
    groups = _Groups.of(labels)
    generator = np.random.default_rng((seed, epoch))
    landmarks = min(landmarks, len(groups.sizes))
    batches = max(1, int(groups.sizes.sum()) // (landmarks * photographs))
    dealt = _deal(len(groups.sizes), landmarks, batches, generator)
    # The n-th time that a landmark is dealt it gives the next K of its photographs, shuffled.
    turns = _times_before(dealt)[:, None] * photographs + np.arange(photographs)
    numbers = groups.shuffled(generator)[
        groups.starts[dealt, None] + turns % groups.sizes[dealt, None]
    ]
    return numbers.reshape(batches, -1)


def pair_batches(labels: np.ndarray, pairs: int, *, seed: int, epoch: int) -> np.ndarray:
    """Pairs of photographs, by turns of one landmark and of two.

    Every photograph whose landmark another shows is the first of one pair an epoch.

    Args:
        labels: int ``(records,)``; negative ones (unknown) take no part.
        pairs: Pairs a batch.
        seed: Chooses all orders.
        epoch: Chooses one.

    Returns:
        int64 ``(batches, pairs, 2)`` of record numbers; the last, smaller batch is left out
        unless it is the only one.

    Raises:
        ValueError: As ``comparable_landmarks``.
    """
    groups = _Groups.of(labels)
    generator = np.random.default_rng((seed, epoch))
    firsts = generator.permutation(len(groups.numbers))
    group = np.repeat(np.arange(len(groups.sizes)), groups.sizes)[firsts]
    starts, sizes = groups.starts[group], groups.sizes[group]
    same = starts + (firsts - starts + generator.integers(1, sizes)) % sizes
    # Any photograph outside the group: those behind it are counted from the end of the group.
    other = (starts + sizes + generator.integers(0, len(firsts) - sizes)) % len(firsts)
    seconds = np.where(np.arange(len(firsts)) % 2 == 0, same, other)
    chosen = np.stack([groups.numbers[firsts], groups.numbers[seconds]], axis=1)
    pairs = min(pairs, len(chosen))
    return chosen[: len(chosen) // pairs * pairs].reshape(-1, pairs, 2)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Groups:
    """Records of landmarks with two photographs or more, landmark after landmark.

    Attributes:
        numbers: int64 ``(records,)`` of record numbers.
        starts: int64 ``(landmarks,)``, where in ``numbers`` each landmark's begin.
        sizes: int64 ``(landmarks,)``, how many it has.
    """

    numbers: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray

    @classmethod
    def of(cls, labels: np.ndarray) -> "_Groups":
        members = comparable_landmarks(labels)
        sizes = np.array([len(numbers) for numbers in members.values()])
        return cls(
            numbers=np.concatenate(list(members.values())),
            starts=np.cumsum(sizes) - sizes,
            sizes=sizes,
        )

    def shuffled(self, generator: np.random.Generator) -> np.ndarray:
        """The numbers, each landmark's in random order."""
        group = np.repeat(np.arange(len(self.sizes)), self.sizes)
        return self.numbers[np.lexsort((generator.random(len(self.numbers)), group))]


def _deal(groups: int, landmarks: int, batches: int, generator: np.random.Generator) -> np.ndarray:
    """Landmarks round after round, each a permutation: int64 ``(batches * landmarks,)``."""
    rounds: list[np.ndarray] = []
    begun = np.empty(0, np.int64)  # landmarks of the batch that the last round did not fill
    for _ in range(-(-batches * landmarks // groups)):
        order = generator.permutation(groups)
        fresh = ~np.isin(order, begun)
        rounds.append(np.concatenate([order[fresh], order[~fresh]]))
        tail = np.concatenate([begun, rounds[-1]])
        begun = tail[len(tail) // landmarks * landmarks :]
    return np.concatenate(rounds)[: batches * landmarks]


def _times_before(values: np.ndarray) -> np.ndarray:
    """How often each value has stood before its place, int64 of the shape of ``values``."""
    order = np.argsort(values, kind="stable")
    _, starts, sizes = np.unique(values[order], return_index=True, return_counts=True)
    times = np.empty(len(values), np.int64)
    times[order] = np.arange(len(values)) - np.repeat(starts, sizes)
    return times


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
