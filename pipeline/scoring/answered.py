"""Protocols whose files name what answers every query."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.progress import logger
from pipeline.scoring import curve, google_landmarks, metrics, revisited
from pipeline.scoring.google_landmarks import read_retrieval_solution
from pipeline.scoring.ground_truth import Answers, GroundTruth, Query, relevance
from pipeline.scoring.pairs_file import read_pairs
from pipeline.scoring.scored_index import ScoredIndex

_MAIN_LEVEL = "medium"  # the one that papers compare by
_PICKLE = ".pkl"
_ONE_BY_ONE = "; intervals draw queries one by one"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Answered:
    """What answers queries, as keys of a collection.

    Attributes:
        protocol: In words.
        queries: Whoever asks.
        levels: What answers each of them, by level; of one level where a protocol has none.
    """

    protocol: str
    queries: tuple[Query, ...]
    levels: Mapping[str, Sequence[Answers]]

    @property
    def groups(self) -> np.ndarray:
        """Every query stands for itself: the files tell no landmarks."""
        return np.arange(len(self.queries))

    @property
    def named(self) -> np.ndarray:
        """Keys of what answers or is junk or left out, of any query, int64 ``(n,)``."""
        every = [one for answers in self.levels.values() for one in answers]
        return np.unique(
            np.concatenate([part for one in every for part in (one.positives, one.junk)])
        )

    def counted(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """See ``Judge``; at the main level, without junk."""
        found = np.full_like(keys, -1)
        for row, (query, ranking) in enumerate(zip(queries.tolist(), keys, strict=True)):
            kept = ranking[~np.isin(ranking, self._answers[query].junk)]
            found[row, : len(kept)] = kept
        return found

    def is_right(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """See ``Judge``; at the main level, junk counting as wrong."""
        return np.stack(
            [
                np.isin(found, self._answers[query].positives)
                for query, found in zip(queries.tolist(), keys, strict=True)
            ]
        )

    def precisions(self, queries: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """See ``Judge``; at the main level, junk taken out."""
        recalls = np.array(curve.RECALLS)
        found = np.full((len(queries), len(recalls)), np.nan)
        for row, (query, ranking) in enumerate(zip(queries.tolist(), keys, strict=True)):
            one = self._answers[query]
            if total := len(one.positives):
                relevant = relevance(ranking[ranking >= 0], one.positives, one.junk)
                found[row] = metrics.precision_at_recall(relevant[None], np.array([total]), recalls)
        return found

    @property
    def _answers(self) -> Sequence[Answers]:
        """At the main level."""
        return self.levels.get(_MAIN_LEVEL) or next(iter(self.levels.values()))


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimilarPairs(_Answered):
    """Pairs of similar photographs; scores are those of ``metrics.of_queries``.

    Attributes:
        depth: Places that rankings are cut to; None for not.
    """

    depth: int | None = None

    @property
    def names(self) -> list[str]:
        """See ``metrics.names``."""
        return metrics.names(self.depth)

    def scores(self, queries: np.ndarray, keys: np.ndarray) -> dict[str, np.ndarray]:
        """See ``Judge``."""
        (answers,) = self.levels.values()
        found = []
        for query, ranking in zip(queries.tolist(), keys, strict=True):
            one = answers[query]
            relevant = relevance(ranking[ranking >= 0], one.positives, one.junk)
            found.append(
                metrics.of_queries(relevant[None], np.array([len(one.positives)]), self.depth)
            )
        return {name: np.concatenate([one[name] for one in found]) for name in self.names}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Revisited(_Answered):
    """Revisited Oxford or Paris: mAP and mP@k of whole rankings, each easy, medium and hard."""

    @property
    def names(self) -> list[str]:
        """The medium ones first, by which papers compare."""
        levels = sorted(self.levels, key=lambda level: level != _MAIN_LEVEL)
        scores = ["mAP", *(f"mP@{k}" for k in revisited.PRECISION_AT)]
        return [f"{score} {level}" for level in levels for score in scores]

    def scores(self, queries: np.ndarray, keys: np.ndarray) -> dict[str, np.ndarray]:
        """See ``Judge``."""
        found = {name: np.full(len(queries), np.nan) for name in self.names}
        for row, (query, ranking) in enumerate(zip(queries.tolist(), keys, strict=True)):
            for level, answers in self.levels.items():
                one = answers[query]
                told = revisited.query_scores(ranking[ranking >= 0], one.positives, one.junk)
                for score, value in (told or {}).items():
                    found[f"{score} {level}"][row] = value
        return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class LandmarksRetrieval(_Answered):
    """Google Landmarks v2's retrieval: mAP@100 over all queries and over those of each part."""

    @property
    def names(self) -> list[str]:
        """Of all, then of the parts that have queries."""
        parts = {query.part for query in self.queries}
        score = google_landmarks.RETRIEVAL_SCORE
        return [score, *(f"{score} {part}" for part in google_landmarks.PARTS if part in parts)]

    def scores(self, queries: np.ndarray, keys: np.ndarray) -> dict[str, np.ndarray]:
        """See ``Judge``."""
        (answers,) = self.levels.values()
        found = {name: np.full(len(queries), np.nan) for name in self.names}
        score = google_landmarks.RETRIEVAL_SCORE
        for row, (query, ranking) in enumerate(zip(queries.tolist(), keys, strict=True)):
            value = google_landmarks.average_precision(
                ranking[ranking >= 0], answers[query].positives
            )
            found[score][row] = found[f"{score} {self.queries[query].part}"][row] = value
        return found


