"""Tables in Markdown, made of results."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.comparing.row import as_row, learned_from, pixels
from pipeline.markdown import table
from pipeline.scoring.step_rows import step_rows, written

# What ``evaluate`` wrote, by the name that a page calls it, MODEL/RESULT.
Results = Mapping[str, Mapping[str, Any]]

_STEP_SCORES = ("mAP", "mAP@100", "recall@1")


def scores_table(results: Results, columns: Sequence[str]) -> str:
    """A row a result: model, index, scores, the first with its interval, and the command.

    Args:
        results: In their order.
        columns: Names of scores, at least one.

    Raises:
        ValueError: If a result has no such score.
    """
    rows = []
    for name, told in results.items():
        scores = _of(name, told["scores"], columns)
        rows.append(
            (
                name.split("/")[0],
                " ".join([told["index"]["kind"], *_flags(told["command"])]),
                short(scores[0]) + _interval(told, columns[0]),
                *map(short, scores[1:]),
                f"`{told['command']}`",
            )
        )
    return table(("model", "index", *columns, "made by"), rows)


def steps_table(results: Results, columns: Sequence[str]) -> str:
    """A row a step of each result: scores, what the step gains and takes; then the commands.

    Args:
        results: Of one, or of several, one after the other.
        columns: Names of scores, the first of which is what steps gain.

    Raises:
        ValueError: If a result has no steps or no such score.
    """
    wanted = columns or _STEP_SCORES
    rows: list[Sequence[str]] = []
    for name, told in results.items():
        if "steps" not in told:
            raise ValueError(f"{name} has no steps: nothing reordered it.")
        for step in told["steps"]:
            _of(name, step["scores"], wanted)
        for row in step_rows(told["steps"], wanted):
            rows.append(
                (
                    name.split("/")[0],
                    row.name,
                    *map(short, row.scores),
                    written(row.gain, "+.3f").replace("0.", "."),
                    written(row.milliseconds, ".1f"),
                    written(row.seconds, ".1f"),
                )
            )
    header = ("model", "step", *wanted, f"gain in {wanted[0]}", "ms a query", "s once")
    commands = "\n".join(told["command"] for told in results.values())
    return f"{table(header, rows)}\n\n```sh\n{commands}\n```"


def comparison_table(results: Results, columns: Sequence[str]) -> str:
    """A row a method and index of a comparison, best first, what it costs, and the command.

    Args:
        results: What ``pipeline.compare`` wrote; of several, one table after the other.
        columns: Names of scores.

    Raises:
        ValueError: If a row has no such score.
    """
    parts = []
    for name, told in results.items():
        header, rows = comparison_rows(name, told, columns)
        lines = [(*cells, f"`{command}`") for cells, command in rows]
        parts.append(table((*header, "made by"), lines))
        parts += [f"`{one}` was not made: {reason}" for one, reason in told["missing"].items()]
        parts.append(f"```sh\n{told['command']}\n```")
    return "\n\n".join(parts)


def comparison_rows(
    name: str, told: Mapping[str, Any], columns: Sequence[str]
) -> tuple[tuple[str, ...], list[tuple[tuple[str, ...], str]]]:
    """The header and the cells of a comparison, and beside each row the command that makes it.

    Args:
        name: What it is called, for errors.
        told: What ``pipeline.compare`` wrote.
        columns: Names of scores, the first with its interval.

    Raises:
        ValueError: If a row has no such score, or an earlier version wrote it.
    """
    costs = ("numbers", "bytes", "extract ms", "query ms", "build s", "learned from")
    header = ("method", "index", "weights", "px", *columns, *costs)
    rows = []
    for one in told["rows"]:
        row = as_row(one, name)
        scores = _of(name, row.scores, columns)
        cells = (
            *(row.method, row.index, row.start, pixels(row)),
            short(scores[0]) + _interval(one, columns[0]),
            *map(short, scores[1:]),
            f"{row.dimension:,}",
            f"{row.bytes:,.0f}",
            f"{row.extraction_milliseconds:.0f}",
            f"{row.query_milliseconds:.2f}",
            f"{row.build_seconds:.1f}",
            learned_from(row),
        )
        rows.append((cells, row.command))
    return header, rows


MAKERS: dict[str, Callable[[Results, Sequence[str]], str]] = {
    "scores": scores_table,
    "steps": steps_table,
    "comparison": comparison_table,
}


def short(score: float) -> str:
    """A share of 1 with three digits, ``.797``."""
    return f"{score:.3f}".removeprefix("0")


def _interval(told: Mapping[str, Any], name: str) -> str:
    if name not in told.get("intervals", {}):
        return ""
    low, high = told["intervals"][name]
    return f" ({short(low)} to {short(high)})"


def _of(name: str, scores: Mapping[str, float], columns: Sequence[str]) -> list[float]:
    unknown = [column for column in columns if column not in scores]
    if unknown:
        raise ValueError(f"{name} has no {', '.join(unknown)}. Received: {', '.join(scores)}.")
    return [scores[column] for column in columns]


def _flags(command: str) -> list[str]:
    """What a command says besides the index."""
    words = shlex.split(command)[3:]
    return [f"`{word}`" for word in words if not word.startswith("--index=")]
