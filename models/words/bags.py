"""Photographs as bags of visual words: few of many words, each with a weight."""

import dataclasses
from collections.abc import Sequence

import numpy as np

NO_CODES = 0  # bytes of a code where words have none


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bags:
    """Sparse vectors of photographs, those of one behind those of the other.

    Attributes:
        starts: int64 ``(photographs + 1,)``, where the words of each start; the last, where they
            end.
        words: int32 ``(entries,)``, ascending within a photograph and none twice.
        weights: float32 ``(entries,)``; of unit length within a photograph that has any.
        codes: uint8 ``(entries, bytes)``, which tell more of what is seen of a word, see
            ``models.words.asmk``; of no bytes where words are only weighed.
        dimension: How many words there are, ``words`` being below.
    """

    starts: np.ndarray
    words: np.ndarray
    weights: np.ndarray
    codes: np.ndarray
    dimension: int

    @classmethod
    def of_one(
        cls, words: np.ndarray, weights: np.ndarray, codes: np.ndarray | None, dimension: int
    ) -> "Bags":
        """Of one photograph; ``codes`` are None where there are none."""
        if codes is None:
            codes = np.zeros((len(words), NO_CODES), np.uint8)
        return cls(
            starts=np.array([0, len(words)]),
            words=words.astype(np.int32),
            weights=weights.astype(np.float32),
            codes=codes,
            dimension=dimension,
        )

    @classmethod
    def none(cls, dimension: int, code_bytes: int = NO_CODES) -> "Bags":
        """Of no photographs."""
        return cls.empty(0, dimension, code_bytes)

    @classmethod
    def empty(cls, count: int, dimension: int, code_bytes: int = NO_CODES) -> "Bags":
        """Of photographs that show nothing."""
        return cls(
            starts=np.zeros(count + 1, np.int64),
            words=np.zeros(0, np.int32),
            weights=np.zeros(0, np.float32),
            codes=np.zeros((0, code_bytes), np.uint8),
            dimension=dimension,
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """As of the dense vectors, ``(photographs, words)``."""
        return len(self), self.dimension

    @property
    def code_bytes(self) -> int:
        """Of a code, 0 where there are none."""
        return self.codes.shape[1]

    @property
    def counts(self) -> np.ndarray:
        """How many words each photograph has, int64 ``(photographs,)``."""
        return np.diff(self.starts)

    @property
    def lengths(self) -> np.ndarray:
        """Of the vectors, float64 ``(photographs,)``."""
        return np.sqrt(np.bincount(self.rows, self.weights.astype(np.float64) ** 2, len(self)))

    @property
    def rows(self) -> np.ndarray:
        """The photograph of every entry, int64 ``(entries,)``."""
        return np.repeat(np.arange(len(self)), self.counts)

    def __getitem__(self, rows: np.ndarray | slice) -> "Bags":
        """Those of some photographs: their numbers, a mask, or a slice."""
        chosen = np.arange(len(self))[rows]
        starts, counts = self.starts[chosen], self.counts[chosen]
        ends = np.cumsum(counts)
        if _follow_one_another(starts, counts):
            first = int(starts[0]) if len(starts) else 0
            entries: np.ndarray | slice = slice(first, first + int(counts.sum()))
        else:
            entries = np.arange(counts.sum()) + np.repeat(starts - (ends - counts), counts)
        return Bags(
            starts=np.concatenate([np.zeros(1, np.int64), ends]),
            words=self.words[entries],
            weights=self.weights[entries],
            codes=self.codes[entries],
            dimension=self.dimension,
        )

    def dense(self) -> np.ndarray:
        """The weights as vectors, float32 ``(photographs, words)``; codes are left out."""
        vectors = np.zeros(self.shape, np.float32)
        vectors[self.rows, self.words] = self.weights
        return vectors


def _follow_one_another(starts: np.ndarray, counts: np.ndarray) -> bool:
    return bool(np.array_equal(starts[1:], starts[:-1] + counts[:-1]))


def concatenate(parts: Sequence[Bags]) -> Bags:
    """Bags one after the other; of one vocabulary, at least one."""
    ends = np.cumsum([0, *(len(part.words) for part in parts)])
    starts = [part.starts[:-1] + start for part, start in zip(parts, ends[:-1], strict=True)]
    return Bags(
        starts=np.concatenate([*starts, ends[-1:]]).astype(np.int64),
        words=np.concatenate([part.words for part in parts]),
        weights=np.concatenate([part.weights for part in parts]),
        codes=np.concatenate([part.codes for part in parts]),
        dimension=parts[0].dimension,
    )
