"""Google Landmarks v2: its solution files, and the scores of both challenges.

Weyand et al., 2020, https://arxiv.org/abs/2004.01804, section 5; as computed by
https://github.com/tensorflow/models/tree/master/research/delf, whose numbers these are. Files of
answers, as the challenges took them, are those of ``landmark_submissions``.
"""

import dataclasses
import math
import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

import numpy as np

from pipeline.scoring.csv_rows import read_rows
from pipeline.scoring.ground_truth import GroundTruth, Query
from pipeline.scoring.landmark_submissions import MOST, Prediction

PUBLISHED = "https://github.com/cvdfoundation/google-landmark"
RETRIEVAL_FILE = "retrieval_solution_v2.1.csv"
RECOGNITION_FILE = "recognition_solution_v2.1.csv"
RETRIEVAL_SCORE = "mAP@100"
RECOGNITION_SCORE = "GAP"
PARTS = ("Public", "Private")
_IGNORED = "Ignored"
_NO_IMAGES = "None"
_OTHER_VERSION = re.compile(r"_v(?!2\.1(?!\d))\d")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecognitionTruth:
    """Which landmarks photographs show.

    Attributes:
        file: That says so, for messages.
        landmarks: By the photograph's id; none of one that shows no landmark.
        parts: "Public" or "Private", by the photograph's id.
        ignored: Ids of photographs that are not scored.
    """

    file: str
    landmarks: Mapping[str, frozenset[int]]
    parts: Mapping[str, str]
    ignored: frozenset[str]


def read_retrieval_solution(path: Path) -> GroundTruth:
    """Reads which photographs of the index answer the test photographs.

    A query that is scored and has no answers, of which the published file has none, counts 0.

    Returns:
        The queries that are scored, each of the part "Public" or "Private".

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file, another version by its name, or contradicts itself.
    """
    queries, ignored = [], set()
    for query, images, usage in _rows(path, "images", RETRIEVAL_FILE):
        if usage == _IGNORED:
            ignored.add(query)
            continue
        positives = () if images == _NO_IMAGES else tuple(images.split())
        queries.append(Query(id=query, positives=positives, part=usage))
    return GroundTruth(
        file=str(path), queries=tuple(queries), left_out="nothing", ignored=frozenset(ignored)
    )


def read_recognition_solution(path: Path) -> RecognitionTruth:
    """Reads which landmarks the test photographs show.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file, another version by its name, scores no photograph of a
            landmark, or contradicts itself.
    """
    found: dict[str, frozenset[int]] = {}
    parts, ignored = {}, set()
    for photograph, landmarks, usage in _rows(path, "landmarks", RECOGNITION_FILE):
        if usage == _IGNORED:
            ignored.add(photograph)
            continue
        numbers = landmarks.split()
        if not all(number.isdecimal() for number in numbers):
            raise ValueError(
                f"{path}: landmarks are numbers. Received of {photograph}: {landmarks!r}."
            )
        found[photograph] = frozenset(map(int, numbers))
        parts[photograph] = usage
    if not any(found.values()):
        raise ValueError(f"{path} scores no photograph that shows a landmark.")
    return RecognitionTruth(
        file=str(path), landmarks=found, parts=parts, ignored=frozenset(ignored)
    )


def _rows(path: Path, column: str, expected: str) -> Iterator[tuple[str, str, str]]:
    """Id, answer and usage of every row of a solution, whose ids are each there once."""
    published = f"{expected} of {PUBLISHED}"
    if _OTHER_VERSION.search(path.stem):
        raise ValueError(
            f"{path} is of another version by its name, whose answers are others; name {published}."
        )
    seen: set[str] = set()
    for line, (photograph, answer, usage) in read_rows(path, ("id", column, "Usage"), published):
        if usage not in (*PARTS, _IGNORED):
            raise ValueError(
                f"{path}, line {line}: Usage is {', '.join(PARTS)} or {_IGNORED}, as in "
                f"{published}. Received: {usage!r}."
            )
        if photograph in seen:
            raise ValueError(f"{path}, line {line}: {photograph!r} is there twice.")
        seen.add(photograph)
        yield photograph, answer, usage


