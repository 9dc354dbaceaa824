"""Photographs a landmark, and landmarks that are where they should not be."""

import dataclasses
import itertools

import numpy as np

from pipeline.data.checks.data_set import DataSet


@dataclasses.dataclass(frozen=True, kw_only=True)
class LandmarkCounts:
    """Of one split; the numbers of photographs a landmark are 0 where there is none.

    Attributes:
        photographs: Sound photographs.
        unlabelled: Those of no known landmark.
        landmarks: Different labels.
        single: Landmarks with one photograph, of which nothing can be learned or found.
        least: Photographs a landmark, at least.
        median: In the middle.
        most: At most.
    """

    photographs: int
    unlabelled: int
    landmarks: int
    single: int
    least: int
    median: float
    most: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leak:
    """Landmarks that two splits share and should not.

    Attributes:
        splits: The two.
        labels: Shared labels, ascending.
        names: Shared names, sorted.
    """

    splits: tuple[str, str]
    labels: tuple[int, ...]
    names: tuple[str, ...]


def count_landmarks(data_set: DataSet) -> dict[str, LandmarkCounts]:
    """The counts of every split."""
    splits = data_set.splits()
    names = dict.fromkeys(shard.split for shard in data_set.shards)
    return {name: _counts(data_set.photographs.label[splits == name]) for name in names}


def _counts(labels: np.ndarray) -> LandmarkCounts:
    known = labels[labels >= 0]
    _, sizes = np.unique(known, return_counts=True)
    return LandmarkCounts(
        photographs=len(labels),
        unlabelled=len(labels) - len(known),
        landmarks=len(sizes),
        single=int((sizes == 1).sum()),
        least=int(sizes.min()) if len(sizes) else 0,
        median=float(np.median(sizes)) if len(sizes) else 0.0,
        most=int(sizes.max()) if len(sizes) else 0,
    )


def find_leaks(data_set: DataSet) -> list[Leak]:
    """Landmarks shared between splits, by label or by name, but for queries and their index."""
    leaks = []
    for one, other in itertools.combinations(data_set.names, 2):
        if {one, other} == {"query", "index"}:
            continue
        labels = _labels(data_set, one) & _labels(data_set, other)
        names = _names(data_set, one) & _names(data_set, other)
        if labels or names:
            leaks.append(
                Leak(splits=(one, other), labels=tuple(sorted(labels)), names=tuple(sorted(names)))
            )
    return leaks


def shared_names(one: DataSet, other: DataSet) -> list[str]:
    """Names of landmarks that two data sets share; their labels are not comparable."""
    found, others = (
        set().union(*(_names(data_set, split) for split in data_set.names))
        for data_set in (one, other)
    )
    return sorted(found & others)


def labels_with_several_names(data_set: DataSet) -> list[int]:
    """Labels that stand beside more than one name, ascending."""
    pairs = set().union(*data_set.names.values())
    labels, names = np.unique([label for label, name in pairs if name], return_counts=True)
    return labels[names > 1].astype(int).tolist()


def _labels(data_set: DataSet, split: str) -> set[int]:
    return {label for label, _ in data_set.names[split]}


def _names(data_set: DataSet, split: str) -> set[str]:
    return {name for _, name in data_set.names[split] if name}
