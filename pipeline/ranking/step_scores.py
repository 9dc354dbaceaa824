"""How well every step of re-ranking does, each photograph asking as if the collection lacked it."""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline import metrics
from pipeline.descriptions import Descriptions
from pipeline.progress import progress
from pipeline.ranking.reranking import Ranking, Reranker, fused
from pipeline.ranking.settings import RankingSettings
from pipeline.ranking.verifier import FIRST, VerifiedLists
from pipeline.text_table import Side, format_table

AS_IT_IS = "as it is"
SEEN = ", having seen the query"
VERIFY = "verify"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asking:
    """An index, and those of its photographs that ask.

    Attributes:
        reranker: Of the index.
        vectors: float32 ``(queries, dim)``, theirs, or ``Bags``.
        keys: int64 ``(queries,)``, theirs.
    """

    reranker: Reranker
    vectors: Descriptions
    keys: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepScore:
    """What a step and those before it give.

    Attributes:
        step: Its name.
        scores: As ``metrics.summarise`` gives them.
        milliseconds: Of a query, what this step takes alone.
        seconds: What is done once for the collection before it.
    """

    step: str
    scores: dict[str, float]
    milliseconds: float
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """As a result's file holds it."""
        return dataclasses.asdict(self)


class Tally:
    """Relevant places and milliseconds of every step."""

    def __init__(self, steps: Sequence[str], queries: int, depth: int) -> None:
        self._steps = steps
        self._relevant = np.zeros((len(steps), queries, depth), bool)
        self._seconds = np.zeros(len(steps))

    def put(self, step: str, query: int, is_relevant: np.ndarray, seconds: float) -> None:
        """Takes what a step gives of a query: which of its places are relevant."""
        place = self._steps.index(step)
        depth = min(len(is_relevant), self._relevant.shape[2])
        self._relevant[place, query, :depth] = is_relevant[:depth]
        self._seconds[place] += seconds

    def scores(self, totals: np.ndarray, once: dict[str, float]) -> list[StepScore]:
        """What every step scores; seconds of what is done once, by step."""
        return [
            StepScore(
                step=step,
                scores=metrics.summarise(relevant, totals),
                milliseconds=1000 * float(seconds) / len(totals),
                seconds=once.get(step, 0.0),
            )
            for step, relevant, seconds in zip(
                self._steps, self._relevant, self._seconds, strict=True
            )
        ]


def measure(
    asking: Sequence[Asking],
    settings: RankingSettings,
    labels: dict[str, int],
    totals: np.ndarray,
    depth: int,
    verified: VerifiedLists | None = None,
) -> list[StepScore]:
    """Scores every step, each with those before it.

    Args:
        asking: The index, then those that ``settings`` fuse with it, all with the same queries.
        settings: Which steps, at least one.
        labels: Of every photograph by its id, negative where unknown.
        totals: int ``(queries,)``, other photographs that show what each query shows, at least 1.
        depth: Places of a ranking that count; as many as are verified are found at least.
        verified: What verifies the last step's first results; None for nothing.

    Returns:
        The index as it is, then every step in order, verification the last; in the end what
        augmentation gives where it has seen the query, as in a collection that holds the photograph
        that asks.
    """
    once = _prepared(asking, settings)
    first, others = asking[0], asking[1:]
    keys = first.reranker.collection.keys()
    of_key = np.full(keys.max() + 1, -1, np.int64)
    of_key[keys] = [labels[one] for one in first.reranker.ids(keys)]
    own = of_key[first.keys]
    steps = [AS_IT_IS, *settings.steps]
    last = [] if verified is None else [VERIFY]
    tally = Tally(
        [*steps, *last, *(step + SEEN for step in steps[1:2] if settings.augment)], len(own), depth
    )
    wanted = depth if verified is None else max(depth, FIRST)
    for query in progress(range(len(own)), "Scoring", unit="queries"):
        timed = _rankings(first, query, wanted)
        for step, (ranking, seconds) in zip(steps, timed, strict=False):  # but for the fusion
            tally.put(step, query, of_key[ranking.keys] == own[query], seconds)
        if settings.augment:
            seen = first.reranker.seeing(_one(first, query), depth, int(first.keys[query]))
            tally.put(steps[1] + SEEN, query, of_key[seen.keys] == own[query], 0.0)
        if others:
            start = time.perf_counter()
            lists = [timed, *(_rankings(one, query, wanted) for one in others)]
            found = fused(
                [_list(one, each[-1][0]) for one, each in zip(asking, lists, strict=True)], settings
            )
            seconds = time.perf_counter() - start
            is_relevant = np.array([labels[one] == own[query] for one in found], bool)
            tally.put(steps[-1], query, is_relevant, seconds)
        if verified is not None:
            listed = found if others else first.reranker.ids(timed[-1][0].keys)
            put_verified(tally, verified, query, listed, labels, int(own[query]))
    return tally.scores(totals, once)


def put_verified(
    tally: Tally,
    verified: VerifiedLists,
    query: int,
    ids: Sequence[str],
    labels: dict[str, int],
    own: int,
) -> None:
    """Verifies what a query of a label has found, best first, and takes what that gives."""
    start = time.perf_counter()
    reordered = verified.reordered(query, ids)
    seconds = time.perf_counter() - start
    is_relevant = np.array([labels[one] == own for one in reordered], bool)
    tally.put(VERIFY, query, is_relevant, seconds)


def _prepared(asking: Sequence[Asking], settings: RankingSettings) -> dict[str, float]:
    """Seconds that preparing took, by the step that first needs it."""
    start = time.perf_counter()
    asking[0].reranker.prepare()
    own = time.perf_counter()
    for one in asking[1:]:
        one.reranker.prepare()
    others = time.perf_counter()
    once = {"fuse": others - own} if settings.is_graph_needed and settings.fuse else {}
    if settings.is_graph_needed:
        once[next(step for step in settings.steps if not step.startswith(("ex", "ref")))] = (
            own - start
        )
    return once


def _rankings(one: Asking, query: int, depth: int) -> list[tuple[Ranking, float]]:
    """What every step gives, and the seconds it took."""
    key = int(one.keys[query])
    found = []
    start = time.perf_counter()
    for ranking in one.reranker.rankings(_one(one, query), depth, without=key):
        found.append((ranking, time.perf_counter() - start))
        start = time.perf_counter()
    return found


def _one(of: Asking, query: int) -> Any:
    return of.vectors[query : query + 1]


def _list(one: Asking, ranking: Ranking) -> tuple[list[str], np.ndarray]:
    return one.reranker.ids(ranking.keys), ranking.scores


def table_of(steps: Sequence[dict[str, Any]]) -> str:
    """Scores of every step as lines of text, the header first."""
    rows = []
    before = None
    for step in steps:
        scores = step["scores"]
        is_step = not step["step"].endswith(SEEN)
        gain = f"{scores['mAP'] - before:+.3f}" if is_step and before is not None else ""
        before = scores["mAP"] if is_step else before
        rows.append(
            (
                step["step"],
                *(f"{scores[name]:.3f}" for name in ("mAP", "mAP@100", "recall@1")),
                gain,
                f"{step['milliseconds']:.1f}",
                f"{step['seconds']:.1f}" if step["seconds"] else "",
            )
        )
    columns: dict[str, Side] = {"step": "<"}
    for title in ("mAP", "mAP@100", "recall@1", "gain in mAP", "ms a query", "s once"):
        columns[title] = ">"
    return format_table(columns, rows)
