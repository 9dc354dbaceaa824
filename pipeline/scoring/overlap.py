"""Whether a model has learned from what it is tested on, by content and by landmark."""

from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import model_folder
from pipeline.progress import logger
from pipeline.scoring.scored_index import ScoredIndex

_COUNTED = ("queries_trained_on", "photographs_trained_on", "landmarks_trained_on")


def with_training(index: ScoredIndex, asking: pa.Table) -> dict[str, Any]:
    """Counts what was learned from among those that ask and those that are found, and warns.

    Args:
        index: What is asked.
        asking: ``content`` and ``landmark`` of those that ask.

    Returns:
        ``queries_trained_on``, ``photographs_trained_on`` of the collection, by content, and
        ``landmarks_trained_on``, those of the queries that are called as one that was learned
        from, or a photograph of which was. None where the model was trained elsewhere.
    """
    if model_folder.is_imported(index.model):
        logger.warning(
            "%s was trained elsewhere; whether it has learned from the queries is not known.",
            index.model,
        )
        return dict.fromkeys(_COUNTED)
    learned = model_folder.learned_contents(index.model)
    held = index.stored.metadata.select(["content", "landmark"])
    is_asking, is_held = (_is_learned(one, learned) for one in (asking, held))
    landmarks = set(asking["landmark"].to_pylist()) - {""}
    known = model_folder.learned_landmarks(index.model)
    known |= set(held["landmark"].filter(pa.array(is_held)).to_pylist())
    known |= set(asking["landmark"].filter(pa.array(is_asking)).to_pylist())
    numbers = int(is_asking.sum()), int(is_held.sum()), len(landmarks & known)
    counts = dict(zip(_COUNTED, numbers, strict=True))
    _warn(counts, len(asking), len(landmarks))
    return dict(counts)


def _is_learned(photographs: pa.Table, learned: np.ndarray) -> np.ndarray:
    return np.isin(np.array(photographs["content"].to_pylist(), bytes), learned)


def _warn(counts: dict[str, int], queries: int, landmarks: int) -> None:
    told = (
        (counts["queries_trained_on"], queries, "queries are photographs"),
        (counts["landmarks_trained_on"], landmarks, "landmarks asked for are some"),
    )
    for seen, of, what in told:
        if seen:
            logger.warning(
                "%d of the %d %s that the model has learned from; their score says nothing about "
                "landmarks it has not seen.",
                seen,
                of,
                what,
            )
