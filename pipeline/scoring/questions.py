"""Who asks an index that is scored, what is right for them, and how many places count."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.progress import logger
from pipeline.scoring import answered, asking
from pipeline.scoring.answered import LandmarksRetrieval, Revisited, SimilarPairs
from pipeline.scoring.asking import Asking
from pipeline.scoring.judge import Judge, by_landmark, leave_one_out
from pipeline.scoring.landmark_submissions import MOST
from pipeline.scoring.scored_index import ScoredIndex

WHOLE = 50_000  # photographs up to which whole rankings are scored
CUT = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Questions:
    """Who asks an index, and what is right for them.

    Attributes:
        asking: Who asks.
        metadata: What is known of them.
        judge: What is right for them.
        depth: Places of a ranking that count.
        landmarks: int ``(queries,)``, those that they ask for; None where the protocol knows none.
        distractors: Photographs of the index that answer nobody and do not ask.
    """

    asking: Asking
    metadata: pa.Table
    judge: Judge
    depth: int
    landmarks: np.ndarray | None
    distractors: int


def of_landmarks(index: ScoredIndex, data: Sequence[str], depth: int | None) -> Questions:
    """Photographs ask for others of their landmark.

    Args:
        index: That is asked.
        data: Data sets of those that ask; none for the index's own.
        depth: Places that count; None for all, or of a large collection the first.

    Raises:
        FileNotFoundError: If the model has not described a data set.
        ValueError: If nobody's landmark has another photograph.
    """
    depth = _depth(index, depth)
    judge: Judge
    if data:
        own, metadata, judge = by_landmark(index, data, depth)
    else:
        rows, judge = leave_one_out(index, depth)
        own, metadata = asking.from_index(index, rows), index.stored.metadata.take(rows)
    return Questions(
        asking=own,
        metadata=metadata,
        judge=judge,
        depth=depth or own.deepest,
        landmarks=judge.groups,
        distractors=int((index.labels < 0).sum()),
    )


def of_truth(
    index: ScoredIndex,
    file: Path,
    data: Sequence[str],
    depth: int | None,
    *,
    may_ask_with_parts: bool,
) -> Questions:
    """A file names who asks, and what answers them.

    Args:
        index: See ``of_landmarks``; likewise ``data`` and ``depth``.
        file: See ``answered.read_truth``.
        data: Data sets of those that ask.
        depth: Places that count.
        may_ask_with_parts: Whether parts of photographs, which are described here, may ask.

    Raises:
        FileNotFoundError: If the file or a photograph is missing, or the model has not described a
            data set.
        ValueError: If the file is none that is known, the index or the data sets lack a photograph
            that it names, its protocol cannot be cut to the depth, or parts may not ask.
    """
    truths = answered.read_truth(file)
    queries = next(iter(truths.values())).queries
    if not may_ask_with_parts and any(query.box is not None for query in queries):
        raise ValueError(
            f"{file} has queries that are parts of photographs, which --fuse and --verify cannot "
            "do yet; leave them out."
        )
    judge = answered.judge_of(truths, index)
    if is_whole := isinstance(judge, Revisited):
        _require_whole(index, depth, "Revisited Oxford and Paris rank the whole collection")
    elif isinstance(judge, LandmarksRetrieval) and (depth or MOST) < MOST:
        _require_whole(index, depth, f"Google Landmarks v2 counts the first {MOST} places")
    counting = None if is_whole else _depth(index, depth)
    if isinstance(judge, SimilarPairs):
        judge = dataclasses.replace(judge, depth=counting)
    own, metadata = asking.by_name(index, queries, data, str(file))
    named = np.union1d(judge.named, own.keys[own.keys >= 0])
    return Questions(
        asking=own,
        metadata=metadata,
        judge=judge,
        depth=counting or own.deepest,
        landmarks=None,
        distractors=len(index.collection) - len(named),
    )


def _require_whole(index: ScoredIndex, depth: int | None, why: str) -> None:
    if depth is not None and depth < len(index.collection) - 1:
        raise ValueError(f"{why}; leave --depth out. Received: --depth={depth}.")


def _depth(index: ScoredIndex, depth: int | None) -> int | None:
    """To how many places rankings are cut; None for not."""
    photographs = len(index.collection)
    if depth is None and photographs > WHOLE:
        logger.info(
            "Of each ranking the first %d places count, as there are %d photographs; --depth=N "
            "for another number.",
            CUT,
            photographs,
        )
        return CUT
    return depth if (depth or photographs) < photographs - 1 else None
