"""What an approximate index loses in scores, next to the exact ranking of the same vectors."""

from typing import Any

import numpy as np

from pipeline.index import kinds
from pipeline.index.truth import Truth
from pipeline.progress import progress
from pipeline.scoring.asking import Asking
from pipeline.scoring.judge import Judge
from pipeline.scoring.lists import others_found, without_query
from pipeline.scoring.scored_index import ScoredIndex

DEPTH = 100  # places that are compared
_SAMPLED = 1000  # queries
_EXACT_KINDS = ("flat", kinds.INVERTED)


def is_exact(index: ScoredIndex) -> bool:
    """Whether what an index finds is the exact ranking of the model's own vectors."""
    described = index.collection.manifest
    return described["kind"] in _EXACT_KINDS and described.get("augmentation") is None


def compare(index: ScoredIndex, asking: Asking, judge: Judge) -> dict[str, Any] | None:
    """Scores some of the queries both ways, by what the first 100 places tell.

    Args:
        index: Of dense vectors.
        asking: Who asks it.
        judge: What is right for them.

    Returns:
        ``queries``, how many, evenly spaced; ``exact`` and ``index``, scores by name. None where
        so many places of those queries decide no score.
    """
    count = len(asking.keys)
    sample = np.unique(np.linspace(0, count - 1, min(_SAMPLED, count)).round().astype(int))
    described: Any = asking.some(sample)
    own = asking.keys[sample]
    depth = min(DEPTH, asking.deepest)
    truth = Truth(described, depth + 1)
    for block in progress(index.stored.blocks(), "Ranking exactly", unit="blocks"):
        truth.show(block)
    _, rows = truth.nearest()
    exact = np.where(rows < 0, -1, index.keys[rows])
    found = others_found(index.collection, described, own, depth)
    is_whole = depth == asking.deepest
    names = [name for name in judge.names if _tells(name, depth, is_whole)]
    ways = {"exact": _means(judge, names, sample, without_query(exact, own))}
    ways["index"] = _means(judge, names, sample, found)
    return {"queries": len(sample)} | ways if ways["exact"] else None


def _tells(name: str, depth: int, is_whole: bool) -> bool:
    """Whether so many places, which may be all there are, decide a score."""
    k, _, _ = name.partition("@")[2].partition(" ")  # "mP@10 medium"
    return k.isdecimal() and (is_whole or int(k) <= depth)


def _means(
    judge: Judge, names: list[str], queries: np.ndarray, keys: np.ndarray
) -> dict[str, float]:
    scores = judge.scores(queries, keys)
    counted = [name for name in names if not np.isnan(scores[name]).all()]
    return {name: float(np.nanmean(scores[name])) for name in counted}
