"""Retrieval metrics as pure functions of NumPy arrays."""

from collections.abc import Iterator

import numpy as np

AP_DEPTHS = (10, 50, 100)
PRECISION_DEPTHS = (10, 50)
RECALL_DEPTHS = (1, 5, 10)
_ROWS_AT_A_TIME = 1024  # bounds the memory of an exact ranking
_ROUNDING = 1e-9  # .7 * 10 is a little above 7


def average_precision(relevant: np.ndarray, totals: np.ndarray, k: int | None = None) -> np.ndarray:
    """Average precision of each ranking.

    ``sum P(i) rel(i) / total`` over the ranking, or over its first ``k`` places with the
    denominator ``min(total, k)``: what exists counts, not what was found. Google Landmarks v2,
    https://arxiv.org/abs/2004.01804, section 5.2.

    Args:
        relevant: bool ``(queries, ranked)``, best first, the query itself left out.
        totals: int ``(queries,)``, relevant photographs in the collection, at least 1.
        k: Places that count; None for all.

    Returns:
        float64 ``(queries,)``, 0 to 1.

    Raises:
        ValueError: If a total is below 1 or below the relevant ones ranked.
    """
    if np.any(wrong := (totals < 1) | (relevant.sum(axis=1) > totals)):
        row = int(np.argmax(wrong))
        raise ValueError(
            f"A query's total is at least 1 and covers the relevant ones ranked: count what is "
            f"relevant to it in the whole collection, itself left out. Received for the query in "
            f"row {row}: {int(relevant[row].sum())} ranked, {int(totals[row])} in all."
        )
    relevant = relevant[:, :k]
    precision = np.cumsum(relevant, axis=1) / np.arange(1, relevant.shape[1] + 1)
    counted = totals if k is None else np.minimum(totals, k)
    return (precision * relevant).sum(axis=1) / counted


def recall_at(relevant: np.ndarray, k: int) -> np.ndarray:
    """Whether each query has a relevant photograph among its first ``k``.

    The "recall@k" of retrieval benchmarks (Jégou et al., 2011); its mean is the share of
    queries answered.

    Args:
        relevant: bool ``(queries, ranked)``, best first.
        k: Places that count.

    Returns:
        bool ``(queries,)``.
    """
    return np.any(relevant[:, :k], axis=1)


def precision_at(relevant: np.ndarray, k: int) -> np.ndarray:
    """The share of each query's first ``k`` that is relevant; places not ranked count as wrong.

    Args:
        relevant: bool ``(queries, ranked)``, best first.
        k: Places that count.

    Returns:
        float64 ``(queries,)``, 0 to 1.
    """
    return relevant[:, :k].sum(axis=1) / k


def precision_at_recall(relevant: np.ndarray, totals: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Interpolated precision: the best that each ranking has at a recall or beyond it.

    Manning, Raghavan and Schütze, 2008, section 8.4,
    https://nlp.stanford.edu/IR-book/html/htmledition/evaluation-of-ranked-retrieval-results-1.html.

    Args:
        relevant: bool ``(queries, ranked)``, best first.
        totals: int ``(queries,)``, relevant photographs in the collection, at least 1.
        levels: float ``(levels,)``, shares of the relevant that are to be found; of 0, the best
            precision that there is.

    Returns:
        float64 ``(queries, levels)``; 0 where so many are not ranked.
    """
    found = np.cumsum(relevant, axis=1)
    precision = found / np.arange(1, relevant.shape[1] + 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    needed = np.maximum(np.ceil(levels * totals[:, None] - _ROUNDING), 1)
    ranked = zip(found, best, needed, strict=True)
    places = [(np.searchsorted(one, wanted), at) for one, at, wanted in ranked]
    return np.stack([np.append(at, 0.0)[place] for place, at in places])


def of_queries(
    relevant: np.ndarray, totals: np.ndarray, depth: int | None = None
) -> dict[str, np.ndarray]:
    """The scores that every result carries, of each query.

    Args:
        relevant: bool ``(queries, ranked)``, best first, the query itself left out.
        totals: int ``(queries,)``, relevant photographs in the collection, at least 1.
        depth: Places that a ranking was cut to; scores of more are left out. None for not cut.

    Returns:
        By name, in the order of ``names``, float64 ``(queries,)``, 0 to 1. Places beyond the
        end of a ranking that is shorter than a score's ``k`` count as wrong.
    """
    scores = {"mAP": average_precision(relevant, totals)}
    scores |= {f"mAP@{k}": average_precision(relevant, totals, k) for k in AP_DEPTHS}
    scores |= {f"precision@{k}": precision_at(relevant, k) for k in PRECISION_DEPTHS}
    scores |= {f"recall@{k}": recall_at(relevant, k).astype(float) for k in RECALL_DEPTHS}
    return {name: scores[name] for name in names(depth)}


def names(depth: int | None = None) -> list[str]:
    """The names of ``of_queries``: those whose ``k`` is at most the depth."""
    counts = (("mAP", AP_DEPTHS), ("precision", PRECISION_DEPTHS), ("recall", RECALL_DEPTHS))
    named = [f"{name}@{k}" for name, ks in counts for k in ks if depth is None or k <= depth]
    return ["mAP", *named]


def relevant_elsewhere(labels: np.ndarray) -> np.ndarray:
    """How many other photographs show each photograph's landmark.

    Args:
        labels: int ``(photographs,)``; negative ones, distractors, have no landmark.

    Returns:
        int64 ``(photographs,)``; 0 for distractors.
    """
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return np.where(labels < 0, 0, counts[inverse] - 1)


def leave_one_out(embeddings: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks all other photographs for every one that shares its landmark with another.

    Args:
        embeddings: float32 ``(photographs, dim)``, unit length.
        labels: int ``(photographs,)``; negative ones never query and are never relevant.

    Returns:
        ``relevant`` bool ``(queries, photographs - 1)`` and ``totals`` int ``(queries,)``.

    Raises:
        ValueError: If no landmark has two photographs.
    """
    totals = relevant_elsewhere(labels)
    queries = np.flatnonzero(totals)
    if not len(queries):
        raise ValueError("No landmark has two photographs, so there is nothing to find.")
    return np.concatenate(list(_rankings(embeddings, labels, queries))), totals[queries]


def _rankings(
    embeddings: np.ndarray, labels: np.ndarray, queries: np.ndarray
) -> Iterator[np.ndarray]:
    for start in range(0, len(queries), _ROWS_AT_A_TIME):
        rows = queries[start : start + _ROWS_AT_A_TIME]
        similarities = embeddings[rows] @ embeddings.T
        similarities[np.arange(len(rows)), rows] = -np.inf  # the query comes last, and is cut
        order = np.argsort(-similarities, axis=1, kind="stable")[:, :-1]
        yield labels[order] == labels[rows, None]
