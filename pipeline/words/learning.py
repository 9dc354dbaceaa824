"""Learns visual words from the local features of photographs."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from models import whitening
from models.local.features import Features
from models.words.weighting import inverse_document_frequency
from pipeline.local_features.store import LocalFeatureStore
from pipeline.progress import logger, progress_bar
from pipeline.words import vocabulary
from pipeline.words.aggregation import Aggregator, Weighting
from pipeline.words.vocabulary import Vocabulary

_FEWEST_A_WORD = 10  # features; of fewer, centres are where single features are
_MOST_A_WORD = 64
_MOST = 1_000_000  # features that are clustered; of 128 numbers, half a gigabyte
_FEWEST_OF_LARGE = 4  # features a word of what _MOST caps, as 100,000 words of a million
_PROJECTED = 4096  # photographs that a projection is learned from
_STRENGTH = 0.5  # of its whitening, see models.whitening.pca_whitening
_BLOCK = 256  # photographs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learned:
    """What was learned.

    Attributes:
        centres: Of the words, float32 ``(words, dim)``.
        rarity: Inverse document frequencies, float32 ``(words,)``.
        projection: See ``Aggregator``.
        features: How many were clustered.
    """

    centres: np.ndarray
    rarity: np.ndarray
    projection: tuple[np.ndarray, np.ndarray] | None
    features: int


def learn_words(
    store: LocalFeatureStore,
    rows: np.ndarray,
    words: int,
    weighting: Weighting,
    *,
    dimension: int | None,
    rounds: int,
) -> Learned:
    """Clusters features into words, counts photographs of each, and learns a projection.

    Args:
        store: The features.
        rows: Of the photographs to learn from, int ``(n,)``.
        words: How many words.
        weighting: How they will describe photographs.
        dimension: To which ``vlad`` is projected; None to leave it as it is.
        rounds: Of k-means.

    Raises:
        ValueError: If the features, or the photographs, are too few.
    """
    generator = np.random.default_rng(0)
    sample = _sample(store, rows, words, generator)
    logger.info("Clustering %d features into %d words", len(sample), words)
    centres = vocabulary.learn(sample, words, rounds)
    learned = Vocabulary(centres)
    rarity = _rarity(store, rows, learned)
    projection = None
    if dimension is not None:
        aggregator = Aggregator(learned, rarity, weighting)
        some = np.sort(generator.permutation(_with_features(store, rows))[:_PROJECTED])
        described = [
            aggregator.describe(features) for features in _features(store, some, "Projecting")
        ]
        vectors = np.concatenate([aggregator.none, *described])
        projection = whitening.pca_whitening(vectors, dimension, _STRENGTH)
    return Learned(centres=centres, rarity=rarity, projection=projection, features=len(sample))


def photographs_to_project(store: LocalFeatureStore, rows: np.ndarray) -> int:
    """Of how many of some photographs a projection is learned: those that have features."""
    return min(len(_with_features(store, rows)), _PROJECTED)


def _with_features(store: LocalFeatureStore, rows: np.ndarray) -> np.ndarray:
    return rows[store.metadata["features"].to_numpy()[rows] > 0]


def _sample(
    store: LocalFeatureStore, rows: np.ndarray, words: int, generator: np.random.Generator
) -> np.ndarray:
    """Descriptors drawn from all photographs, float32 ``(n, dim)``.

    Raises:
        ValueError: If there are too few.
    """
    counts = store.metadata["features"].to_numpy()[rows]
    there = int(counts.sum())
    least = min(_FEWEST_A_WORD * words, max(_MOST, _FEWEST_OF_LARGE * words))
    if there < _FEWEST_A_WORD:
        raise ValueError(
            f"{there} local features of {len(rows)} photographs are too few for a word, which is "
            f"learned from {_FEWEST_A_WORD}; find features of more photographs, or of larger ones."
        )
    if there < least:
        raise ValueError(
            f"{words} words are learned from {least:,} local features or more; pass "
            f"--words={there // _FEWEST_A_WORD} or less, or more photographs. Received: {there:,} "
            f"features of {len(rows)} photographs."
        )
    wanted = min(there, _MOST_A_WORD * words, max(_MOST, least))
    chosen = np.sort(generator.choice(there, wanted, replace=False))
    ends = np.cumsum(counts)
    found, start = [], 0
    for features, end in zip(_features(store, rows, "Sampling"), ends, strict=True):
        first, last = np.searchsorted(chosen, [start, end])
        found.append(features.descriptors[chosen[first:last] - start])
        start = int(end)
    return np.concatenate(found)


def _rarity(store: LocalFeatureStore, rows: np.ndarray, learned: Vocabulary) -> np.ndarray:
    photographs_with = np.zeros(len(learned), np.int64)
    for features in _features(store, rows, "Counting"):
        _, words = learned.nearest(features.descriptors, 1)
        photographs_with[np.unique(words)] += 1
    return inverse_document_frequency(photographs_with, len(rows))


def _features(store: LocalFeatureStore, rows: np.ndarray, what: str) -> Iterator[Features]:
    """The features of photographs, one photograph after the other."""
    with progress_bar(what, unit="photographs", total=len(rows)) as bar:
        for start in range(0, len(rows), _BLOCK):
            yield from store.features_at(rows[start : start + _BLOCK])
            bar.update(len(rows[start : start + _BLOCK]))
