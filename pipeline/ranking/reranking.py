"""The steps that reorder what a collection finds, one after the other."""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.descriptions import Descriptions
from pipeline.index import kinds
from pipeline.index.filters import Condition
from pipeline.index.interface import Collection
from pipeline.ranking import candidates, diffusion, fusion, k_reciprocal, superglobal
from pipeline.ranking.augmented import AugmentedCollection
from pipeline.ranking.expansion import expanded
from pipeline.ranking.neighbourhood import Neighbourhood
from pipeline.ranking.settings import RankingSettings
from pipeline.ranking.view import View

_EXPANSION_SHARE = 0.3  # the paper's k2 of its k1, 6 of 20
_NOTHING = np.zeros(0, np.float32), np.zeros((0, 0), np.float32)
_DIFFUSED_FROM = 10  # candidates that the query starts at, as in the paper


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ranking:
    """Photographs in the order of their scores, the first of which are candidates.

    Attributes:
        query: float32 ``(dim,)``, what asked; of bags of words ``(0,)``.
        keys: int64 ``(n,)``, best first.
        scores: float ``(n,)``, of those that are no candidates the lowest of these.
        vectors: float32 ``(m, dim)``, of the candidates, unit length; of bags ``(0, 0)``.
    """

    query: np.ndarray
    keys: np.ndarray
    scores: np.ndarray
    vectors: np.ndarray

    @property
    def candidates(self) -> np.ndarray:
        """Their keys."""
        return self.keys[: len(self.vectors)]

    def reordered(self, scores: np.ndarray) -> "Ranking":
        """The candidates by other scores; where fewer are given, the first of them."""
        order = np.argsort(-scores, kind="stable")
        behind = np.full(len(self.keys) - len(order), scores.min(initial=np.inf))
        return Ranking(
            query=self.query,
            keys=_first_by(order, self.keys),
            scores=np.concatenate([scores[order], behind]),
            vectors=_first_by(order, self.vectors),
        )


