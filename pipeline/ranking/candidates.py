"""The nearest of every candidate among the candidates, and the query: a small graph."""

import numpy as np

NONE = -1  # a node that is none


def among(keys: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """Numbers the nearest of candidates by their places, from 0, without the query.

    Args:
        keys: int64 ``(m,)``, the candidates.
        nearest: int64 of any shape, keys; negative where there is none.

    Returns:
        int64 of that shape, ``NONE`` for what is no candidate.
    """
    order = np.argsort(keys)
    places = np.minimum(np.searchsorted(keys, nearest, sorter=order), len(keys) - 1)
    return np.where(keys[order][places] == nearest, order[places], NONE)


def graph(
    keys: np.ndarray,
    similarities: np.ndarray,
    nearest: np.ndarray,
    nearest_similarities: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Puts a query into the lists of its candidates' nearest, and numbers the nodes.

    The query is node 0, the candidates are nodes 1 and up.

    Args:
        keys: int64 ``(m,)``, the candidates.
        similarities: float ``(m,)``, theirs to the query.
        nearest: int64 ``(m, k)``, keys of the nearest of every candidate in the collection but
            for itself, best first; negative where there are fewer.
        nearest_similarities: float ``(m, k)``, -inf where there are fewer.

    Returns:
        Nodes int64 ``(m + 1, k)``, ``NONE`` for what is no candidate, and similarities
        ``(m + 1, k)``, -inf there. A neighbour that is no candidate keeps its place.
    """
    k = nearest.shape[1]
    nodes = np.full((len(keys) + 1, k), NONE)
    weights = np.full((len(keys) + 1, k), -np.inf)
    first = np.argsort(-similarities, kind="stable")[:k]
    nodes[0, : len(first)], weights[0, : len(first)] = first + 1, similarities[first]
    numbers = among(keys, nearest)
    numbers = np.where(numbers == NONE, NONE, numbers + 1)
    joined = np.concatenate([np.zeros((len(keys), 1), np.int64), numbers], axis=1)
    scores = np.concatenate([similarities[:, None], nearest_similarities], axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    nodes[1:] = np.take_along_axis(joined, order, 1)
    weights[1:] = np.take_along_axis(scores, order, 1)
    return nodes, np.where(nodes == NONE, -np.inf, weights)
