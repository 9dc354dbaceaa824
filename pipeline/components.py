"""Groups of what is linked by pairs, where the pairs are too many to be held together."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def merge(component: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Components after those that a pair connects have become one.

    Args:
        component: int ``(n,)``, the component of every member, below ``n``.
        pairs: int ``(pairs, 2)`` of members.

    Returns:
        int ``(n,)``, likewise.
    """
    left, right = component[pairs].T
    size = (len(component), len(component))
    edges = coo_array((np.ones(len(left), bool), (left, right)), size)
    return connected_components(edges, directed=False)[1][component]