class Reranker:
    """A collection whose results are reordered.

    The nearest of its photographs, and augmented vectors, are found where they are first needed,
    and kept. It is not to be used by several threads at once.

    Args:
        collection: By cosine.
        settings: Which steps.
        folder: Of the collection, for errors.
        fused_with: Whose list this one's is fused with; ids are that one's then, of photographs of
            the same content. A collection of bags of visual words, which have no dense vectors, is
            fused as it is found.

    Raises:
        ValueError: If the collection compares otherwise, is augmented already, or has no dense
            vectors to reorder by, naming its folder.
    """

    def __init__(
        self,
        collection: Collection,
        settings: RankingSettings,
        *,
        folder: Path,
        fused_with: "Reranker | None" = None,
    ) -> None:
        if collection.kind == kinds.INVERTED:
            if settings.single_steps and fused_with is None:
                raise ValueError(
                    f"{folder} is of bags of visual words, which have no vectors to reorder by: "
                    f"{', '.join(settings.single_steps)}. Search it as it is, or pass it to --fuse "
                    "of another index."
                )
            settings = settings.as_found
        if settings.steps and collection.metric != "cosine":
            raise ValueError(
                f"Results are reordered by cosines, and {folder} was built with --metric="
                f"{collection.metric}; build one with --metric=cosine."
            )
        if settings.augment and collection.manifest.get("augmentation"):
            raise ValueError(f"{folder} is of augmented vectors already; leave --augment out.")
        self.collection = collection
        self._folder = folder
        self._fused_with = fused_with
        self._settings = settings
        self._augmented = None
        if settings.augment:
            self._augmented = AugmentedCollection(collection, settings.augment, settings.alpha)
        searched = self._augmented or collection
        self._neighbourhood = Neighbourhood(searched, max(settings.reciprocal, settings.diffuse))

    @functools.cached_property
    def _keys(self) -> np.ndarray:
        return self.collection.keys()

    @functools.cached_property
    def _ids(self) -> np.ndarray:
        other = self._fused_with
        if other is None:
            return np.array(self.collection.ids(), object)
        places = pc.index_in(self._contents, value_set=other._contents)
        if places.null_count or len(places) != len(other._keys):
            raise ValueError(
                f"{other._folder}, {len(other._keys)} photographs, and {self._folder}, "
                f"{len(places)}, do not hold the same, so that what they find cannot be fused: "
                f"{len(places) - places.null_count} are in both; build both from the same data "
                "sets."
            )
        return other._ids[places.to_numpy()]

    @functools.cached_property
    def _contents(self) -> pa.ChunkedArray:
        return self.collection.photographs(self._keys)["content"]

    def ids(self, keys: np.ndarray) -> list[str]:
        """Of photographs, as the collection that this one is fused with names them.

        Raises:
            ValueError: If the two collections do not hold the same photographs, naming both.
        """
        return self._ids[np.searchsorted(self._keys, keys)].tolist()

    def key_of(self, one: str) -> int:
        """Of the photograph with an id, as ``ids`` gives it.

        Raises:
            ValueError: If there is none, or as ``ids`` does.
        """
        if self._fused_with is None:
            return int(self.collection.keys_of([one])[0])
        (places,) = np.nonzero(self._ids == one)
        if not len(places):
            raise ValueError(f"{self._fused_with._folder} has no photograph {one!r}.")
        return int(self._keys[places[0]])

    def prepare(self) -> None:
        """Makes what the steps need of all photographs, which they would make where needed."""
        if self._augmented is not None:
            self._augmented.prepare()
        if self._settings.reciprocal or self._settings.diffuse:
            self._neighbourhood.nearest(self._keys)

    def rankings(
        self,
        asked: Descriptions,
        depth: int,
        *,
        without: int | None = None,
        where: Sequence[Condition] = (),
    ) -> Iterator[Ranking]:
        """What is found, as it is, then after every step but the fusion of several.

        Args:
            asked: One query, float32 ``(1, dim)`` of unit length, or ``Bags``.
            depth: Photographs wanted; as many as are reordered come at least, where there are.
            without: A photograph that is left out, the query itself, as if the collection lacked
                it.
            where: Conditions that a photograph has to satisfy.

        Raises:
            ValueError: As ``Collection.search`` does.
        """
        settings = self._settings
        depth = max(depth, settings.candidates)
        plain = View(self.collection, self._neighbourhood, without)
        ranking = self._found(plain, asked, depth, where)
        yield ranking
        if not len(ranking.keys):  # nothing satisfies the conditions
            yield from [ranking] * len(settings.single_steps)
            return
        query = ranking.query
        view = plain
        if self._augmented is not None:
            changed = None if without is None else self._augmented.without(without)
            view = View(self._augmented, self._neighbourhood, without, changed)
            ranking = self._found(view, asked, depth, where)
            yield ranking
        if settings.expand:
            ranking = self._found(view, self._expanded(ranking), depth, where)
            yield ranking
        if settings.refine:
            first = ranking.vectors[: settings.refine]
            ranking = ranking.reordered(superglobal.scores(ranking.query, first))
            yield ranking
        if settings.reciprocal:
            ranking = self._by_reciprocity(view, query, ranking)
            yield ranking
        if settings.diffuse:
            ranking = self._diffused(view, ranking)
            yield ranking

    def seeing(self, asked: np.ndarray, depth: int, own: int) -> Ranking:
        """What augmented vectors that have taken in the query itself find, but for the query.

        Args:
            asked: The query, float32 ``(1, dim)``, unit length.
            depth: Photographs wanted.
            own: The key of the query.
        """
        searched = self._augmented or self.collection
        view = View(searched, self._neighbourhood, own)
        return self._found(view, asked, max(depth, self._settings.candidates), ())

    def _found(
        self, view: View, asked: Descriptions, depth: int, where: Sequence[Condition]
    ) -> Ranking:
        similarities, keys = view.search(asked, depth, where)
        query, vectors = _NOTHING
        if isinstance(asked, np.ndarray):
            query, vectors = asked[0], view.vectors(keys[: self._settings.candidates])
        return Ranking(query=query, keys=keys, scores=similarities, vectors=vectors)

    def _expanded(self, ranking: Ranking) -> np.ndarray:
        first = ranking.vectors[None, : self._settings.expand]
        similarities = first @ ranking.query
        return expanded(ranking.query[None], first, similarities, self._settings.alpha)

    def _by_reciprocity(self, view: View, query: np.ndarray, ranking: Ranking) -> Ranking:
        k = self._settings.reciprocal
        similarities, nearest = view.nearest(ranking.candidates, k)
        # The graph is of the query as it was asked: expanded, it is nearer to all than they are.
        nodes, _ = candidates.graph(
            ranking.candidates, ranking.vectors @ query, nearest, similarities
        )
        distances = k_reciprocal.distances(
            nodes,
            np.concatenate([ranking.query[None], ranking.vectors]),
            ranking.vectors @ ranking.query,
            k=k,
            k_expansion=max(1, round(_EXPANSION_SHARE * k)),
        )
        return ranking.reordered(1 - distances)

    def _diffused(self, view: View, ranking: Ranking) -> Ranking:
        similarities, nearest = view.nearest(ranking.candidates, self._settings.diffuse)
        graph = diffusion.affinity(candidates.among(ranking.candidates, nearest), similarities)
        start = diffusion.start_at(ranking.vectors @ ranking.query, _DIFFUSED_FROM)
        return ranking.reordered(diffusion.diffused(graph, start))


