"""Answers to Google Landmarks' challenges, as the files that they took.

Retrieval: ``id,images``, the images' ids parted by spaces, best first. Recognition:
``id,landmarks``, a landmark and its score, parted by a space. Nothing stands where there is no
answer. https://www.kaggle.com/c/landmark-retrieval-2019, .../landmark-recognition-2019.
"""

import csv
import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pipeline import manifest
from pipeline.scoring.csv_rows import read_rows

MOST = 100  # photographs of an answer that are scored
_RETRIEVAL = ("id", "images")
_RECOGNITION = ("id", "landmarks")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prediction:
    """A landmark that a photograph shows, and how sure that is: the higher the surer."""

    landmark: int
    score: float


def write_retrieval_submission(path: Path, answers: Iterable[tuple[str, Sequence[str]]]) -> None:
    """Writes queries with the ids of what they find, best first; of each the first hundred.

    Raises:
        ValueError: If an id has a space, or a query is there twice.
    """
    _write(path, _RETRIEVAL, ((query, " ".join(_ids(found))) for query, found in answers))


def write_recognition_submission(
    path: Path, predictions: Iterable[tuple[str, Prediction | None]]
) -> None:
    """Writes photographs with the landmark that each shows; None where it shows none.

    Raises:
        ValueError: If a score is not finite, or a photograph is there twice.
    """
    _write(path, _RECOGNITION, ((name, _text(name, one)) for name, one in predictions))


def read_retrieval_submission(path: Path) -> dict[str, tuple[str, ...]]:
    """Reads what ``write_retrieval_submission`` writes, by the query's id.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file, or a query is there twice.
    """
    return {query: tuple(images.split()) for _, query, images in _read(path, _RETRIEVAL)}


def read_recognition_submission(path: Path) -> dict[str, Prediction]:
    """Reads what ``write_recognition_submission`` writes; photographs without a landmark are not.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another file, a photograph is there twice or has more than one
            landmark, or a score is no finite number.
    """
    found = {}
    for line, photograph, text in _read(path, _RECOGNITION):
        if parts := text.split():
            try:
                landmark, score = parts
                found[photograph] = Prediction(landmark=int(landmark), score=_finite(score))
            except ValueError as error:
                raise ValueError(
                    f"{path}, line {line}: expected one landmark, a number, and its score. "
                    f"Received: {text!r}."
                ) from error
    return found


def _finite(text: str) -> float:
    score = float(text)
    if not math.isfinite(score):
        raise ValueError(f"{text} is not finite.")
    return score


def _ids(found: Sequence[str]) -> Iterator[str]:
    for one in found[:MOST]:
        if not one or one.split() != [one]:
            raise ValueError(f"Ids are parted by spaces and can have none. Received: {one!r}.")
        yield one


def _text(photograph: str, one: Prediction | None) -> str:
    if one is None:
        return ""
    if not math.isfinite(one.score):
        raise ValueError(f"The score of {photograph} is no finite number: {one.score}.")
    return f"{one.landmark} {float(one.score)!r}"


def _write(path: Path, header: Sequence[str], rows: Iterable[tuple[str, str]]) -> None:
    def write(part: Path) -> None:
        seen: set[str] = set()
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            for name, text in rows:
                if name in seen:
                    raise ValueError(f"{name!r} is answered twice.")
                seen.add(name)
                writer.writerow((name, text))

    manifest.write_atomically(path, write)


def _read(path: Path, header: Sequence[str]) -> Iterator[tuple[int, str, str]]:
    seen: dict[str, int] = {}
    for line, (name, text) in read_rows(path, header, "answers to a challenge"):
        if name in seen:
            raise ValueError(f"{path}, line {line}: {name!r} is in line {seen[name]}, too.")
        seen[name] = line
        yield line, name, text
