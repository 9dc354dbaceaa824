"""What is computed of an index for a report, on samples that do not grow with it."""

import dataclasses
from collections.abc import Iterable

import numpy as np

from models.words.bags import Bags
from pipeline import descriptions
from pipeline.descriptions import Descriptions
from pipeline.index.inverted_index import InvertedIndex
from pipeline.index.metric import Metric, similarity
from pipeline.recognition import votes
from pipeline.reports import embedding_map
from pipeline.scoring import metrics
from pipeline.scoring.scored_index import ScoredIndex

_PHOTOGRAPHS = 1000  # whose similarities are told
_OF_A_LANDMARK = 20  # of them at most, so that many landmarks are among them
_ASKING = 2000  # photographs whose first result is looked at
_BINS = 10
_MAPPED_LANDMARKS = 8
_MAPPED = 40  # photographs of each at most
_MAPPED_OTHERS = 180


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pairs:
    """Similarities of pairs of photographs.

    Attributes:
        same: float ``(n,)``, of pairs that show the same landmark; ``other`` of those that do not.
        photographs: How many they are pairs of.
        landmarks: How many those show.
    """

    same: np.ndarray
    other: np.ndarray
    photographs: int
    landmarks: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class FirstResults:
    """How sure the first result of every query was, and whether it was right.

    In bins a tenth wide; those that are empty are left out.

    Attributes:
        predicted: Mean probability of each bin.
        true: How often it held.
        counts: Queries of it.
        error: Expected calibration error, the mean of their differences over the queries. Guo et
            al., 2017, https://arxiv.org/abs/1706.04599.
    """

    predicted: list[float]
    true: list[float]
    counts: list[int]
    error: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddingMap:
    """Photographs in a plane, near one another where their descriptions are.

    Attributes:
        places: float ``(photographs, 2)``.
        labels: int ``(photographs,)``, -1 where unknown.
        names: Of the landmarks that have most photographs, by label, those with most first.
        titles: Of every photograph.
    """

    places: np.ndarray
    labels: np.ndarray
    names: dict[int, str]
    titles: list[str]


def pairs_of(index: ScoredIndex) -> Pairs | None:
    """Compares some photographs of known landmarks with one another, by the model's own vectors.

    Landmarks come in random order, up to twenty photographs of each. None where no two of those
    show the same landmark, or all do.
    """
    rows = _of_many_landmarks(index.labels)
    if len(rows) < 2:
        return None
    found = similarities(index, rows)
    labels = index.labels[rows]
    above = np.triu_indices(len(rows), 1)
    is_same = (labels[:, None] == labels)[above]
    if is_same.all() or not is_same.any():
        return None
    return Pairs(
        same=found[above][is_same],
        other=found[above][~is_same],
        photographs=len(rows),
        landmarks=len(np.unique(labels)),
    )


def first_results(index: ScoredIndex) -> FirstResults | str:
    """Asks with photographs of the index, each left out of its own answer.

    Returns:
        How right the probability of their first result is; or in words why that is not known.
    """
    rules = votes.rules_of(index.collection.manifest.get("recognition"))
    if rules is None:
        return f"The index is not calibrated: {votes.NOT_CALIBRATED}."
    if index.collection.manifest.get("augmentation"):
        return "The index's vectors have taken in the photographs that would ask."
    rows = _some(np.flatnonzero(metrics.relevant_elsewhere(index.labels)), _ASKING)
    if not len(rows):
        return "No landmark of the index has two photographs that could ask for one another."
    own = index.keys[rows]
    depth = min(2, len(index.collection))
    parts = [index.collection.search(block, depth) for block in index.stored.take(rows)]
    found, keys = (np.concatenate(part) for part in zip(*parts, strict=True))
    first = np.argmax((keys != own[:, None]) & (keys >= 0), axis=1)  # the second, or the first
    every = np.arange(len(rows))
    is_there = (keys[every, first] != own) & (keys[every, first] >= 0)
    if not is_there.any():
        return "The index finds no photograph but the one that asks."
    landmarks = index.by_key(index.labels, -1)[keys[every, first]]
    sure = rules.probabilities(found[every, first])[is_there]
    is_right = (landmarks == index.labels[rows])[is_there]
    return reliability(sure, is_right)


