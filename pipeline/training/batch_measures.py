"""What the embeddings and the labels of a batch measure, as pure functions of NumPy arrays."""

import math

import numpy as np


def mean_distance_between_landmarks(embeddings: np.ndarray, labels: np.ndarray) -> float:
    """The mean squared distance between photographs of different landmarks.

    Cosines of all pairs sum up to the squared length of the sum of all vectors; those within a
    landmark, to that of its own sum. So it takes no time that grows with the pairs.

    Args:
        embeddings: float32 ``(photographs, dim)``, unit length.
        labels: int ``(photographs,)``; negative ones, unknown, are left out.

    Returns:
        0 to 4; not a number where there are no two landmarks.
    """
    order = np.argsort(labels, kind="stable")
    order = order[labels[order] >= 0]
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    pairs = counts.sum() ** 2 - (counts**2).sum()
    if not pairs:
        return math.nan
    sums = np.add.reduceat(embeddings[order], starts, axis=0, dtype=np.float64)  # (landmarks, dim)
    cosines = np.square(sums.sum(axis=0)).sum() - np.square(sums).sum()
    return float(2.0 - 2.0 * cosines / pairs)


def effective_rank(embeddings: np.ndarray) -> float:
    """Along how many directions embeddings spread: their participation ratio.

    ``(sum v)^2 / sum v^2`` over the variances ``v`` along the principal axes: as many as there are
    where they are equal, 1 where one holds all. Gao et al., 2017, https://doi.org/10.1101/214262.

    Args:
        embeddings: float32 ``(photographs, dim)``.

    Returns:
        At least 1, at most the smaller of ``dim`` and ``photographs - 1``; not a number where all
        are the same.
    """
    centred = embeddings - embeddings.mean(axis=0)
    # Either product has the variances as eigenvalues, times the number of photographs.
    products = centred @ centred.T if len(centred) < centred.shape[1] else centred.T @ centred
    total = np.trace(products, dtype=np.float64)
    return float(total**2 / np.square(products, dtype=np.float64).sum()) if total > 0 else math.nan


def is_comparable(labels: np.ndarray) -> bool:
    """Whether two photographs show one landmark and one shows another; negative is unknown."""
    counts = np.unique(labels[labels >= 0], return_counts=True)[1]
    return len(counts) > 1 and bool(counts.max() > 1)
