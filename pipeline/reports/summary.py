"""All results in one table, and the commands that make them again."""

from collections.abc import Sequence
from typing import Any

from pipeline.markdown import count, score
from pipeline.reports.elements import (
    Html,
    breakable,
    command,
    element,
    joined,
    paragraph,
    section,
    table,
)
from pipeline.reports.given import Given

_MAIN = ("mAP", "mAP@10", "mAP@100", "recall@1")
_UNKNOWN = "-"


def summary(results: Sequence[Given]) -> Html:
    """The table, the protocols and the commands."""
    names = _score_names(results)
    header = (
        *("result", *names, "queries", "landmarks", "distractors", "photographs"),
        *("queries learned from", "landmarks learned from", "ms a query", "index size"),
    )
    rows = [
        (
            element("a", breakable(one.name), href=f"#result-{number}"),
            *(score_of(one.told, name) for name in names),
            *(count(one.told.get(name)) for name in ("queries", "landmarks", "distractors")),
            count(one.told.get("photographs")),
            *(_learned(one.told, name) for name in ("queries", "landmarks")),
            milliseconds_of(one),
            size(one.described.get("bytes")),
        )
        for number, one in enumerate(results, start=1)
    ]
    protocols = dict.fromkeys(one.told["protocol"] for one in results)
    commands = [
        joined([element("dt", breakable(one.name)), element("dd", command(one.told["command"]))])
        for one in results
    ]
    return section(
        "Summary",
        table(header, rows, label="Scores of all results"),
        paragraph(
            "In brackets the 95 % interval, landmarks drawn with replacement. Milliseconds are of "
            "the whole query where results are reordered, else of a search of the index alone."
        ),
        *(paragraph(f"Protocol: {protocol}.") for protocol in protocols),
        element("h3", "Commands that make these results again"),
        element("dl", *commands),
        name="summary",
    )


def _score_names(results: Sequence[Given]) -> list[str]:
    """Of all results; where there are the usual ones, those that tell most."""
    names = dict.fromkeys(name for one in results for name in one.told["scores"])
    return [name for name in names if name in _MAIN] if "mAP" in names else list(names)


def score_of(told: dict[str, Any], name: str) -> str:
    """A score and its interval."""
    if name not in told["scores"]:
        return _UNKNOWN
    low, high = told["intervals"][name]
    return f"{score(told['scores'][name])} ({score(low)} to {score(high)})"


def milliseconds_of(one: Given) -> str:
    """Of a query."""
    return _UNKNOWN if one.milliseconds is None else f"{one.milliseconds:.3g}"


def size(number: int | None) -> str:
    """Bytes, with their unit."""
    if number is None:
        return _UNKNOWN
    units = [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")]
    for factor, unit in units:
        if number >= factor:
            return f"{number / factor:.3g} {unit}"
    return f"{number} B"


def _learned(told: dict[str, Any], what: str) -> str:
    known = told.get(f"{what}_trained_on")
    return "not known" if known is None else count(known)
