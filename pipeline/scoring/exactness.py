"""What an approximate index loses in scores, next to the exact ranking of the same vectors."""

from typing import Any

import numpy as np

from pipeline.index import kinds
from pipeline.index.truth import Truth
from pipeline.progress import progress
from pipeline.scoring.asking import Asking
from pipeline.scoring.judge import Judge
from pipeline.scoring.lists import others_found, without_query
from pipeline.scoring.query_scores import QueryScores
from pipeline.scoring.scored_index import ScoredIndex

DEPTH = 100  # places that are compared
_SAMPLED = 1000  # queries
_EXACT_KINDS = ("flat", kinds.INVERTED)


def is_exact(index: ScoredIndex) -> bool:
    """Whether what an index finds is the exact ranking of the model's own vectors."""
    described = index.collection.manifest
    return described["kind"] in _EXACT_KINDS and described.get("augmentation") is None


def compare(index: ScoredIndex, asking: Asking, judge: Judge) -> dict[str, Any]:
    """Scores some of the queries both ways, by what the first 100 places tell.

    Args:
        index: Of dense vectors.
        asking: Who asks it.
        judge: What is right for them.

    Returns:
        ``queries``, how many, evenly spaced; ``exact`` and ``index``, scores by name.
    """
    count = len(asking.keys)
    sample = np.unique(np.linspace(0, count - 1, min(_SAMPLED, count)).round().astype(int))
    described: Any = asking.descriptions()[sample]
    own = asking.keys[sample]
    depth = min(DEPTH, asking.deepest)
    truth = Truth(described, depth + 1)
    for block in progress(index.stored.blocks(), "Ranking exactly", unit="blocks"):
        truth.show(block)
    _, rows = truth.nearest()
    exact = np.where(rows < 0, -1, index.keys[rows])
    found = others_found(index.collection, described, own, depth)
    names = [name for name in judge.names if _tells(name, depth)]
    return {"queries": len(sample)} | {
        way: _means(judge, names, sample, keys)
        for way, keys in (("exact", without_query(exact, own)), ("index", found))
    }


def _tells(name: str, depth: int) -> bool:
    """Whether so many places decide a score."""
    _, _, k = name.partition("@")
    return k.isdecimal() and (int(k) <= depth)


def _means(
    judge: Judge, names: list[str], queries: np.ndarray, keys: np.ndarray
) -> dict[str, float]:
    scores = judge.scores(queries, keys)
    table = QueryScores(names, judge.groups[queries])
    table.put(np.arange(len(queries)), {name: scores[name] for name in names}, 0.0)
    return table.means()
