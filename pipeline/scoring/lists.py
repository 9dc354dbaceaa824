"""What queries find, step by step, each asking as if the collection lacked it."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from pipeline.descriptions import Descriptions
from pipeline.index.interface import Collection
from pipeline.progress import progress, progress_bar
from pipeline.ranking.reranking import Ranking, Reranker, direct, fused, with_first
from pipeline.ranking.settings import KEEP_FIRST, RankingSettings
from pipeline.scoring.asking import Asking

AS_IT_IS = "as it is"
SEEN = ", having seen the query"
VERIFY = "verify"
_QUERIES_AT_A_TIME = 256
_PLACES_AT_A_TIME = 2**21  # of rankings that are in memory together

# Number of a query, and keys of what it found, best first; gives the keys in another order.
Verify = Callable[[int, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lists:
    """What some queries find after a step and those before it.

    Attributes:
        step: Its name.
        queries: int ``(n,)``, which of those that ask, from 0.
        keys: int64 ``(n, depth)``, best first, -1 where nothing more is found.
        seconds: That the step took for all of them.
    """

    step: str
    queries: np.ndarray
    keys: np.ndarray
    seconds: float


def as_found(asking: Asking, depth: int, verify: Verify | None = None) -> Iterator[Lists]:
    """What an index finds, many queries at a time, and that with its first results verified.

    Args:
        asking: Whoever asks it.
        depth: Places of a ranking, 1 to ``asking.deepest``.
        verify: What verifies; None for nothing.
    """
    size = max(1, min(_QUERIES_AT_A_TIME, _PLACES_AT_A_TIME // (depth + 1)))
    start = 0
    with progress_bar("Scoring", unit="queries", total=len(asking.keys)) as bar:
        for vectors in _batches(asking, size):
            queries = np.arange(start, start + len(vectors))
            began = time.perf_counter()
            keys = others_found(asking.collection, vectors, asking.keys[queries], depth)
            seconds = time.perf_counter() - began
            yield Lists(step=AS_IT_IS, queries=queries, keys=keys, seconds=seconds)
            if verify is not None:
                for query, own in zip(queries.tolist(), keys, strict=True):
                    yield _verified(verify, query, own[own >= 0])
            start += len(vectors)
            bar.update(len(vectors))


def _batches(asking: Asking, size: int) -> Iterator[Descriptions]:
    for block in asking.blocks():
        for start in range(0, len(block), size):
            yield block[start : start + size]


def others_found(
    collection: Collection, vectors: Descriptions, own: np.ndarray, depth: int
) -> np.ndarray:
    """What photographs find but for themselves.

    Args:
        collection: What is asked.
        vectors: Of those that ask.
        own: int64 ``(queries,)``, their keys in it; -1 where it lacks them.
        depth: Places that are wanted.

    Returns:
        Keys int64 ``(queries, depth)``, best first, -1 where there are no more.
    """
    _, found = collection.search(vectors, min(depth + 1, len(collection)))
    lacking = np.full((len(found), depth + 1 - found.shape[1]), -1)
    return without_query(np.concatenate([found, lacking], axis=1), own)


def without_query(found: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Takes each query itself out of its ranking.

    Args:
        found: int ``(queries, depth + 1)``, keys found, best first.
        queries: int ``(queries,)``, the key of each query; -1 where it has none.

    Returns:
        int ``(queries, depth)``; where the query was not found, the last place is dropped.
    """
    is_query = found == queries[:, None]
    order = np.argsort(is_query, axis=1, kind="stable")  # the query last, the rest in order
    return np.take_along_axis(found, order, axis=1)[:, :-1]


