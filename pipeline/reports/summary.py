"""All results in one table, and the commands that make them again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
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
    """A table for every protocol, as its scores compare with no other's; and the commands."""
    numbers = {one.path: number for number, one in enumerate(results, start=1)}
    tables = []
    for protocol in dict.fromkeys(one.told["protocol"] for one in results):
        alike = [one for one in results if one.told["protocol"] == protocol]
        tables += [paragraph(f"Protocol: {protocol}."), _table(alike, numbers)]
    commands = [
        joined([element("dt", breakable(one.name)), element("dd", command(one.told["command"]))])
        for one in results
    ]
    return section(
        "Summary",
        *tables,
        paragraph(
            "In brackets the 95 % interval, landmarks drawn with replacement. Milliseconds are of "
            "the whole query where results are reordered, else of a search of the index alone."
        ),
        element("h3", "Commands that make these results again"),
        element("dl", *commands),
        name="summary",
    )


def _table(results: Sequence[Given], numbers: Mapping[Path, int]) -> Html:
    names = _score_names(results)
    counts = ("queries", "landmarks", "photographs", "distractors")
    header = (
        *("result", *names, "ms a query", "index size", *counts),
        *("queries learned from", "landmarks learned from"),
    )
    rows = [
        (
            element("a", breakable(one.name), href=f"#result-{numbers[one.path]}"),
            *(score_of(one.told, name) for name in names),
            milliseconds_of(one),
            size(one.described.get("bytes")),
            *(count(one.told.get(name)) for name in counts),
            *(_learned(one.told, name) for name in ("queries", "landmarks")),
        )
        for one in results
    ]
    return table(header, rows, label=f"Scores by this protocol: {results[0].told['protocol']}")


def _score_names(results: Sequence[Given]) -> list[str]:
    """Of them all; where there are the usual ones, those that tell most."""
    names = dict.fromkeys(name for one in results for name in one.told["scores"])
    return [name for name in names if name in _MAIN] if "mAP" in names else list(names)


def score_of(told: dict[str, Any], name: str) -> str:
    """A score and its interval, where it has one: a median has none."""
    found = score(told["scores"].get(name))
    if name not in told["intervals"]:
        return found
    low, high = told["intervals"][name]
    return f"{found} ({score(low)} to {score(high)})"


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
