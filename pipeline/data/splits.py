"""Which photographs go into which split, so that no result is flattered by what training saw."""

import dataclasses
from collections.abc import Callable

import numpy as np

SPLITS = ("train", "validation", "query", "index")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SplitSettings:
    """How photographs are divided.

    Attributes:
        splits: Which splits there are to be. One alone takes everything. "train" and
            "validation" share no landmark; nor do they with "query" and "index", which divide the
            photographs of the same landmarks, as a search needs.
        validation_fraction: Share of the landmarks that "validation" gets.
        test_fraction: Share of the landmarks that "query" and "index" get together; all of them
            where there is no "train".
        query_fraction: Share of each of those landmarks' photographs that "query" gets.
        seed: Chooses.

    Raises:
        ValueError: If the splits do not go together or a share is out of range.
    """

    splits: tuple[str, ...]
    validation_fraction: float = 0.2
    test_fraction: float = 0.2
    query_fraction: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks what cannot go together."""
        received = f"Received: {','.join(self.splits)}."
        if not self.splits or not set(self.splits) <= set(SPLITS):
            raise ValueError(f"--split takes some of {','.join(SPLITS)}. {received}")
        if len(set(self.splits)) < len(self.splits):
            raise ValueError(f"--split names a split twice. {received}")
        if "query" in self.splits and "index" not in self.splits:
            raise ValueError(f"--split=query needs index: queries look for others. {received}")
        if "validation" in self.splits and len(self.splits) > 1 and "train" not in self.splits:
            raise ValueError(f"--split=validation beside others needs train. {received}")
        for name in ("validation_fraction", "test_fraction", "query_fraction"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"--{name} is 0 to below 1. Received: {getattr(self, name)}.")
        if not self.validation_fraction + self.test_fraction < 1:
            raise ValueError(
                "--validation_fraction and --test_fraction leave nothing to train on. Received: "
                f"{self.validation_fraction} and {self.test_fraction}."
            )


def split_photographs(
    labels: np.ndarray,
    settings: SplitSettings,
    distinct: Callable[[np.ndarray], np.ndarray] = lambda numbers: numbers,
) -> dict[str, np.ndarray]:
    """Divides photographs by landmark, and those of test landmarks into queries and index.

    Photographs without a landmark go with "index" where there is one, else with "train".

    Args:
        labels: int64 ``(photographs,)``, -1 where unknown.
        settings: How.
        distinct: From photograph numbers, those of the first of each content: a query is chosen
            among photographs that are not the same.

    Returns:
        Photograph numbers by split, ascending, those that are to keep a photograph which stands
        in several first. A split that would be empty is left out; where no landmark is known
        all are "index", unless one split alone was asked for.
    """
    everything = np.arange(len(labels))
    landmarks = np.unique(labels[labels >= 0])
    if len(settings.splits) == 1:
        return {settings.splits[0]: everything}
    if not len(landmarks):
        return {"index": everything}
    groups = _landmark_groups(landmarks, settings)
    numbers = {name: np.flatnonzero(np.isin(labels, group)) for name, group in groups.items()}
    test = numbers.pop("test", everything[:0])
    found: dict[str, np.ndarray] = {}
    if "query" in settings.splits:
        found["query"] = _queries(distinct(test), labels, settings)
    found |= {"index": np.setdiff1d(test, found.get("query", test[:0])), **numbers}
    unlabelled = np.flatnonzero(labels < 0)
    home = "index" if "index" in settings.splits else "train"
    found[home] = np.union1d(found[home], unlabelled)
    return {name: chosen for name, chosen in found.items() if len(chosen)}


def _landmark_groups(landmarks: np.ndarray, settings: SplitSettings) -> dict[str, np.ndarray]:
    """Landmarks by group: "validation", "test" (query and index), "train"."""
    order = np.random.default_rng(settings.seed).permutation(landmarks)
    if "train" not in settings.splits:
        return {"test": landmarks}
    counts = {}
    if "validation" in settings.splits:
        counts["validation"] = round(settings.validation_fraction * len(landmarks))
    if "index" in settings.splits:
        counts["test"] = round(settings.test_fraction * len(landmarks))
    groups = {}
    for name, count in counts.items():
        groups[name], order = np.split(order, [min(count, len(order) - 1)])
    return {**groups, "train": order}


def _queries(numbers: np.ndarray, labels: np.ndarray, settings: SplitSettings) -> np.ndarray:
    """The query share of each landmark with two photographs or more: at least one, never all."""
    drawn = np.random.default_rng((settings.seed, 1)).permutation(numbers)
    drawn = drawn[np.argsort(labels[drawn], kind="stable")]
    _, starts, sizes = np.unique(labels[drawn], return_index=True, return_counts=True)
    wanted = np.round(settings.query_fraction * sizes).astype(int)
    wanted = np.where(sizes < 2, 0, np.clip(wanted, 1, sizes - 1))
    rank = np.arange(len(drawn)) - np.repeat(starts, sizes)
    return np.sort(drawn[rank < np.repeat(wanted, sizes)])
