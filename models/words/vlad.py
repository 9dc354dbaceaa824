"""VLAD: what local features are besides their words, summed word by word."""

import numpy as np

from models.words.weighting import sums_by_word


def vlad(
    residuals: np.ndarray, words: np.ndarray, count: int, power: float = 0.5
) -> np.ndarray | None:
    """Describes a photograph by the sums of its residuals.

    Jégou et al., 2010, https://doi.org/10.1109/CVPR.2010.5540039. The sum of every word is brought
    to unit length, so that none outweighs the others (intra-normalisation: Arandjelović and
    Zisserman, 2013, https://doi.org/10.1109/CVPR.2013.207); then ``sign(x) * |x| ** power``, and
    unit length as a whole.

    Args:
        residuals: float32 ``(features, dim)``, descriptors less their words' centres.
        words: int ``(features,)``.
        count: How many words there are.
        power: The exponent, above 0; 1 leaves the sums as they are.

    Returns:
        float32 ``(count * dim,)``, of unit length; None where no feature is beside its word.
    """
    found, sums = sums_by_word(words, residuals)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    of_words = np.zeros((count, residuals.shape[1]))
    of_words[found] = np.divide(sums, lengths, out=np.zeros_like(sums), where=lengths > 0)
    raised = np.sign(of_words) * np.abs(of_words) ** power
    length = np.linalg.norm(raised)
    return (raised / length).ravel().astype(np.float32) if length > 0 else None
