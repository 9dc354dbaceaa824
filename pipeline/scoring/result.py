"""A result as a file: scores, protocol, counts, and the command that makes it again."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import model_folder
from pipeline.scoring.query_scores import QueryScores
from pipeline.scoring.scored_index import ScoredIndex
from pipeline.scoring.step_rows import main_scores, step_rows, written
from pipeline.text_table import Side, format_table

_HAS_SEEN = "; augmented vectors of an index have taken in the queries themselves"


def describe_index(index: ScoredIndex) -> dict[str, Any]:
    """How an index was built, of which model, and what it took to build."""
    described = index.collection.manifest
    names = ("kind", "engine", "model_fingerprint", "augmentation")
    return {name: described[name] for name in names if described.get(name) is not None}


def protocol_of(protocol: str, indexes: Sequence[ScoredIndex]) -> str:
    """A protocol, and what indexes of augmented vectors add to it."""
    has_seen = any(one.collection.manifest.get("augmentation") for one in indexes)
    return protocol + _HAS_SEEN if has_seen else protocol


def describe_step(step: str, scores: QueryScores, seconds: float) -> dict[str, Any]:
    """What a step and those before it score, and what it takes: ms a query, seconds once."""
    return {
        "step": step,
        "scores": scores.means(),
        "milliseconds": scores.milliseconds,
        "seconds": seconds,
    }


def changed(settings: Any, *but: str) -> dict[str, Any]:
    """Settings that are not the defaults, but for some, by their flags; what has none first."""
    fields = sorted(
        dataclasses.fields(settings), key=lambda field: field.default is not dataclasses.MISSING
    )
    defaults = {field.name: field.default for field in fields}
    return {
        name: getattr(settings, name)
        for name, default in defaults.items()
        if name not in but and getattr(settings, name) != default
    }


def command(stage: str, settings: Any) -> str:
    """The command line of a stage with these settings, to be pasted."""
    flags = {
        name: ",".join(map(str, value)) if isinstance(value, tuple) else value
        for name, value in changed(settings).items()
    }
    told = (f"--{name}={value}" for name, value in flags.items())
    return shlex.join(["python", "-m", f"pipeline.{stage}", *told])


def name_of(settings: Any) -> str:
    """Of a result: the index's, and every setting that is not the default."""
    parts = [settings.index.resolve().name]
    for name, value in changed(settings, "index", "submission").items():
        if name == "fuse":
            folders = [Path(folder).resolve() for folder in value]
            names = (f"{model_folder.of_index(one).name}.{one.name}" for one in folders)
            parts.append("-".join((name, *names)))
        elif value is True:
            parts.append(name)
        elif isinstance(value, Path):
            parts.append(f"{name}-{value.resolve().name}")
        elif isinstance(value, tuple):
            parts.append("-".join((name, *(Path(one).name for one in value))))
        else:
            parts.append(f"{name}{value}")
    return "-".join(parts)


def scores_of(told: dict[str, Any]) -> str:
    """What a result says, as lines of text: scores, their intervals, what was learned from."""
    rows = [
        (
            name,
            _digits(name, score),
            " to ".join(_digits(name, end) for end in told["intervals"].get(name, ())),
        )
        for name, score in told["scores"].items()
    ]
    lines = [format_table({"": ">", "score": ">", "95 % interval": ">"}, rows)]
    if "against_exact" in told:
        exact, own = (told["against_exact"][way] for way in ("exact", "index"))
        lines.append(
            f"Of {told['against_exact']['queries']} queries, exact ranking against the index's: "
            + ", ".join(f"{name} {exact[name]:.3f} and {own[name]:.3f}" for name in exact)
        )
    lines.append(f"Learned from in training: {_learned(told)}")
    return "\n".join(lines)


def _digits(name: str, score: float) -> str:
    return f"{score:,.1f}" if name.endswith("rank") else f"{score:.3f}"


def _learned(told: dict[str, Any]) -> str:
    if told["queries_trained_on"] is None:
        return "not known, the model was trained elsewhere"
    counted = ("queries", "photographs", "landmarks")
    return ", ".join(
        _counted(told[f"{name}_trained_on"], told.get(name), name)
        for name in counted
        if f"{name}_trained_on" in told
    )


def _counted(learned: int | None, there: int | None, name: str) -> str:
    """Ground truths know how many queries there are, and of no landmarks."""
    if learned is None:
        return f"{name} not known"
    return f"{learned} {name}" if there is None else f"{learned} of {there} {name}"


def table_of(steps: Sequence[dict[str, Any]]) -> str:
    """Scores of every step as lines of text, the header first.

    Args:
        steps: As ``describe_step`` gives them.
    """
    names = main_scores(steps)
    rows = [
        (
            row.name,
            *(f"{score:.3f}" for score in row.scores),
            written(row.gain, "+.3f"),
            written(row.milliseconds, ".1f"),
            written(row.seconds, ".1f"),
        )
        for row in step_rows(steps, names)
    ]
    columns: dict[str, Side] = {"step": "<"}
    for title in (*names, f"gain in {names[0]}", "ms a query", "s once"):
        columns[title] = ">"
    return format_table(columns, rows)
