"""Clusters descriptors into visual words, and finds the words nearest to a descriptor."""

from typing import Any

import faiss
import numpy as np

_EXACT = 1024  # words up to which all are compared with
_LINKS = 16  # of a word, in the graph of larger vocabularies
_BUILDING_EFFORT = 40
_LEARNING_EFFORT = 32  # words looked at; a centre is a mean, which few mistakes do not move
_EFFORT = 64


def learn(descriptors: np.ndarray, count: int, rounds: int, seed: int = 0) -> np.ndarray:
    """Clusters descriptors by k-means.

    In large vocabularies the nearest centre is looked for in a graph, rebuilt every round: of
    20,000 words and a million descriptors, a round of comparing all takes minutes.

    Args:
        descriptors: float32 ``(n, dim)``, at least ``count``.
        count: How many words.
        rounds: Of Lloyd's algorithm.
        seed: Of the words that it starts with.

    Returns:
        The words' centres, float32 ``(count, dim)``.
    """
    clustering = faiss.Clustering(descriptors.shape[1], count)
    clustering.niter = rounds
    clustering.seed = seed
    clustering.min_points_per_centroid = 1
    clustering.max_points_per_centroid = max(1, len(descriptors) // count + 1)  # no sample of them
    index = _empty(count, descriptors.shape[1], _LEARNING_EFFORT)
    clustering.train(np.ascontiguousarray(descriptors, np.float32), index)
    centres: np.ndarray = faiss.vector_to_array(clustering.centroids)
    return centres.reshape(count, -1).copy()


class Vocabulary:
    """Visual words.

    Args:
        centres: float32 ``(words, dim)``.
    """

    def __init__(self, centres: np.ndarray) -> None:
        self.centres = centres
        count, dimension = centres.shape
        self._index = _empty(count, dimension, _EFFORT)
        self._index.add(centres)

    def __len__(self) -> int:
        return len(self.centres)

    def nearest(self, descriptors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` words nearest to every descriptor, the nearest first.

        In large vocabularies one may be missed.

        Args:
            descriptors: float32 ``(n, dim)``.
            k: At most the words.

        Returns:
            Squared distances float32 and words int64, both ``(n, k)``.
        """
        if not len(descriptors):
            return np.zeros((0, k), np.float32), np.zeros((0, k), np.int64)
        return self._index.search(np.ascontiguousarray(descriptors, np.float32), k)


def _empty(count: int, dimension: int, effort: int) -> Any:
    if count <= _EXACT:
        return faiss.IndexFlatL2(dimension)
    index = faiss.IndexHNSWFlat(dimension, _LINKS)
    index.hnsw.efConstruction = _BUILDING_EFFORT
    index.hnsw.efSearch = effort
    return index
