"""How much a visual word counts: soft assignment, inverse document frequency, burstiness."""

import numpy as np


def soft_weights(squared_distances: np.ndarray, sigma: float) -> np.ndarray:
    """Shares of a descriptor between the words nearest to it.

    ``exp(-d^2 / (2 sigma^2))``, divided by their sum: Philbin et al., 2008,
    https://doi.org/10.1109/CVPR.2008.4587635.

    Args:
        squared_distances: float32 ``(descriptors, nearest)``.
        sigma: How far a descriptor reaches, above 0; of unit vectors, about .2 to .5.

    Returns:
        float32 ``(descriptors, nearest)``, each row of sum 1. One word alone has all.
    """
    # Differences to the nearest, whose share cannot vanish then.
    beyond = squared_distances - squared_distances.min(axis=1, keepdims=True)
    shares = np.exp(-beyond / (2 * sigma**2))
    return (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)


def inverse_document_frequency(photographs_with: np.ndarray, photographs: int) -> np.ndarray:
    """How rare every word is, ``log(photographs / photographs that have it)``.

    Sivic and Zisserman, 2003, https://doi.org/10.1109/ICCV.2003.1238663.

    Args:
        photographs_with: int ``(words,)``, how many of the photographs have each word; one that
            none has counts as if one had.
        photographs: How many were looked at.

    Returns:
        float32 ``(words,)``, 0 where all have a word.
    """
    return np.log(max(photographs, 1) / np.maximum(photographs_with, 1)).astype(np.float32)


def sums_by_word(words: np.ndarray, amounts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Adds what is said of the same word.

    Args:
        words: int ``(n,)``.
        amounts: float ``(n,)`` or ``(n, dim)``.

    Returns:
        The words that are there, ascending, and float64 sums, a row for each.
    """
    order = np.argsort(words, kind="stable")
    found, starts = np.unique(words[order], return_index=True)
    if not len(found):
        return found, np.zeros((0, *amounts.shape[1:]))
    return found, np.add.reduceat(amounts[order].astype(np.float64), starts, axis=0)


def weigh(counts: np.ndarray, frequencies: np.ndarray, burstiness: float) -> np.ndarray:
    """Weights of a photograph's words.

    ``count ** burstiness * idf``, divided by the length of all. With an exponent of 1/2, the
    tenth window of a facade counts for less than the first: Jégou et al., 2009,
    https://doi.org/10.1109/CVPR.2009.5206609, within one photograph.

    Args:
        counts: float ``(words,)``, how often each word is there, above 0.
        frequencies: Their inverse document frequencies, float ``(words,)``.
        burstiness: The exponent, 0 (there or not) to 1 (plain counts).

    Returns:
        float32 ``(words,)``, of unit length; zeros where no word tells anything.
    """
    weights = counts.astype(np.float64) ** burstiness * frequencies
    length = np.linalg.norm(weights)
    return (weights / length if length > 0 else weights).astype(np.float32)
