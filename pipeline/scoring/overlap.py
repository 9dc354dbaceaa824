"""Whether a model has learned from what it is tested on, by content and by landmark."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline import model_folder
from pipeline.progress import logger
from pipeline.scoring.scored_index import ScoredIndex

_COUNTED = ("queries_trained_on", "photographs_trained_on", "landmarks_trained_on")
_QUERIES, _LANDMARKS = "queries are photographs", "landmarks asked for are some"


def by_content(model: Path, asking: np.ndarray, held: np.ndarray) -> dict[str, int | None]:
    """Counts what was learned from where nothing tells landmarks, and warns.

    Args:
        model: A model's folder.
        asking: Content ids of those that ask, bytes ``(n,)``.
        held: Those of the photographs that are found, bytes ``(m,)``.

    Returns:
        ``queries_trained_on`` and ``photographs_trained_on``; None where the model was trained
        elsewhere.
    """
    names = _COUNTED[:2]
    if _is_unknown(model):
        return dict.fromkeys(names)
    learned = model_folder.learned_contents(model)
    numbers = (int(np.isin(contents, learned).sum()) for contents in (asking, held))
    counts = dict(zip(names, numbers, strict=True))
    _warn(counts["queries_trained_on"], len(asking), _QUERIES)
    return dict(counts)


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
    if _is_unknown(index.model):
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
    _warn(counts["queries_trained_on"], len(asking), _QUERIES)
    _warn(counts["landmarks_trained_on"], len(landmarks), _LANDMARKS)
    return dict(counts)


def _is_unknown(model: Path) -> bool:
    if is_imported := model_folder.is_imported(model):
        logger.warning(
            "%s was trained elsewhere; whether it has learned from the queries is not known.", model
        )
    return is_imported


def _is_learned(photographs: pa.Table, learned: np.ndarray) -> np.ndarray:
    return np.isin(np.array(photographs["content"].to_pylist(), bytes), learned)


def _warn(seen: int, of: int, what: str) -> None:
    if seen:
        logger.warning(
            "%d of the %d %s that the model has learned from; their score says nothing about "
            "landmarks it has not seen.",
            *(seen, of, what),
        )
