"""Why an index misses some of the truly nearest, and what would mend it."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from pipeline.index import kinds, measurement, metric
from pipeline.index.measurement import Tunable
from pipeline.index.truth import Nearest

DEPTH = 20  # of the exact ranking that codes are measured against
_DEEP = 100  # results that could be compared again
_ROUND = 0.005  # less is no loss


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loss:
    """What an index misses, and where.

    Attributes:
        k: Of the recall.
        recall: Against exact search, as the index is tuned.
        with_most_effort: Where it looks everywhere; what is missing then is lost by its codes.
        among_best: The share of the truly nearest that are among its best ``_DEEP`` then.
        misjudged: By how much its codes misjudge a similarity, standard deviation; 0 where none
            of its similarities could be compared.
        apart: How far the last of the ``k`` truly nearest is from the ``DEPTH``-th, the mean
            difference of similarity.
    """

    k: int
    recall: float
    with_most_effort: float
    among_best: float
    misjudged: float
    apart: float


def measure(index: Tunable, queries: np.ndarray, nearest: Nearest) -> Loss:
    """Measures what an index misses.

    Args:
        index: The index, tuned; it stays so.
        queries: float32 ``(queries, dim)``.
        nearest: What is truly nearest to them, at least to ``DEPTH`` where the index holds so
            many.
    """
    k, tuned = nearest.k, index.effort
    _, found = index.search(queries, k)
    recall = nearest.recalls(found).mean()
    index.set_effort(measurement.most_effort(index))
    estimated, found = index.search(queries, min(_DEEP, len(index)))
    index.set_effort(tuned)
    exact = metric.similarity(index.metric, nearest.distances[:, :DEPTH])
    places = found[:, :, None] == nearest.rows[:, None, :DEPTH]
    errors = (estimated[:, :, None] - exact[:, None, :])[places]
    return Loss(
        k=k,
        recall=float(recall),
        with_most_effort=float(nearest.recalls(found[:, :k]).mean()),
        among_best=float(nearest.recalls(found).mean()),
        misjudged=float(errors.std()) if len(errors) else 0.0,
        apart=float((exact[:, k - 1] - exact[:, -1]).mean()),
    )


def explanation(
    loss: Loss, factory: str, effort: Mapping[str, float], dimension: int, least: float
) -> str:
    """Why an index misses what it misses, and what would mend it, as a line of text.

    Args:
        loss: What it misses.
        factory: What Faiss calls such an index.
        effort: At which it was measured.
        dimension: Of a vector.
        least: The recall asked for.
    """
    by_codes = 1 - loss.with_most_effort
    by_effort = loss.with_most_effort - loss.recall
    said = []
    if by_effort > _ROUND:
        said.append(
            f"{by_effort:.3f} of recall@{loss.k} is lost by looking at "
            f"{measurement.spelled(effort)} only; a higher --recall looks further"
        )
    if by_codes > _ROUND:
        a_place = loss.apart / (DEPTH - loss.k)
        said.append(
            f"{by_codes:.3f} of recall@{loss.k} is lost by its codes, wherever it looks: they "
            f"misjudge a similarity by {loss.misjudged:.4f}, while it falls by {a_place:.4f} from "
            f"one of a query's photographs {loss.k} to {DEPTH} to the next"
        )
        said.append(_remedy(loss, factory, dimension, least))
    return "; ".join(said) or f"it misses {1 - loss.recall:.3f} of recall@{loss.k}"


def _remedy(loss: Loss, factory: str, dimension: int, least: float) -> str:
    """What would make up for codes."""
    if "Refine" in factory:
        return "finer numbers to compare again with would mend it, as Refine(Flat) has"
    if loss.among_best >= least:
        return (
            f"its best {_DEEP} hold {loss.among_best:.3f}: comparing them again would mend it, "
            f"--kind={kinds.refined(factory)}, {dimension} bytes a photograph more"
        )
    return (
        f"even its best {_DEEP} hold {loss.among_best:.3f} only: larger codes would mend it, as "
        "--kind=ivfsq8 has"
    )
