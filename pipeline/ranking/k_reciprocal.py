"""k-reciprocal re-ranking: how far two photographs have the same neighbours.

Zhong et al., 2017, https://arxiv.org/abs/1701.08398.
"""

import numpy as np
from scipy import sparse

from pipeline.ranking.candidates import NONE

_SHARED = 2 / 3  # of a neighbour's own reciprocal neighbours, for which they are taken in
_PAIRS_AT_A_TIME = 8192  # 84 MB of vectors of 1,280 dimensions


def distances(
    nodes: np.ndarray,
    vectors: np.ndarray,
    similarities: np.ndarray,
    *,
    k: int,
    k_expansion: int,
    share: float = 0.3,
) -> np.ndarray:
    """Distances of candidates from a query, by common neighbours and by their vectors.

    ``(1 - share) jaccard + share (1 - cosine)``. Jaccard's distance is of the k-reciprocal
    neighbours of both, with weights ``exp(cosine - 1)``, each the mean of those of the
    ``k_expansion`` nearest, the photograph itself one of them. The query is a node like the
    others. Memory grows with candidates times neighbours.

    Args:
        nodes: int ``(m + 1, n)``, n at least k: the nearest of the query, the first row, and of
            the candidates, as ``candidates.graph`` gives them.
        vectors: float32 ``(m + 1, dim)``, unit length, theirs.
        similarities: float ``(m,)``, cosines of candidates and query.
        k: Neighbours that may be reciprocal, the paper's k1.
        k_expansion: The paper's k2.
        share: Of the distance of vectors, the paper's lambda, 0 to 1.

    Returns:
        float64 ``(m,)``, the smaller the more alike.
    """
    encoded = _encoded(nodes, vectors, k)
    near = _adjacency(nodes[:, : k_expansion - 1])
    encoded = sparse.csr_array(near @ encoded) / near.sum(axis=1)[:, None]
    jaccard = _jaccard(sparse.csr_array(encoded))
    return (1 - share) * jaccard + share * (1 - similarities)


def _adjacency(nodes: np.ndarray) -> sparse.csr_array:
    """Who has whom among its nearest, itself always, 0 or 1, ``(m, m)``."""
    count = len(nodes)
    rows, places = np.nonzero(nodes != NONE)
    columns = np.concatenate([nodes[rows, places], np.arange(count)])
    rows = np.concatenate([rows, np.arange(count)])
    return sparse.csr_array((np.ones(len(rows), np.float32), (rows, columns)), (count, count))


def _reciprocal(nodes: np.ndarray) -> sparse.csr_array:
    near = _adjacency(nodes)
    return sparse.csr_array(near.multiply(near.T))


def _encoded(nodes: np.ndarray, vectors: np.ndarray, k: int) -> sparse.csr_array:
    """Weights of the k-reciprocal neighbours and of theirs, rows that add up to 1."""
    reciprocal, narrow = _reciprocal(nodes[:, :k]), _reciprocal(nodes[:, : max(1, round(k / 2))])
    shared = sparse.coo_array(reciprocal.multiply(reciprocal @ narrow.T))
    enough = shared.data >= _SHARED * narrow.sum(axis=1)[shared.col] - 1e-6
    taken = sparse.csr_array(
        (np.ones(enough.sum(), np.float32), (shared.row[enough], shared.col[enough])), shared.shape
    )
    all_of_them = sparse.coo_array(reciprocal + taken @ narrow)
    rows, columns = all_of_them.row, all_of_them.col
    weights = np.exp(_cosines(vectors, rows, columns) - 1)
    encoded = sparse.csr_array((weights, (rows, columns)), shared.shape)
    return sparse.csr_array(encoded / encoded.sum(axis=1)[:, None])


def _cosines(vectors: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Of pairs, some at a time."""
    parts = [np.zeros(0, np.float32)]
    for start in range(0, len(rows), _PAIRS_AT_A_TIME):
        part = slice(start, start + _PAIRS_AT_A_TIME)
        parts.append(np.einsum("nd,nd->n", vectors[rows[part]], vectors[columns[part]]))
    return np.concatenate(parts)


def _jaccard(encoded: sparse.csr_array) -> np.ndarray:
    """Distances of all rows but the first from the first, whose weights add up to 1 each.

    ``1 - sum min / sum max``, and ``sum max = 2 - sum min``.
    """
    query = encoded[[0]].toarray()[0]
    others = encoded[1:]
    least = sparse.csr_array(
        (np.minimum(others.data, query[others.indices]), others.indices, others.indptr),
        others.shape,
    ).sum(axis=1)
    return 1 - least / (2 - least)
