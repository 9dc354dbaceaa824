"""Comparisons in a report: what methods by indexes find and cost, and what makes each row."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.markdown import count
from pipeline.reports.elements import (
    Html,
    breakable,
    command,
    details,
    element,
    joined,
    paragraph,
    section,
    table,
)
from pipeline.reports.tables import comparison_rows

_SCORES = ("mAP", "mAP@100", "recall@1")
_COUNTED = ("photographs", "landmarks", "distractors")


def comparisons_section(compared: Mapping[Path, Mapping[str, Any]]) -> Html:
    """A table for every comparison, by the files they are of; nothing of none."""
    if not compared:
        return Html()
    parts = [_comparison(path, told) for path, told in compared.items()]
    return section("Methods compared", *parts, name="methods")


def _comparison(path: Path, told: Mapping[str, Any]) -> Html:
    name = path.resolve().parent.name
    columns = [one for one in _SCORES if all(one in row["scores"] for row in told["rows"])]
    header, rows = comparison_rows(str(path), told, columns)
    counts = ", ".join(f"{count(told[what])} {what}" for what in _COUNTED if what in told)
    lines = [tuple(map(breakable, cells[:1])) + cells[1:] for cells, _ in rows]
    commands = _commands([(f"{cells[0]}, {cells[1]}", made_by) for cells, made_by in rows])
    return joined(
        [
            element("h3", breakable(name)),
            paragraph(f"{counts}. In brackets the 95 % interval. Times are of one at a time."),
            table(header, lines, label=f"Methods compared on {name}", texts=3),
            *(paragraph(f"{what} was not made: {why}") for what, why in told["missing"].items()),
            command(told["command"]),
            details("Commands of the rows", commands),
        ]
    )


def _commands(rows: Sequence[tuple[str, str]]) -> Html:
    told = [
        joined([element("dt", breakable(name)), element("dd", command(line))])
        for name, line in rows
    ]
    return element("dl", *told)
