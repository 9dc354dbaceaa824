"""An inverted file of visual words: of every word, the photographs that have it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from models.words import asmk, bags
from models.words.bags import Bags
from pipeline.descriptions import Descriptions
from pipeline.index import array_file
from pipeline.index.kinds import INVERTED
from pipeline.index.metric import Metric, checked_bags


class InvertedIndex:
    """Bags of words that are searched exactly. It has what ``FaissIndex`` has.

    What a photograph and a query have no word in common, or none whose codes are alike, is not
    found.

    Args:
        held: A bag for every row.
        postings: The same word by word; None to sort them when they are needed.

    Attributes:
        kind: ``inverted``.
        metric: The cosine; with codes, the similarity of ``models.words.asmk``.
    """

    kind: str = INVERTED
    metric: Metric = "cosine"
    suffix = ".arrow"  # of its file
    cells = 1

    def __init__(self, held: Bags, postings: Bags | None = None) -> None:
        self._held = held
        self._sorted = postings
        self.effort: dict[str, float] = {}
        self._counts = asmk.by_distance(8 * held.code_bytes)

    @property
    def dimension(self) -> int:
        """How many words there are."""
        return self._held.dimension

    @property
    def code_bytes(self) -> int:
        """Of the codes of a word, 0 where there are none."""
        return self._held.code_bytes

    @property
    def bytes(self) -> int:
        """That it takes."""
        parts = (self._held, self._postings)
        arrays = [(part.starts, part.words, part.weights, part.codes) for part in parts]
        return sum(array.nbytes for part in arrays for array in part)

    def __len__(self) -> int:
        return len(self._held)

    def set_effort(self, effort: dict[str, float]) -> None:
        """It has none to choose."""

    def checked(self, found: Descriptions, what: str) -> Bags:
        """Bags after a check that this index takes them, see ``metric.checked_bags``."""
        return checked_bags(found, self.dimension, self.code_bytes, what)

    def search(
        self, queries: Any, k: int, among: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds the ``k`` photographs most like every query.

        Args:
            queries: ``Bags`` of the same words.
            k: How many, 1 to all.
            among: bool ``(len(self),)``, the rows that may be found; None for all.

        Returns:
            Similarities float32 and rows int64, both ``(queries, k)``, best first, equal ones in
            the order of rows; -inf and -1 where fewer are found.
        """
        similarities = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), -1)
        for number in range(len(queries)):
            scores = self._scores(queries[number : number + 1])
            is_found = scores != 0 if among is None else (scores != 0) & among
            found = np.flatnonzero(is_found)
            if len(found) > k:
                least = np.partition(scores[found], len(found) - k)[len(found) - k]
                found = found[scores[found] >= least]
            best = found[np.argsort(-scores[found], kind="stable")[:k]]
            similarities[number, : len(best)] = scores[best]
            rows[number, : len(best)] = best
        return similarities, rows

    def vectors(self, rows: np.ndarray) -> Bags:
        """The bags of some rows."""
        return self._held[rows]

    def add(self, more: Bags) -> None:
        """Adds rows behind the others."""
        self._held = bags.concatenate([self._held, more])
        self._sorted = None

    def kept(self, rows: np.ndarray) -> "InvertedIndex":
        """An index of some rows."""
        return InvertedIndex(self._held[rows])

    def save(self, path: Path) -> None:
        """Writes it to a file."""
        named = {"held": self._held, "postings": self._postings}
        arrays = {
            f"{name}.{part}": getattr(of_name, part)
            for name, of_name in named.items()
            for part in ("starts", "words", "weights", "codes")
        }
        sizes = np.array([self.dimension, self.code_bytes])
        array_file.save(path, {**arrays, "sizes": sizes})

    @classmethod
    def load(cls, path: Path) -> "InvertedIndex":
        """Maps what was saved into memory.

        Raises:
            ValueError: If the file is damaged.
        """
        arrays = array_file.load(path)
        dimension, code_bytes = arrays["sizes"].tolist()

        def named(name: str, columns: int) -> Bags:
            return Bags(
                **{part: arrays[f"{name}.{part}"] for part in ("starts", "words", "weights")},
                codes=arrays[f"{name}.codes"].reshape(-1, code_bytes) if code_bytes else
                np.zeros((len(arrays[f"{name}.words"]), 0), np.uint8),
                dimension=columns,
            )  # fmt: skip

        held = named("held", dimension)
        return cls(held, named("postings", len(held)))

    def sort(self) -> None:
        """Sorts what was added by words, as the next search would."""
        self._postings  # noqa: B018

    @property
    def _postings(self) -> Bags:
        """Turned about: a row a word, whose "words" are the photographs that have it."""
        if self._sorted is None:
            self._sorted = _turned(self._held)
        return self._sorted

    def _scores(self, query: Bags) -> np.ndarray:
        """Similarities of all rows to one bag, float32 ``(len(self),)``."""
        lists = self._postings
        starts, ends = lists.starts[query.words], lists.starts[query.words + 1]
        parts = [slice(*both) for both in zip(starts.tolist(), ends.tolist(), strict=True)]
        weights = _joined(lists.weights, parts)
        if query.code_bytes:
            weights *= self._counts[_distances(lists.codes, parts, query.codes)]
        # A matrix of a column a word, times their weights: one loop over the lists, in C++.
        columns = np.concatenate([[0], np.cumsum(ends - starts)]).astype(np.int32)
        shape = len(self), len(query.words)
        table = sparse.csc_array((weights, _joined(lists.words, parts), columns), shape)
        scores: np.ndarray = table @ np.asarray(query.weights, np.float32)
        return scores


def _turned(held: Bags) -> Bags:
    """Sorts entries by word, in linear time."""
    numbers = np.arange(len(held.words))
    by_row = sparse.csr_array((numbers, held.words, held.starts), held.shape)
    by_word = by_row.tocsc()
    order = by_word.data
    return Bags(
        starts=by_word.indptr.astype(np.int64),
        words=by_word.indices.astype(np.int32),
        weights=held.weights[order],
        codes=held.codes[order],
        dimension=len(held),
    )


def _joined(array: np.ndarray, parts: Sequence[slice]) -> np.ndarray:
    """Parts of an array one after the other: half the time that their rows' numbers take."""
    return np.concatenate([array[:0], *(array[part] for part in parts)])


def _distances(codes: np.ndarray, parts: Sequence[slice], of_query: np.ndarray) -> np.ndarray:
    """In how many bits each posting's code differs from the query's code of its word.

    List by list, which stays in the processor's cache.
    """
    lanes, own = asmk.in_lanes(codes), asmk.in_lanes(np.ascontiguousarray(of_query))
    differing = [
        asmk.differing_bits(lanes[part], one) for part, one in zip(parts, own, strict=True)
    ]
    return np.concatenate([np.zeros(0, np.uint8), *differing])
