"""Results as files."""

import csv
import io
import json
from typing import Any

from demo.asking.query import Found
from pipeline.answer import Result

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(found: Found) -> str:
    """A line a result, the header first.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    text = io.StringIO()
    rows = [_row(result) for result in found.answer.results]
    writer = csv.DictWriter(text, list(_COLUMNS))
    writer.writeheader()
    writer.writerows([{name: _cell(value) for name, value in row.items()} for row in rows])
    return text.getvalue()


def as_json(found: Found) -> str:
    """The answer, what each step took, and the results."""
    recognition = found.answer.recognition
    told = {
        "method": found.method.name,
        "collection": found.method.collection,
        "recognition": recognition
        and {
            "landmark": recognition.landmark,
            "probability": recognition.probability,
            "is_confident": recognition.is_confident,
        },
        "milliseconds": {step.name: round(step.milliseconds, 2) for step in found.steps},
        "results": [_row(result) for result in found.answer.results],
    }
    return json.dumps(told, ensure_ascii=False)


_COLUMNS = (
    *("rank", "id", "similarity", "probability", "matches", "landmark", "title", "author"),
    *("license", "url", "date"),
)


def _row(result: Result) -> dict[str, Any]:
    found = result.photograph
    values = (
        *(result.rank, found.id, result.similarity, result.probability),
        None if result.verification is None else result.verification.inliers,
        *(found.landmark, found.title, found.author, found.license, found.url, found.date),
    )
    return dict(zip(_COLUMNS, values, strict=True))


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