def average_precision(ranking: np.ndarray, positives: np.ndarray, k: int = MOST) -> float:
    """Average precision of the first places: ``sum P(i) rel(i) / min(relevant, k)``.

    Something that is ranked again keeps its place and does not count again.

    Args:
        ranking: Ids or rows ``(ranked,)``, best first.
        positives: What answers the query ``(n,)``, of the same kind, each once.
        k: Places that count.

    Returns:
        0 to 1; 0 where nothing answers the query.
    """
    if not len(positives):
        return 0.0
    ranking = ranking[:k]
    is_first = np.zeros(len(ranking), bool)
    is_first[np.unique(ranking, return_index=True)[1]] = True
    relevant = np.isin(ranking, positives) & is_first
    precision = np.cumsum(relevant) / np.arange(1, len(ranking) + 1)
    return float(precision[relevant].sum()) / min(len(positives), k)


def global_average_precision(
    predictions: Mapping[str, Prediction], landmarks: Mapping[str, frozenset[int]]
) -> float:
    """Average precision over all predictions together, also called micro-AP.

    ``sum P(i) rel(i) / M``, over predictions in the order of their scores, ``M`` being the
    photographs that show a landmark. What is predicted of a photograph that shows none is an
    error among the others. Equal scores are in the order of the photographs' ids; each has one
    prediction, so that landmarks need not decide. Perronnin et al., 2009,
    https://doi.org/10.1109/CVPR.2009.5206546.

    Args:
        predictions: By the photograph's id.
        landmarks: Of every photograph that is scored, by id; none where it shows none.

    Returns:
        0 to 1.

    Raises:
        ValueError: If no photograph shows a landmark, a prediction is of a photograph that is not
            there, or a score is not finite.
    """
    total = sum(map(bool, landmarks.values()))
    if not total:
        raise ValueError("No photograph that is scored shows a landmark.")
    _require_known(predictions, landmarks.keys(), "The solution")
    for photograph, one in predictions.items():
        if not math.isfinite(one.score):
            raise ValueError(f"The score of {photograph} is no finite number: {one.score}.")
    ranked = sorted(predictions.items(), key=lambda item: (-item[1].score, item[0]))
    relevant = np.array([one.landmark in landmarks[photograph] for photograph, one in ranked], bool)
    precision = np.cumsum(relevant) / np.arange(1, len(relevant) + 1)
    return float(precision[relevant].sum()) / total


def score_recognition(
    predictions: Mapping[str, Prediction], truth: RecognitionTruth
) -> dict[str, float]:
    """Scores predictions over all test photographs, then over those of each part.

    Args:
        predictions: By the photograph's id; those of photographs that the solution ignores are
            passed over.
        truth: What ``read_recognition_solution`` gives.

    Returns:
        ``GAP``, ``GAP Public`` and ``GAP Private``; no part without a photograph of a landmark.

    Raises:
        ValueError: As ``global_average_precision``.
    """
    _require_known(predictions, truth.landmarks.keys() | truth.ignored, truth.file)
    scores = {}
    for name, parts in ((RECOGNITION_SCORE, PARTS), *((f"GAP {one}", (one,)) for one in PARTS)):
        landmarks = {
            photograph: of_photograph
            for photograph, of_photograph in truth.landmarks.items()
            if truth.parts[photograph] in parts
        }
        if any(landmarks.values()):
            of_part = {name: one for name, one in predictions.items() if name in landmarks}
            scores[name] = global_average_precision(of_part, landmarks)
    return scores


def _require_known(answered: Mapping[str, object], known: Container[str], file: str) -> None:
    unknown = [photograph for photograph in answered if photograph not in known]
    if unknown:
        raise ValueError(
            f"{len(unknown)} of the {len(answered)} photographs that are answered are not in the "
            f"solution {file}, {unknown[0]!r} for one; these answers are of other photographs, or "
            "the solution is of another year."
        )
