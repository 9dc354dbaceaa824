"""Which photographs are the same, by their bytes or by their looks, and which of them to leave out.

Groups are numbered from 0 in the order of their first photographs; -1 is a photograph without a
copy.
"""

import numpy as np

from pipeline.data.near_duplicates import groups_across, near_duplicate_groups

# Whose photographs stay where copies are in several splits: the smaller. Evaluation first, because
# a photograph less there changes what is measured.
_RANKS = {"query": 0, "index": 1, "validation": 2, "train": 4}
_OTHER_RANK = 3


def exact_groups(contents: np.ndarray) -> np.ndarray:
    """Groups of photographs with the same bytes.

    Args:
        contents: uint64 ``(photographs,)``.

    Returns:
        int64 ``(photographs,)``.
    """
    _, first, which, counts = np.unique(
        contents, return_index=True, return_inverse=True, return_counts=True
    )
    several = np.flatnonzero(counts > 1)
    numbers = np.full(len(counts), -1, np.int64)
    numbers[several[np.argsort(first[several])]] = np.arange(len(several))
    return numbers[which]


def near_groups(contents: np.ndarray, hashes: np.ndarray, detailed: np.ndarray) -> np.ndarray:
    """Groups of near duplicates; photographs with the same bytes alone make none.

    Args:
        contents: uint64 ``(photographs,)``.
        hashes: uint64 ``(photographs, words)``.
        detailed: bool ``(photographs,)``, whether the hash says anything.

    Returns:
        int64 ``(photographs,)``.
    """
    _, first, which = np.unique(contents, return_index=True, return_inverse=True)
    order = np.sort(first)
    groups = near_duplicate_groups(hashes[order], detailed[order])
    return groups[np.searchsorted(order, first)][which]


def within(groups: np.ndarray, contents: np.ndarray) -> np.ndarray:
    """Groups as one data set sees them: -1 where it holds but one content of the group."""
    grouped = groups >= 0
    pairs = np.unique(
        np.stack([groups[grouped].astype(np.uint64), contents[grouped]], axis=1), axis=0
    )
    numbers, contents_of = np.unique(pairs[:, 0].astype(np.int64), return_counts=True)
    return np.where(np.isin(groups, numbers[contents_of > 1]), groups, -1)


def later_copies(groups: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """All photographs of every group but one: of evaluation splits before training, the first.

    Args:
        groups: int64 ``(photographs,)`` of ``exact_groups``.
        splits: str ``(photographs,)``.

    Returns:
        bool ``(photographs,)``.
    """
    order = np.lexsort([_ranks(splits), groups])
    repeats = np.zeros(len(groups), bool)
    repeats[order[1:]] = groups[order[1:]] == groups[order[:-1]]
    return repeats & (groups >= 0)


def trained_copies(groups: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """Photographs to train with whose group is in another split too, bool ``(photographs,)``."""
    ranks = _ranks(splits)
    trained = ranks == _RANKS["train"]
    return trained & np.isin(groups, groups_across(groups, trained.astype(np.int64)))


def across_splits(groups: np.ndarray, splits: np.ndarray) -> np.ndarray:
    """The numbers of the groups with photographs in two splits or more, int64, ascending."""
    return groups_across(groups, np.unique(splits, return_inverse=True)[1])


def _ranks(splits: np.ndarray) -> np.ndarray:
    names, which = np.unique(splits, return_inverse=True)
    ranks = [_RANKS.get(str(name), _OTHER_RANK) for name in names]
    return np.array(ranks, np.int64)[which]
