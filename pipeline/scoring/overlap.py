"""Whether a model has learned from what it is tested on, by content and by landmark."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import model_folder
from pipeline.progress import logger
from pipeline.scoring.scored_index import ScoredIndex

_COUNTED = ("queries_trained_on", "photographs_trained_on", "landmarks_trained_on")
_QUERIES = "queries are photographs that the model has learned from"
# Two landmarks may have one name, as buildings of two synthetic cities may.
_LANDMARKS = "landmarks asked for are, by name or by a photograph, ones that the model learned from"


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


def with_training(
    index: ScoredIndex, asking: pa.Table, landmarks: np.ndarray | None = None
) -> dict[str, Any]:
    """Counts what was learned from among those that ask and those that are found, and warns.

    Args:
        index: What is asked.
        asking: ``content`` and ``landmark`` of those that ask.
        landmarks: int ``(queries,)``, theirs, which need no names; by default those of one name.

    Returns:
        ``queries_trained_on``, ``photographs_trained_on`` of the collection, by content, and
        ``landmarks_trained_on``, those of the queries that are called as one that was learned
        from, or a photograph of which was. None where the model was trained elsewhere; of
        landmarks also where none is known to be learned from and a name is lacking that would
        tell, of those or of these.
    """
    if _is_unknown(index.model):
        return dict.fromkeys(_COUNTED)
    learned = model_folder.learned_contents(index.model)
    held = index.stored.metadata.select(["content", "landmark", "label"])
    is_asking, is_held = (_is_learned(one, learned) for one in (asking, held))
    names = np.array(asking["landmark"].to_pylist(), object)
    if landmarks is None:
        landmarks = np.where(names == "", -1, np.unique(names, return_inverse=True)[1])
    known_names = model_folder.learned_landmarks(index.model)
    is_known = is_asking | _shows_learned(asking, held, is_held, known_names or set())
    of_known = np.unique(landmarks[is_known & (landmarks >= 0)])
    is_told = not len(learned) or (known_names is not None and bool((names != "").all()))
    counts: dict[str, Any] = {
        "queries_trained_on": int(is_asking.sum()),
        "photographs_trained_on": int(is_held.sum()),
        "landmarks_trained_on": len(of_known) if is_told or len(of_known) else None,
    }
    _warn(counts["queries_trained_on"], len(asking), _QUERIES)
    _warn(len(of_known), len(np.unique(landmarks[landmarks >= 0])), _LANDMARKS)
    return counts


def _shows_learned(
    asking: pa.Table, held: pa.Table, is_held: np.ndarray, names: set[str]
) -> np.ndarray:
    """Which of those that ask show what was learned from, by name or as the index knows them.

    Args:
        asking: ``content`` and ``landmark`` of those that ask.
        held: Also ``label``, of the collection.
        is_held: bool ``(photographs,)``, which of those were learned from.
        names: Of landmarks that were learned from.
    """
    seen = held.filter(pa.array(is_held))
    names = names.union(seen["landmark"].to_pylist()) - {""}
    is_called = pc.is_in(asking["landmark"], value_set=pa.array(sorted(names), pa.string()))
    rows = pc.index_in(asking["content"], value_set=held["content"])
    labels = held["label"].take(rows.combine_chunks()).fill_null(-1).to_numpy()
    seen_labels = seen["label"].to_numpy()
    return is_called.to_numpy() | ((labels >= 0) & np.isin(labels, seen_labels))


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
            "%d of the %d %s; their score says nothing about landmarks it has not seen.",
            *(seen, of, what),
        )
