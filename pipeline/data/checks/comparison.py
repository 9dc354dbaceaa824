"""Compares the photographs of the data sets that are checked together."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from pipeline.data.checks import copies
from pipeline.data.checks.data_set import DataSet
from pipeline.data.checks.landmark_counts import shared_names


@dataclasses.dataclass(frozen=True, kw_only=True)
class Overlap:
    """What a data set shares with another that was checked with it.

    Attributes:
        other: The other.
        copies: bool ``(photographs,)``, whose bytes are in the other.
        near: bool ``(photographs,)``, of which the other has a near duplicate, but no copy.
        landmarks: Names in both.
    """

    other: DataSet
    copies: np.ndarray
    near: np.ndarray
    landmarks: list[str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compared:
    """A data set and which of its photographs have copies.

    Attributes:
        data_set: What was read.
        splits: str ``(photographs,)``.
        exact: Groups of copies within the data set, int64 ``(photographs,)``, -1 for none.
        near: Groups of near duplicates within it, likewise.
        different: Ids that stand for photographs of different bytes, bytes, sorted.
        overlaps: With every other data set.
    """

    data_set: DataSet
    splits: np.ndarray
    exact: np.ndarray
    near: np.ndarray
    different: np.ndarray
    overlaps: tuple[Overlap, ...]


def compare(data_sets: Sequence[DataSet]) -> list[Compared]:
    """Finds copies and near duplicates within the data sets and between them."""
    photographs = [data_set.photographs for data_set in data_sets]
    joined = copies.near_groups(
        np.concatenate([part.content for part in photographs]),
        np.concatenate([part.hash for part in photographs]),
        np.concatenate([part.detailed for part in photographs]),
    )
    groups = np.split(joined, np.cumsum([len(part) for part in photographs])[:-1])
    return [
        Compared(
            data_set=data_set,
            splits=data_set.splits(),
            exact=copies.exact_groups(data_set.photographs.content),
            near=copies.within(groups[place], data_set.photographs.content),
            different=_ids_of_different(data_set),
            overlaps=tuple(
                _overlap(data_set, other, groups[place], groups[where])
                for where, other in enumerate(data_sets)
                if where != place
            ),
        )
        for place, data_set in enumerate(data_sets)
    ]


def _overlap(one: DataSet, other: DataSet, groups: np.ndarray, others: np.ndarray) -> Overlap:
    equal = np.isin(one.photographs.content, other.photographs.content)
    near = (groups >= 0) & np.isin(groups, others) & ~equal
    return Overlap(other=other, copies=equal, near=near, landmarks=shared_names(one, other))


def _ids_of_different(data_set: DataSet) -> np.ndarray:
    """Ids that two photographs of a data set share though their bytes differ."""
    ids, contents = data_set.photographs.id, data_set.photographs.content
    order = np.lexsort([contents, ids])
    ids, contents = ids[order], contents[order]
    clash = (ids[1:] == ids[:-1]) & (contents[1:] != contents[:-1]) & (ids[1:] != b"")
    return np.unique(ids[1:][clash])
