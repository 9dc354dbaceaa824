"""Weights of words, by hand and by loops."""

import math

import numpy as np
import pytest

from models.words import weighting


def test_a_descriptor_is_shared_by_its_distances() -> None:
    """At 0 and at d^2 = 2 sigma^2 ln 3, three quarters and one."""
    sigma = 0.3
    squared = np.array([[0.5, 0.5 + 2 * sigma**2 * math.log(3)]], np.float32)
    np.testing.assert_allclose(weighting.soft_weights(squared, sigma), [[0.75, 0.25]], atol=1e-6)


def test_one_word_has_a_descriptor_alone_however_far_it_is() -> None:
    far = np.array([[1e6], [0.0]], np.float32)
    np.testing.assert_array_equal(weighting.soft_weights(far, 0.1), [[1], [1]])


def test_rare_words_tell_more() -> None:
    """Of 8 photographs all, half, one and none have a word."""
    found = weighting.inverse_document_frequency(np.array([8, 4, 1, 0]), 8)
    np.testing.assert_allclose(found, [0, math.log(2), math.log(8), math.log(8)], rtol=1e-6)
    assert weighting.inverse_document_frequency(np.array([0]), 0).tolist() == [0]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 50])
def test_sums_by_word_match_a_loop(count: int) -> None:
    generator = np.random.default_rng(count)
    words = generator.integers(0, 7, count)
    amounts = generator.normal(size=(count, 3))
    expected: dict[int, np.ndarray] = {}
    for word, amount in zip(words.tolist(), amounts, strict=True):
        expected[word] = expected.get(word, np.zeros(3)) + amount
    found, sums = weighting.sums_by_word(words, amounts)
    assert found.tolist() == sorted(expected)
    assert sums.shape == (len(expected), 3)
    for word, total in zip(found.tolist(), sums, strict=True):
        np.testing.assert_allclose(total, expected[word], atol=1e-12)


def test_bursts_count_for_less() -> None:
    """Counts 1 and 9 at idf 2 and 1: plain 2 and 9, by their roots 2 and 3, or there or not."""
    counts, rarity = np.array([1, 9]), np.array([2.0, 1.0])
    for burstiness, expected in ((1, [2, 9]), (0.5, [2, 3]), (0, [2, 1])):
        found = weighting.weigh(counts, rarity, burstiness)
        length = np.linalg.norm(expected)
        np.testing.assert_allclose(found, np.array(expected) / length, rtol=1e-6)


def test_words_that_all_photographs_have_tell_nothing() -> None:
    assert weighting.weigh(np.array([3.0]), np.array([0.0]), 0.5).tolist() == [0]
    assert weighting.weigh(np.zeros(0), np.zeros(0), 0.5).shape == (0,)
