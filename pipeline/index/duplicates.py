"""Photographs of a collection that are duplicates of one another, found by their vectors."""

from collections.abc import Iterator, Sequence

import numpy as np

from pipeline.components import merge
from pipeline.index import filters
from pipeline.index.collection import search_above
from pipeline.index.filters import Condition
from pipeline.index.interface import Collection
from pipeline.index.kinds import INVERTED

# The least similarity of duplicates, where none is asked for. Measured with MobileNetV2 as ImageNet
# left it, mean-pooled, on 1,362 photographs and 1,288 edits of 322 of them (JPEG quality 60, 60 %
# of the size, 5 % cropped, 25 % brighter), of all pairs: at .90 precision .995, recall .983; at
# .925 .999, .928; at .95 1.000, .694. Of a photograph and its edit, .992, .978 and .863 are found.
LEAST_OF_DUPLICATES = 0.925
# Codes too rough to compare with one another. Of pairs at cosines of .95 to 1, 64 dimensions of
# Google Landmarks v1, .61 and .18 were found at .95; with pq .90, ivfpq .93, all other kinds all.
_TOO_ROUGH = ("lsh", "rabitq")
_SERVING = "flat, ivf, hnsw, fastscan, or with rough vectors pq and ivfpq"
_MOST_MISJUDGED = 0.03  # standard deviation of errors of similarity; .0076 with pq
# How much less an index may estimate than its own vectors give: .008 at most with the codes of pq.
_MARGIN = 0.01
_ROUNDING = 1e-6  # of a similarity of float32 vectors
_ASKING = 256  # photographs at a time
_COMPARED = 4096  # pairs at a time, 84 MB at 1,280 dimensions
_PAIRS_A_MERGE = 2**16  # pairs held before they are merged


def groups(
    collection: Collection, least: float, where: Sequence[Condition] = ()
) -> list[np.ndarray]:
    """Finds the photographs that are duplicates of one another.

    Photographs are duplicates if their vectors, as the index holds them, are at least ``least``
    similar; and duplicates of duplicates share a group, so its ends may be less so. A compressed
    index holds vectors roughly, so that pairs near the limit are missed or found by chance; and one
    that does not look everywhere may miss pairs. Memory is what a block of photographs finds.

    Args:
        collection: Where to look.
        least: The least similarity, of the collection's metric.
        where: Conditions that a photograph has to satisfy.

    Returns:
        The keys of every group of two or more, int64 ascending; the largest groups first, those of
        one size by their first keys.

    Raises:
        ValueError: If the index's vectors are too rough or augmented, no two can be that similar,
            or a condition is on no column.
    """
    _require_comparable(collection)
    _require_possible(collection, least)
    keys = collection.keys()
    component = np.arange(len(keys))
    held = [np.empty((0, 2), np.int64)]
    for start in range(0, len(keys), _ASKING):
        asking = keys[start : start + _ASKING]
        asking = asking[filters.holds(collection.photographs(asking), where)]
        for pairs in _candidates(collection, asking, least, where):
            places = np.searchsorted(keys, pairs)
            apart = component[places[:, 0]] != component[places[:, 1]]
            near = similarities(collection, pairs[apart]) >= least - _ROUNDING
            held.append(places[apart][near])
            if sum(map(len, held)) >= _PAIRS_A_MERGE:
                component, held = merge(component, np.concatenate(held)), held[:1]
    return _members(keys, merge(component, np.concatenate(held)))


def similarities(collection: Collection, pairs: np.ndarray) -> np.ndarray:
    """Of pairs of photographs, from their vectors as the index holds them.

    Args:
        collection: Whose metric it is.
        pairs: Keys, int64 ``(pairs, 2)``.

    Returns:
        float64 ``(pairs,)``.
    """
    left, right = (_held(collection, pairs[:, side]) for side in (0, 1))
    if collection.metric == "cosine":
        return np.einsum("nd,nd->n", left, right)
    return -np.linalg.norm(left - right, axis=1)


def _candidates(
    collection: Collection, asking: np.ndarray, least: float, where: Sequence[Condition]
) -> Iterator[np.ndarray]:
    """Keys of pairs that the index finds, int64 ``(pairs, 2)``, a few at a time."""
    looser = least - _MARGIN * max(1, abs(least))
    vectors = _held(collection, asking).astype(np.float32)
    found = [keys for _, keys in search_above(collection, vectors, looser, where)]
    lengths = [len(keys) for keys in found]
    pairs = np.stack([np.repeat(asking, lengths), np.concatenate([asking[:0], *found])], axis=1)
    for start in range(0, len(pairs), _COMPARED):
        yield pairs[start : start + _COMPARED]


def _held(collection: Collection, keys: np.ndarray) -> np.ndarray:
    """Vectors as the index holds them, float64, of unit length where the metric is the cosine."""
    vectors = collection.vectors(keys).astype(np.float64)
    if collection.metric == "cosine":
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def _members(keys: np.ndarray, component: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(component, kind="stable")
    parts = np.split(keys[order], np.flatnonzero(np.diff(component[order])) + 1)
    return sorted((part for part in parts if len(part) > 1), key=lambda part: (-len(part), part[0]))


def _require_comparable(collection: Collection) -> None:
    if collection.kind == INVERTED:
        raise ValueError(
            "Duplicates are found by dense vectors, and an inverted file holds bags of visual "
            "words. Name an index of another model, or of words with --aggregation=vlad."
        )
    if collection.manifest.get("augmentation"):
        raise ValueError(
            "The index is of augmented vectors, each the mean of a photograph's and its "
            "neighbours', which bring different photographs of a landmark together. Name the index "
            "that `python -m pipeline.build_index` builds without --augment."
        )
    misjudged = collection.manifest["loss"]["misjudged"]
    if any(name in collection.kind.lower() for name in _TOO_ROUGH) or misjudged > _MOST_MISJUDGED:
        raise ValueError(
            f"An index of the kind {collection.kind} holds vectors too roughly to find duplicates "
            f"by; build one of {_SERVING}, with `python -m pipeline.build_index --kind=flat`."
        )


def _require_possible(collection: Collection, least: float) -> None:
    most = 1.0 if collection.metric == "cosine" else 0.0
    if not least <= most:
        similarity = "the cosine" if collection.metric == "cosine" else "minus the distance"
        raise ValueError(
            f"--least is {most:g} at most: the collection's similarity is {similarity}. Received: "
            f"{least:g}."
        )
