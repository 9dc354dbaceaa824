"""Vectors that take those of their neighbours in: query expansion, database-side augmentation."""

import numpy as np


def expanded(
    vectors: np.ndarray, neighbours: np.ndarray, similarities: np.ndarray, alpha: float
) -> np.ndarray:
    """Replaces every vector by a weighted mean of itself and its neighbours, of unit length.

    ``x + sum max(s_i, 0)^alpha n_i``, divided by its length. The vector itself takes part, with
    the weight 1. Average query expansion (Chum et al., 2007, https://doi.org/10.1109/ICCV.2007.4408891)
    is ``alpha = 0``; alpha query expansion (Radenović et al., 2018, https://arxiv.org/abs/1711.02512,
    section 3.4) is ``alpha = 3``. Of stored vectors, each with its nearest, it is database-side
    augmentation (Arandjelović and Zisserman, 2012, https://doi.org/10.1109/CVPR.2012.6248018).

    Args:
        vectors: float32 ``(n, dim)``, unit length.
        neighbours: float32 ``(n, k, dim)``, unit length.
        similarities: float ``(n, k)``, of each to its vector; -inf for a neighbour that is none.
        alpha: At least 0.

    Returns:
        float32 ``(n, dim)``; a vector that its neighbours cancel stays as it is.
    """
    weights = np.where(np.isfinite(similarities), np.maximum(similarities, 0) ** alpha, 0)
    total = vectors + np.einsum("nk,nkd->nd", weights.astype(np.float32), neighbours)
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(lengths > 0, total / np.where(lengths > 0, lengths, 1), vectors)
