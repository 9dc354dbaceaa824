"""SuperGlobal's re-ranking: query and candidates refined by one another.

Shao et al., 2023, https://arxiv.org/abs/2308.06954, section 3.3, and the code beside it,
https://github.com/ShihaoShao-GH/SuperGlobal.
"""

import numpy as np


def refined(vectors: np.ndarray, k: int, share: float) -> np.ndarray:
    """Weighted means of every candidate and its ``k`` nearest among the candidates.

    The candidate itself has the weight 1, a neighbour ``share`` times its cosine, at least 0.

    Args:
        vectors: float32 ``(m, dim)``, unit length.
        k: How many; all others where there are fewer.
        share: The paper's beta.

    Returns:
        float32 ``(m, dim)``, not of unit length.
    """
    cosines = vectors @ vectors.T  # (m, m); the candidates are few
    np.fill_diagonal(cosines, 2)  # itself first: no cosine is so large
    count = min(k + 1, len(vectors))
    nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
    weights = np.zeros_like(cosines)
    near = share * np.maximum(np.take_along_axis(cosines, nearest, 1), 0)
    np.put_along_axis(weights, nearest, near, 1)
    np.fill_diagonal(weights, 1)
    return (weights @ vectors) / weights.sum(axis=1, keepdims=True)


def scores(query: np.ndarray, vectors: np.ndarray, k: int = 9, share: float = 0.15) -> np.ndarray:
    """Scores of candidates: the mean of what the query and its refined form say of them.

    Both are compared with refined candidates. The refined query is the maximum, dimension by
    dimension, of the ``k + 1`` refined candidates most like the query; the query itself takes no
    part in it.

    Args:
        query: float32 ``(dim,)``, unit length.
        vectors: float32 ``(m, dim)``, unit length, the candidates.
        k: Neighbours that refine.
        share: The paper's beta.

    Returns:
        float32 ``(m,)``, the larger the more alike.
    """
    better = refined(vectors, k, share)
    first = better @ query
    nearest = np.argsort(-first, kind="stable")[: k + 1]
    return (first + better @ better[nearest].max(axis=0)) / 2
