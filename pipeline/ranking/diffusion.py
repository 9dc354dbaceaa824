"""Diffusion: similarity that spreads from a query over a graph of its candidates.

Iscen et al., 2017, https://arxiv.org/abs/1611.05113; truncated to the first candidates as in
Iscen et al., 2018, https://arxiv.org/abs/1703.06935.
"""

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from pipeline.ranking.candidates import NONE

_MOST_STEPS = 20  # of conjugate gradients, as in the paper
_TOLERANCE = 1e-6


def affinity(nodes: np.ndarray, similarities: np.ndarray, power: float = 3.0) -> sparse.csr_array:
    """The graph of mutual neighbours, symmetrically normalised.

    ``D^-1/2 W D^-1/2`` with ``W_ij = max(s_ij, 0)^power`` where each is among the nearest of the
    other, else 0, and ``D`` the sums of its rows.

    Args:
        nodes: int ``(m, k)``, the nearest of every node, without itself; ``NONE`` where there is
            none.
        similarities: float ``(m, k)``, theirs.
        power: The paper's gamma.

    Returns:
        ``(m, m)``; a node without mutual neighbours has a row of zeros.
    """
    rows, places = np.nonzero((nodes != NONE) & (similarities > 0))
    weights = similarities[rows, places].astype(np.float64) ** power
    one_way = sparse.csr_array((weights, (rows, nodes[rows, places])), (len(nodes), len(nodes)))
    mutual = one_way.minimum(one_way.T)
    degrees = mutual.sum(axis=1)
    scale = sparse.diags_array(1 / np.sqrt(np.where(degrees > 0, degrees, 1)))
    return sparse.csr_array(scale @ mutual @ scale)


def diffused(graph: sparse.csr_array, start: np.ndarray, damping: float = 0.99) -> np.ndarray:
    """What spreads from ``start`` over a graph: the solution of ``(1 - damping S) f = start``.

    By conjugate gradients, the factor ``1 - damping`` of the paper left out, as it changes no
    order.

    Args:
        graph: As ``affinity`` gives it, ``(m, m)``.
        start: float ``(m,)``, at least 0.
        damping: The paper's alpha, 0 to 1, both exclusive.

    Returns:
        float64 ``(m,)``; 0 for what no path leads to.
    """
    system = sparse.eye_array(len(start), format="csr") - damping * graph
    found, _ = linalg.cg(system, start, rtol=_TOLERANCE, maxiter=_MOST_STEPS)
    return found


def start_at(similarities: np.ndarray, k: int, power: float = 3.0) -> np.ndarray:
    """Where a query that is no node starts: at its ``k`` nearest, ``max(s, 0)^power``, else 0.

    Args:
        similarities: float ``(m,)``, of the nodes to the query.
        k: How many.
        power: The paper's gamma.
    """
    start = np.zeros(len(similarities))
    first = np.argsort(-similarities, kind="stable")[:k]
    start[first] = np.maximum(similarities[first], 0) ** power
    return start
