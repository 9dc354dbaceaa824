"""A row of a comparison: a method with an index, how well it finds and what it costs."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import model_folder
from pipeline.descriptors import open_descriptor
from pipeline.index.collection import load_collection
from pipeline.index.measurement import median_milliseconds
from pipeline.text_table import Side, format_table

_TIMED_QUERIES = 20
SCORES = ("mAP", "mAP@10", "mAP@50", "mAP@100", "recall@1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """What a method does with an index.

    Attributes:
        method: Its name.
        index: Kind of the index.
        start: Where the network's weights came from, "" where there are none.
        scores: By name, as ``evaluate`` gives them, and their ``intervals``.
        queries_trained_on: Of the queries, those that the model learned from; None if unknown.
        landmarks_trained_on: Likewise, of their landmarks.
        image_size: Side of what the network sees, pixels; None for what is no network.
        dimension: Numbers a photograph is described by; of sparse ones, words.
        bytes: Of the index's file, a photograph; what it has once, as LSH's projections, included.
        extraction_milliseconds: From a photograph's bytes to its description, one at a time.
        query_milliseconds: From a description to ten results, one at a time.
        build_seconds: Of the index, of descriptions that are there.
        command: That makes the row again.
    """

    method: str
    index: str
    start: str
    scores: dict[str, float]
    intervals: dict[str, list[float]]
    queries_trained_on: int | None
    landmarks_trained_on: int | None
    image_size: int | None
    dimension: int
    bytes: float
    extraction_milliseconds: float
    query_milliseconds: float
    build_seconds: float
    command: str


def extraction_milliseconds(model: Path, encoded: Sequence[bytes]) -> float:
    """The median of describing photographs one at a time.

    Args:
        model: Folder of the model.
        encoded: Bytes of photographs; the first, which warms up, is not counted.
    """
    descriptor = open_descriptor(model)
    return median_milliseconds(
        [lambda one=one: descriptor.describe_files([one]) for one in encoded]  # type: ignore[misc]
    )


def costs_of(index: Path) -> dict[str, float]:
    """What an index costs: ``bytes`` a photograph, ``query_milliseconds``, ``build_seconds``."""
    collection = load_collection(index)
    keys = collection.keys()
    asking = keys[np.linspace(0, len(keys) - 1, _TIMED_QUERIES + 1).astype(int)]
    queries = [collection.vectors(asking[n : n + 1]) for n in range(len(asking))]
    if collection.metric == "cosine" and isinstance(queries[0], np.ndarray):  # codes' are not
        queries = [one / np.linalg.norm(one) for one in queries]
    k = min(10, len(collection))
    return {
        "bytes": collection.manifest["bytes"] / len(collection),
        "query_milliseconds": median_milliseconds(
            [lambda one=one: collection.search(one, k) for one in queries]  # type: ignore[misc]
        ),
        "build_seconds": collection.manifest["build_seconds"],
    }


def dimension_of(model: Path) -> int:
    """Numbers that a photograph is described by."""
    return int(model_folder.read_model_file(model)["dimension"])


def as_row(told: Mapping[str, Any], where: str) -> Row:
    """A row as a file tells it.

    Raises:
        ValueError: If an earlier version wrote it.
    """
    names = {field.name for field in dataclasses.fields(Row)}
    if told.keys() != names:
        differing = ", ".join(sorted(told.keys() ^ names))
        raise ValueError(
            f"{where} is of another version, which differs in {differing}; make the comparison "
            "again with `python -m pipeline.compare`."
        )
    return Row(**told)


def table_of(rows: Sequence[Row], missing: dict[str, str]) -> str:
    """The rows as text, best first, then what could not be made and why."""
    columns: dict[str, Side] = {"method": "<", "index": "<", "weights": "<", "px": ">"}
    for title in (*SCORES, "numbers", "bytes", "extract ms", "query ms", "build s"):
        columns[title] = ">"
    columns["learned from"] = "<"
    table = format_table(columns, [cells(row) for row in by_score(rows)])
    told = [f"{method} was not made: {reason}" for method, reason in missing.items()]
    return "\n".join([table, *told])


def by_score(rows: Sequence[Row]) -> list[Row]:
    """Best mAP first."""
    return sorted(rows, key=lambda row: -row.scores["mAP"])


def cells(row: Row) -> list[str]:
    """What the table tells of a row, but for its command."""
    main, *others = SCORES
    low, high = row.intervals[main]
    return [
        row.method,
        row.index,
        row.start,
        pixels(row),
        f"{row.scores[main]:.3f} ({low:.3f} to {high:.3f})",
        *(f"{row.scores[name]:.3f}" for name in others),
        f"{row.dimension:,}",
        f"{row.bytes:,.0f}",
        f"{row.extraction_milliseconds:.1f}",
        f"{row.query_milliseconds:.2f}",
        f"{row.build_seconds:.1f}",
        learned_from(row),
    ]


def pixels(row: Row) -> str:
    """The side of what the network sees, "" where there is none."""
    return "" if row.image_size is None else str(row.image_size)


def learned_from(row: Row) -> str:
    """How much of what asks the model has learned from, "" for nothing."""
    queries, landmarks = row.queries_trained_on, row.landmarks_trained_on
    if queries is None or landmarks is None:
        return "unknown"
    return f"{queries:,} queries, {landmarks:,} landmarks" if queries or landmarks else ""


def as_json(rows: Sequence[Row], missing: dict[str, str], **more: Any) -> dict[str, Any]:
    """A comparison as a file holds it."""
    return {
        **more,
        "rows": [dataclasses.asdict(row) for row in by_score(rows)],
        "missing": missing,
    }
