"""Recognises the landmarks of photographs, and scores the answers by Google Landmarks' solution.

    python -m pipeline.evaluate_recognition --index=exported/MODEL/indexes/train-ivf \
      --queries=test --solution=recognition_solution_v2.1.csv --submission=answers.csv

The index is of labelled photographs, ``--queries`` of test photographs that the same model has
described. Each has one answer: the landmark that the photographs most like it vote for, and how
probable it is; of an index that could not learn probabilities, the landmark of the most similar
photograph and that similarity. ``--submission`` writes the answers as the challenge took them. The
score, GAP, goes to ``exported/MODEL/metrics/``.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import command_line, manifest, model_folder
from pipeline.command_line import setting
from pipeline.exporting import model_card
from pipeline.progress import logger, progress_bar
from pipeline.recognition.votes import VOTERS, Rules, rules_of
from pipeline.scoring import asking, google_landmarks, overlap, result
from pipeline.scoring.asking import Asking
from pipeline.scoring.google_landmarks import RecognitionTruth
from pipeline.scoring.landmark_submissions import Prediction, write_recognition_submission
from pipeline.scoring.scored_index import ScoredIndex

_QUERIES_AT_A_TIME = 256
_ANY_PRECISION = 0.5  # every answer counts, however sure
_VOTES = "; answers by calibrated votes of the first ten"
_NEAREST = "; answers by the most similar photograph, the index having learned no probabilities"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which index, whose photographs, and where the answers go."""

    index: Path = setting(
        "Folder of an index of labelled photographs, exported/MODEL/indexes/NAME."
    )
    queries: tuple[str, ...] = setting(
        "Data sets of the photographs to recognise, comma-separated, that the model has described."
    )
    solution: Path | None = setting(
        "Google Landmarks' recognition_solution_v2.1.csv, to score the answers.", default=None
    )
    submission: Path | None = setting("CSV file to write the answers to.", default=None)

    def __post_init__(self) -> None:
        """Checks that there is something to do."""
        if self.solution is None and self.submission is None:
            raise ValueError("Pass --solution=FILE to score the answers, or --submission=FILE.")
        if not all(self.queries) or not self.queries:
            raise ValueError(f"--queries names data sets. Received: {','.join(self.queries)!r}.")


def evaluate_recognition(settings: Settings) -> Path | None:
    """Recognises every photograph, writes and scores the answers.

    Returns:
        The result's file; None where there is no solution to score by.

    Raises:
        FileNotFoundError: If the index, the descriptions or the solution are missing.
        ValueError: If they are of different models, the index knows no landmark, or the solution
            is of other photographs.
    """
    index = ScoredIndex.open(settings.index)
    _require_one_numbering(index)
    solution = None
    if settings.solution is not None:
        solution = google_landmarks.read_recognition_solution(settings.solution)
        _require_same_numbering(index, solution)
    asked = asking.described(index, settings.queries).metadata
    own = asking.of_contents(index, asked["content"], settings.queries)
    rules = rules_of(index.collection.manifest.get("recognition"))
    ids = asked["id"].to_pylist()
    answers = dict(zip(ids, _answers(index, own, rules), strict=True))
    if settings.submission is not None:
        write_recognition_submission(settings.submission, answers.items())
    if solution is None:
        return None
    found = {one: answer for one, answer in answers.items() if answer is not None}
    scores = google_landmarks.score_recognition(found, solution)
    protocol = f"{settings.solution and settings.solution.name}: Google Landmarks v2's recognition"
    told = {
        "scores": scores,
        "intervals": {},
        "protocol": protocol + (_NEAREST if rules is None else _VOTES),
        "queries": len(solution.landmarks),
        "answered": len(found.keys() & solution.landmarks.keys()),
        "photographs": len(index.collection),
        "landmarks": len(np.unique(index.labels[index.labels >= 0])),
        "distractors": int((index.labels < 0).sum()),
        "index": result.describe_index(index),
        "command": result.command("evaluate_recognition", settings),
        **overlap.with_training(index, asked),
    }
    names = (Path(one).name for one in settings.queries)
    name = "-".join((settings.index.resolve().name, "recognition", *names))
    output = index.model / model_folder.METRICS / f"{name}.json"
    manifest.write_json(output, told)
    model_card.write_card(index.model)
    return output


def _require_one_numbering(index: ScoredIndex) -> None:
    """Numbers of landmarks are those of one data set, the first; others' are kept apart from it."""
    is_labelled = index.labels >= 0
    data = np.array(index.stored.metadata["data"].to_pylist())
    labelled = np.unique(data[is_labelled])
    if not len(labelled):
        raise ValueError(f"{index.folder} knows no landmark of any photograph.")
    first = index.collection.manifest["data"][0]
    if list(labelled) != [Path(first).name]:
        raise ValueError(
            f"{index.folder} has labelled photographs of {', '.join(labelled)}, each of which "
            "numbers landmarks its own way; answers are numbers, so build an index whose first "
            "data set alone is labelled."
        )


def _require_same_numbering(index: ScoredIndex, solution: RecognitionTruth) -> None:
    known = np.unique(index.labels[index.labels >= 0])
    asked = {landmark for shown in solution.landmarks.values() for landmark in shown}
    there = len(asked.intersection(known.tolist()))
    if not there:
        raise ValueError(
            f"None of the {len(asked)} landmarks of {solution.file} has a number that "
            f"{index.folder} knows; index the photographs whose numbers these are, Google "
            "Landmarks' train."
        )
    logger.info("%d of the solution's %d landmarks are in %s.", there, len(asked), index.folder)


def _answers(index: ScoredIndex, own: Asking, rules: Rules | None) -> Iterator[Prediction | None]:
    """Of every photograph; None where nothing of a known landmark is found."""
    labels = index.by_key(index.labels, -1)
    depth = min(VOTERS + 1, len(index.collection))
    start = 0
    with progress_bar("Recognising", unit="photographs", total=len(own.keys)) as bar:
        for block in own.blocks():
            for first in range(0, len(block), _QUERIES_AT_A_TIME):
                vectors: Any = block[first : first + _QUERIES_AT_A_TIME]
                similarities, keys = index.collection.search(vectors, depth)
                itself = own.keys[start : start + len(keys), None]
                is_other = (keys >= 0) & (keys != itself)
                for row, is_there in enumerate(is_other):
                    places = np.flatnonzero(is_there)[:VOTERS]
                    yield _answer(similarities[row, places], labels[keys[row, places]], rules)
                start += len(keys)
                bar.update(len(keys))


def _answer(similarities: np.ndarray, labels: np.ndarray, rules: Rules | None) -> Prediction | None:
    is_known = labels >= 0
    if not is_known.any():
        return None
    if rules is None:
        best = int(np.argmax(is_known))
        return Prediction(landmark=int(labels[best]), score=float(similarities[best]))
    found = rules.recognise(similarities, labels, _ANY_PRECISION)
    return Prediction(landmark=found.label, score=found.probability)


def main(settings: Settings) -> None:
    """Recognises the photographs and prints the score."""
    output = evaluate_recognition(settings)
    if settings.submission is not None:
        print(f"Answers: {settings.submission}")
    if output is not None:
        told = manifest.read_json(output, "python -m pipeline.evaluate_recognition")
        print(f"{told['answered']} of {told['queries']} photographs answered")
        print(result.scores_of(told))
        print(f"Result: {output}")


if __name__ == "__main__":
    command_line.run(main, Settings)