AnsweredJudge = SimilarPairs | Revisited | LandmarksRetrieval


def read_truth(path: Path) -> dict[str, GroundTruth]:
    """Reads a ground truth of any of the protocols, by level; "" where it has none.

    Args:
        path: ``gnd_roxford5k.pkl`` and its like; Google Landmarks' retrieval solution; or a CSV
            file of ``query,similar``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, of no known protocol, or contradicts itself.
    """
    if path.suffix == _PICKLE:
        return revisited.read_ground_truths(path)
    if not path.is_file():
        raise FileNotFoundError(f"--ground_truth={path} is no file.")
    with path.open("rb") as file:
        is_solution = b"Usage" in file.readline()
    if is_solution:
        return {"": read_retrieval_solution(path)}
    return {"": read_pairs(path)}


def judge_of(truths: Mapping[str, GroundTruth], index: ScoredIndex) -> AnsweredJudge:
    """What is right by a ground truth.

    Args:
        truths: As ``read_truth`` gives them.
        index: That is asked.

    Returns:
        A level that answers no query, which it then has no score of, is left out and logged.

    Raises:
        ValueError: If the index lacks a photograph that the file names, or none answers a query.
    """
    metadata = index.stored.metadata
    names = metadata["id"].to_pylist(), metadata["title"].to_pylist()
    levels = {
        level: [
            Answers(positives=index.keys[one.positives], junk=index.keys[one.junk])
            for one in truth.locate(*names)
        ]
        for level, truth in truths.items()
    }
    truth = next(iter(truths.values()))
    levels = _answering(levels, truth.file)
    told: dict[str, Any] = {"queries": truth.queries, "levels": levels}
    file = Path(truth.file.partition(", ")[0]).name
    if "" not in truths:
        return Revisited(protocol=f"{file}: Revisited Oxford and Paris{_ONE_BY_ONE}", **told)
    if truth.left_out == "nothing":
        protocol = f"{file}: Google Landmarks v2's retrieval, the first 100 places{_ONE_BY_ONE}"
        return LandmarksRetrieval(protocol=protocol, **told)
    protocol = f"{file}: each query asks the rest of the collection; what it names is similar"
    return SimilarPairs(protocol=protocol + _ONE_BY_ONE, **told)


def _answering(levels: Mapping[str, list[Answers]], file: str) -> dict[str, list[Answers]]:
    """The levels at which a query has something to find."""
    found = {
        level: answers
        for level, answers in levels.items()
        if any(len(one.positives) for one in answers)
    }
    if not found:
        raise ValueError(f"{file}: no query has anything to find, so that there is no score.")
    for level in levels.keys() - found:
        logger.warning("%s: no query has anything to find that is %s; no score is.", file, level)
    return found
