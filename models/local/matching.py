"""Which local features of two photographs are of the same place, as far as they look alike."""

import numpy as np


def mutual_matches(
    query: np.ndarray, candidate: np.ndarray, ratio: float
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of features that are each other's nearest, and clearly nearer than the next.

    Lowe, 2004, https://doi.org/10.1023/B:VISI.0000029664.99615.94: the distance of the nearest
    candidate over that of the second nearest. One matrix product; a tree is slower in so many
    dimensions.

    Args:
        query: float32 ``(n, dim)``, unit length.
        candidate: float32 ``(m, dim)``, likewise.
        ratio: That the distances have at most, 0 to 1; at 1 being mutual and nearer is all.

    Returns:
        Rows of the query and of the candidate, int64 ``(matches,)`` each, every row once at most.
    """
    if not len(query) or not len(candidate):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    cosines = query @ candidate.T  # (n, m)
    rows = np.arange(len(query))
    nearest = cosines.argmax(axis=1)
    best = cosines[rows, nearest]
    is_mutual = best >= cosines.max(axis=0)[nearest]
    rows, nearest, best = rows[is_mutual], nearest[is_mutual], best[is_mutual]
    if len(candidate) > 1:
        others = cosines[rows]
        others[np.arange(len(rows)), nearest] = -np.inf
        second = others.max(axis=1)
        # Squared distances of unit vectors are 2 - 2 cosine.
        is_clear = (best > second) & (1 - best <= ratio**2 * (1 - second))
        rows, nearest = rows[is_clear], nearest[is_clear]
    _, first = np.unique(nearest, return_index=True)  # of equal features more than one is mutual
    first.sort()
    return rows[first], nearest[first]
