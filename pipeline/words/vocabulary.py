"""Clusters descriptors into visual words, and finds the words nearest to a descriptor."""

from typing import Any

import faiss
import numpy as np

_EXACT = 1024  # words up to which all are compared with
# Larger vocabularies are cells of words, some of which are looked into. Of RootSIFT and 20,000
# words in 128 cells: 8 find the nearest word of .960 in a tenth of the time of comparing with all,
# 16 of .992 in a seventh; a graph of neighbours of .992 in two fifths.
_LEARNING_SHARE = 1 / 16  # of the cells; a centre is a mean, which few mistakes do not move
_SHARE = 1 / 8
_NONE = -1  # Faiss's, where it has looked at fewer words than are asked for
_CELL_ROUNDS = 4  # of the clustering of the words themselves


def learn(descriptors: np.ndarray, count: int, rounds: int, seed: int = 0) -> np.ndarray:
    """Clusters descriptors by k-means.

    In large vocabularies the nearest centre is looked for in some cells of centres, which are made
    anew every round.

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
    clustering.update_index = True
    index = _empty(count, descriptors.shape[1], _LEARNING_SHARE)
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
        self._index = _empty(len(centres), centres.shape[1], _SHARE)
        self._index.train(centres)
        self._index.add(centres)

    def __len__(self) -> int:
        return len(self.centres)

    def nearest(self, descriptors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The ``k`` words nearest to every descriptor, the nearest first.

        In large vocabularies one may be missed. Where the cells that are looked into hold fewer
        words than are asked for, all cells are.

        Args:
            descriptors: float32 ``(n, dim)``.
            k: At most the words.

        Returns:
            Squared distances float32 and words int64, both ``(n, k)``.

        Raises:
            ValueError: If there are fewer words, or a descriptor is not finite.
        """
        if not len(descriptors):
            return np.zeros((0, k), np.float32), np.zeros((0, k), np.int64)
        descriptors = np.ascontiguousarray(descriptors, np.float32)
        squared, words = self._index.search(descriptors, k)
        lacking = np.flatnonzero(words[:, -1] == _NONE)
        if len(lacking) and len(self) > _EXACT:
            everywhere = faiss.SearchParametersIVF()
            everywhere.nprobe = self._index.nlist
            found = self._index.search(descriptors[lacking], k, params=everywhere)
            squared[lacking], words[lacking] = found
        if np.any(words[lacking] == _NONE):
            raise ValueError(
                f"{k} of {len(self)} words cannot be found for a descriptor; ask for at most the "
                "words there are, of descriptors that are finite."
            )
        return squared, words


def _empty(count: int, dimension: int, share: float) -> Any:
    """An index for so many centres, which looks into a share of its cells."""
    exact: Any = faiss.IndexFlatL2(dimension)
    if count <= _EXACT:
        return exact
    cells = int(count**0.5)
    index = faiss.IndexIVFFlat(exact, dimension, cells)
    index.nprobe = max(1, round(share * cells))
    index.cp.niter = _CELL_ROUNDS
    return index
