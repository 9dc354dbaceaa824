"""ASMK: of every word, one code of what the photograph shows of it, compared selectively.

Tolias et al., 2013, https://doi.org/10.1109/ICCV.2013.177, the binary variant.
"""

import numpy as np

from models.words.weighting import sums_by_word

ALPHA = 3.0  # the higher, the less codes count that are half alike
THRESHOLD = 0.0  # codes that are less alike count nothing
_WORD = 8  # bytes


def aggregated_codes(residuals: np.ndarray, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a photograph's words: the signs of the sums of their features' residuals.

    Args:
        residuals: float32 ``(features, dim)``, descriptors less their words' centres.
        words: int ``(features,)``.

    Returns:
        The words that are there, ascending, and uint8 ``(words, ceil(dim / 8))``: a bit for every
        dimension, 1 where the sum is above 0, the first in the highest bit; padded by zeros.
    """
    found, sums = sums_by_word(words, residuals)
    return found, np.packbits(sums > 0, axis=1)


def selectivity(
    similarities: np.ndarray, alpha: float = ALPHA, threshold: float = THRESHOLD
) -> np.ndarray:
    """How much two codes count that are so similar.

    ``sign(u) * |u| ** alpha`` where ``u`` is above the threshold, else 0.

    Args:
        similarities: float, -1 (all bits differ) to 1.
        alpha: The exponent, above 0.
        threshold: -1 to 1.
    """
    raised = np.sign(similarities) * np.abs(similarities) ** alpha
    return np.where(similarities > threshold, raised, 0)


def by_distance(bits: int) -> np.ndarray:
    """How much two codes count by the number of bits in which they differ.

    Args:
        bits: Of a code, padding included, which never differs.

    Returns:
        float32 ``(bits + 1,)``, 1 for equal codes.
    """
    return selectivity(1 - 2 * np.arange(bits + 1) / max(bits, 1)).astype(np.float32)


def differing_bits(codes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """In how many bits codes differ, int64 ``(n,)``; both uint8 ``(n, bytes)``."""
    differing = codes ^ others
    if differing.shape[1] % _WORD == 0:  # eight bytes at a time
        differing = differing.view(np.uint64)
    return np.bitwise_count(differing).sum(axis=1, dtype=np.int64)