class Steps:
    """Several steps, each with those before it.

    Args:
        asking: Whoever asks the index, then the same who ask those that are fused with it.
        rerankers: Of the same indexes.
        settings: Which steps, at least one.
        depth: Places of a ranking, 1 to ``asking.deepest``.
        verify: What verifies the last step's first results; None for nothing.
    """

    def __init__(
        self,
        asking: Sequence[Asking],
        rerankers: Sequence[Reranker],
        settings: RankingSettings,
        *,
        depth: int,
        verify: Verify | None = None,
    ) -> None:
        self._askers = [_Asker(*each) for each in zip(asking, rerankers, strict=True)]
        self._first, self._others = self._askers[0], self._askers[1:]
        self._settings = settings
        self._depth = depth
        self._verify = verify

    def prepared(self) -> dict[str, float]:
        """Prepares the collections, and tells how many seconds that took, by the step it is for."""
        settings = self._settings
        start = time.perf_counter()
        self._first.reranker.prepare()
        own = time.perf_counter()
        for one in self._others:
            one.reranker.prepare()
        others = time.perf_counter()
        once = {"fuse": others - own} if settings.is_graph_needed and settings.fuse else {}
        if settings.is_graph_needed:
            needs = (step for step in settings.steps if not step.startswith(("ex", "ref")))
            once[next(needs)] = own - start
        return once

    def lists(self) -> Iterator[Lists]:
        """Of every query: the index as it is, every step in order, verification the last.

        With augmentation, also what that gives where it has seen the query, as in a collection
        that holds the photograph that asks.
        """
        steps = [AS_IT_IS, *self._settings.single_steps]
        for query in progress(range(len(self._first.keys)), "Scoring", unit="queries"):
            timed = self._first.rankings(query, self._depth)
            for step, (ranking, seconds) in zip(steps, timed, strict=True):
                yield _list(step, query, ranking.keys, seconds)
            if self._settings.augment and self._first.keys[query] >= 0:
                seen = self._first.seeing(query, self._depth)
                yield _list(steps[1] + SEEN, query, seen.keys, 0.0)
            began = time.perf_counter()
            found = [[ranking for ranking, _ in timed]]
            found += [
                [ranking for ranking, _ in one.rankings(query, self._depth)] for one in self._others
            ]
            keys = timed[-1][0].keys
            if self._others:
                keys = self._keys(fused(self._lists([one[-1:] for one in found]), self._settings))
                yield _list("fuse", query, keys, time.perf_counter() - began)
                began = time.perf_counter()
            if self._settings.keep_first:
                lists = self._lists([direct(one, self._settings) for one in found])
                keys = self._keys(with_first(self._first.reranker.ids(keys), lists, self._settings))
                yield _list(KEEP_FIRST, query, keys, time.perf_counter() - began)
            if self._verify is not None:
                yield _verified(self._verify, query, keys)

    def _lists(self, found: Sequence[Sequence[Ranking]]) -> list[tuple[list[str], np.ndarray]]:
        """Some rankings of every index as ids, by the first index's names, and scores."""
        return [
            (one.reranker.ids(ranking.keys), ranking.scores)
            for one, rankings in zip(self._askers, found, strict=True)
            for ranking in rankings
        ]

    def _keys(self, ids: list[str]) -> np.ndarray:
        return self._first.reranker.collection.keys_of(ids)


class _Asker:
    """Queries of one index that reorders what it finds."""

    def __init__(self, asking: Asking, reranker: Reranker) -> None:
        self.keys = asking.keys
        self.reranker = reranker
        self._described = asking.descriptions()

    def rankings(self, query: int, depth: int) -> list[tuple[Ranking, float]]:
        """What every step but the fusion gives, and the seconds it took."""
        own = int(self.keys[query])
        without = own if own >= 0 else None
        found = []
        start = time.perf_counter()
        for ranking in self.reranker.rankings(self._one(query), depth, without=without):
            found.append((ranking, time.perf_counter() - start))
            start = time.perf_counter()
        return found

    def seeing(self, query: int, depth: int) -> Ranking:
        """What augmented vectors find that have taken the query in."""
        return self.reranker.seeing(self._one(query), depth, int(self.keys[query]))

    def _one(self, query: int) -> Any:
        return self._described[query : query + 1]


def _list(step: str, query: int, keys: np.ndarray, seconds: float) -> Lists:
    return Lists(step=step, queries=np.array([query]), keys=keys[None], seconds=seconds)


def _verified(verify: Verify, query: int, keys: np.ndarray) -> Lists:
    began = time.perf_counter()
    reordered = verify(query, keys)
    return _list(VERIFY, query, reordered, time.perf_counter() - began)
