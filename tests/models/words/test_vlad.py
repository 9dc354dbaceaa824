"""VLAD against a loop over words."""

import numpy as np
import pytest

from models.words.vlad import vlad


@pytest.mark.parametrize("features", [1, 2, 5, 40])
@pytest.mark.parametrize("power", [1.0, 0.5])
def test_vlad_matches_a_loop(features: int, power: float) -> None:
    generator = np.random.default_rng(features)
    residuals = generator.normal(size=(features, 4)).astype(np.float32)
    words = generator.integers(0, 6, features)
    parts = []
    for word in range(6):
        total = np.zeros(4)
        for residual, of_word in zip(residuals, words, strict=True):
            total += residual if of_word == word else 0
        total /= np.linalg.norm(total) or 1
        parts += [np.sign(x) * abs(x) ** power for x in total]
    expected = np.array(parts) / np.linalg.norm(parts)
    found = vlad(residuals, words, 6, power)
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_photograph_without_features_has_none() -> None:
    assert vlad(np.zeros((0, 4), np.float32), np.zeros(0, np.int64), 6) is None
    assert vlad(np.zeros((2, 4), np.float32), np.array([1, 2]), 6) is None


def test_many_features_of_a_word_outweigh_no_other() -> None:
    """Word 0 is seen a hundred times, word 1 once: each has half of the squared length."""
    residuals = np.concatenate([np.tile([[0.3, 0.4]], (100, 1)), [[0.1, 0]]]).astype(np.float32)
    found = vlad(residuals, np.array([0] * 100 + [1]), 2, power=1)
    assert found is not None
    np.testing.assert_allclose(found, np.array([0.6, 0.8, 1, 0]) / np.sqrt(2), atol=1e-6)