def reliability(probabilities: np.ndarray, holds: np.ndarray) -> FirstResults:
    """Bins probabilities, float ``(n,)``, by what holds, bool ``(n,)``."""
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    there = np.flatnonzero(counts)
    predicted, true = (
        np.bincount(bins, values, _BINS)[there] / counts[there] for values in (probabilities, holds)
    )
    return FirstResults(
        predicted=predicted.tolist(),
        true=true.tolist(),
        counts=counts[there].tolist(),
        error=float(np.average(np.abs(predicted - true), weights=counts[there])),
    )


def map_of(index: ScoredIndex) -> EmbeddingMap | None:
    """Maps the landmarks that have most photographs among some others; None of too few."""
    labels = index.labels
    shown, counts = np.unique(labels[labels >= 0], return_counts=True)
    most = shown[np.argsort(-counts, kind="stable")[:_MAPPED_LANDMARKS]]
    chosen = [_some(np.flatnonzero(labels == label), _MAPPED) for label in most]
    others = _some(np.flatnonzero(~np.isin(labels, most)), _MAPPED_OTHERS)
    rows = np.sort(np.concatenate([*chosen, others]))
    if len(rows) < 3:
        return None
    places = mapped(_described(index, rows), index.collection.metric)
    told = index.stored.metadata.take(rows).select(["id", "landmark", "title"]).to_pylist()
    names = {int(label): "" for label in most}
    for label, row in zip(labels[rows].tolist(), told, strict=True):
        if label in names:
            names[label] = row["landmark"] or f"landmark {label}"
    return EmbeddingMap(
        places=places,
        labels=labels[rows],
        names=names,
        titles=[row["title"] or row["id"] for row in told],
    )


def mapped(described: Descriptions, metric: Metric) -> np.ndarray:
    """Places of photographs in a plane, near one another where their descriptions are.

    Args:
        described: Of the photographs.
        metric: By which they are compared.

    Returns:
        float64 ``(photographs, 2)``.
    """
    found = compared(described, metric)
    return embedding_map.place(found**2 if metric == "euclidean" else np.maximum(2 - 2 * found, 0))


def similarities(index: ScoredIndex, rows: np.ndarray) -> np.ndarray:
    """Of every pair of some photographs, by the model's own vectors, float64 ``(n, n)``."""
    return compared(_described(index, rows), index.collection.metric)


def compared(described: Descriptions, metric: Metric) -> np.ndarray:
    """Similarities of every pair of descriptions, float64 ``(n, n)``."""
    if isinstance(described, Bags):
        return _of_words(described)
    return _dense(described.astype(np.float64), metric)


def _described(index: ScoredIndex, rows: np.ndarray) -> Descriptions:
    return descriptions.concatenate([index.stored.none(), *index.stored.take(rows)])


def _dense(vectors: np.ndarray, metric: Metric) -> np.ndarray:
    if metric == "cosine":
        return vectors @ vectors.T
    lengths = np.einsum("nd,nd->n", vectors, vectors)
    return similarity("euclidean", lengths[:, None] + lengths - 2 * vectors @ vectors.T)


def _of_words(described: Bags) -> np.ndarray:
    """As an inverted file of them finds; 0 of those that have no word in common."""
    count = len(described)
    found, places = InvertedIndex(described).search(described, count)
    matrix = np.zeros((count, count))
    asking, rank = np.nonzero(places >= 0)
    matrix[asking, places[asking, rank]] = found[asking, rank]
    return matrix


def _of_many_landmarks(labels: np.ndarray) -> np.ndarray:
    chosen: list[np.ndarray] = []
    for label in np.random.default_rng(0).permutation(np.unique(labels[labels >= 0])):
        chosen.append(_some(np.flatnonzero(labels == label), _OF_A_LANDMARK))
        if sum(map(len, chosen)) >= _PHOTOGRAPHS:
            break
    return _ascending(chosen)


def _ascending(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.sort(np.concatenate([np.zeros(0, np.int64), *parts]))


def _some(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows, drawn at random, ascending."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
