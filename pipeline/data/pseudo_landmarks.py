"""What triplets without labels tell of their photographs: pairs joined transitively."""

import numpy as np
import scipy.sparse
from scipy.sparse import csgraph


def join_pairs(triplets: np.ndarray, count: int) -> np.ndarray:
    """Pseudo-landmarks: the groups that anchor-positive pairs join, directly or through others.

    Args:
        triplets: Photographs as anchor, positive and negative, int ``(triplets, 3)``.
        count: Photographs in all.

    Returns:
        int64 ``(count,)``; groups are numbered as their first photographs are; -1 of a
        photograph alone, such as one that is only ever a negative.
    """
    ends = (triplets[:, 0], triplets[:, 1])
    pairs = scipy.sparse.coo_array((np.ones(len(triplets), bool), ends), shape=(count, count))
    _, group = csgraph.connected_components(pairs, directed=False)
    _, first, inverse, sizes = np.unique(
        group, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)
    joined = order[sizes[order] > 1]
    label = np.full(len(sizes), -1, np.int64)
    label[joined] = np.arange(len(joined))
    return label[inverse]


def unusable_triplets(triplets: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which triplets say nothing, or the opposite of what others say.

    Args:
        triplets: Photographs as anchor, positive and negative, int ``(triplets, 3)``.
        labels: The pseudo-landmark of every photograph, int64 ``(photographs,)``.

    Returns:
        bool ``(triplets,)`` each: degenerate, the anchor and the positive being one photograph;
        contradictory, the negative belonging to the anchor's own pseudo-landmark.
    """
    anchor, positive, negative = triplets.T
    degenerate = anchor == positive
    return degenerate, ~degenerate & (labels[anchor] == labels[negative])


def apart(labels: np.ndarray) -> np.ndarray:
    """Gives every photograph of no landmark a label of its own: nothing is known to match it."""
    alone = labels < 0
    numbered = labels.copy()
    numbered[alone] = labels.max(initial=-1) + 1 + np.arange(alone.sum())
    return numbered
