"""Vocabularies against a comparison with every centre."""

import numpy as np
import pytest

from pipeline.words import vocabulary
from pipeline.words.vocabulary import Vocabulary


def clustered(count: int, centres: int, seed: int = 0) -> np.ndarray:
    """Descriptors near so many places, float32 ``(count, 16)``."""
    generator = np.random.default_rng(seed)
    places = np.random.default_rng(99).normal(size=(centres, 16))
    found = places[np.arange(count) % centres] + 0.02 * generator.normal(size=(count, 16))
    return found.astype(np.float32)


@pytest.mark.parametrize(("words", "least"), [(40, 1.0), (1500, 0.97)])
def test_the_nearest_words_are_found(words: int, least: float) -> None:
    """Among few all of them, the nearest first; among many almost all."""
    centres = clustered(words, words)
    asking = clustered(400, words, seed=1)
    squared = ((asking[:, None] - centres) ** 2).sum(axis=2)
    found, nearest = Vocabulary(centres).nearest(asking, 1)
    assert np.mean(nearest[:, 0] == squared.argmin(axis=1)) >= least
    right = nearest[:, 0] == squared.argmin(axis=1)
    np.testing.assert_allclose(found[right, 0], squared.min(axis=1)[right], atol=1e-4)
    assert np.all(np.diff(Vocabulary(centres).nearest(asking, 3)[0], axis=1) >= 0)


@pytest.mark.parametrize(("count", "words"), [(600, 30), (6000, 1200)])
def test_words_are_where_descriptors_are(count: int, words: int) -> None:
    """Most centres are within the noise of a place, and the same again."""
    descriptors = clustered(count, words)
    centres = vocabulary.learn(descriptors, words, rounds=8)
    assert centres.shape == (words, 16)
    places = np.random.default_rng(99).normal(size=(words, 16))
    distances = np.sqrt(((centres[:, None] - places) ** 2).sum(axis=2)).min(axis=1)
    assert np.mean(distances < 0.1) > 0.6
    np.testing.assert_array_equal(vocabulary.learn(descriptors, words, rounds=8), centres)


def test_cells_of_few_words_give_as_many_as_are_asked_for() -> None:
    """All words but one lie together; what is near that one looks into all cells."""
    centres = clustered(1500, 1)
    centres[7] += 1000
    asking = centres[[7, 3]] + 0.01
    squared, words = Vocabulary(centres).nearest(asking, 16)
    exact = ((asking[:, None].astype(np.float64) - centres) ** 2).sum(axis=2)
    assert words.min() >= 0
    assert words[0, 0] == 7
    assert [len(set(row)) for row in words.tolist()] == [16, 16]
    np.testing.assert_allclose(squared[0], np.sort(exact[0])[:16], rtol=1e-3, atol=0.1)


def test_words_that_are_not_there_are_refused() -> None:
    vocabulary_of_five = Vocabulary(clustered(5, 5))
    with pytest.raises(ValueError, match="6 of 5 words cannot be found"):
        vocabulary_of_five.nearest(clustered(2, 5), 6)


def test_no_descriptors_have_no_words() -> None:
    squared, words = Vocabulary(clustered(5, 5)).nearest(np.zeros((0, 16), np.float32), 2)
    assert squared.shape == words.shape == (0, 2)