def fused(
    lists: Sequence[tuple[Sequence[str], np.ndarray]], settings: RankingSettings
) -> list[str]:
    """One list of several, each of ids and their scores, best first.

    Of each the first ``candidates`` are fused; what only stands further behind comes after them,
    list by list.
    """
    first = _candidates(lists, settings)
    if settings.fusion == "ranks":
        best = fusion.by_ranks([ids for ids, _ in first])
    else:
        best = fusion.by_scores([dict(zip(*one, strict=True)) for one in first])
    behind = (one for ids, _ in lists for one in ids[settings.candidates :])
    return list(dict.fromkeys([*best, *behind]))


def _candidates(
    lists: Sequence[tuple[Sequence[str], np.ndarray]], settings: RankingSettings
) -> list[tuple[Sequence[str], list[float]]]:
    """The first of every list, as many as are reordered."""
    count = settings.candidates
    return [(ids[:count], scores[:count].tolist()) for ids, scores in lists]


def direct(rankings: Sequence[Ranking], settings: RankingSettings) -> list[Ranking]:
    """What is found before results reorder one another: as it is, and with what is taken in."""
    last = min(bool(settings.augment) + bool(settings.expand), len(rankings) - 1)
    return [rankings[0], *([rankings[last]] if last else [])]


def with_first(
    ids: Sequence[str],
    lists: Sequence[tuple[Sequence[str], np.ndarray]],
    settings: RankingSettings,
) -> list[str]:
    """Puts first what is best of some other lists together, which by their scores are fused.

    A graph of neighbours leads away from the query where most of these are wrong: of 449 queries
    in India the first was right for .909 after diffusion, for .953 with that kept.

    Args:
        ids: Best first.
        lists: Of ids and their scores, best first: those of ``direct``, of every index; of each
            the first ``candidates`` count, so that the answer is the same however much is found.
        settings: How many candidates there are.
    """
    first = _candidates(lists, settings)
    best = next(iter(fusion.by_scores([dict(zip(*one, strict=True)) for one in first])), None)
    return [*([] if best is None else [best]), *(one for one in ids if one != best)]


def _first_by(order: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Puts the first in another order, and leaves those behind them."""
    return np.concatenate([values[: len(order)][order], values[len(order) :]])
