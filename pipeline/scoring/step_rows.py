"""What a table of steps tells: what each scores, gains and takes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from pipeline.scoring import lists

_MAIN = ("mAP", "mAP@100", "recall@1")


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepRow:
    """One step, with those before it.

    Attributes:
        name: Of the step.
        scores: As many as were asked for.
        gain: In the first score, over the step before; None for the first step, and for what is
            none after those before it.
        milliseconds: A query; None where it was not timed.
        seconds: Once; None for nothing.
    """

    name: str
    scores: list[float]
    gain: float | None
    milliseconds: float | None
    seconds: float | None


def main_scores(steps: Sequence[dict[str, Any]]) -> list[str]:
    """Names of the scores that tell most, at most three."""
    there = list(steps[0]["scores"])
    return [name for name in _MAIN if name in there] or there[:3]


def step_rows(steps: Sequence[dict[str, Any]], names: Sequence[str]) -> list[StepRow]:
    """A row a step.

    Args:
        steps: As ``result.describe_step`` gives them. What ends with ``lists.SEEN`` is beside the
            others: it was not timed, and nothing gains over it.
        names: Of scores that every step has, the first of which is gained.
    """
    rows = []
    before: float | None = None
    for step in steps:
        scores = [step["scores"][name] for name in names]
        is_beside = step["step"].endswith(lists.SEEN)
        rows.append(
            StepRow(
                name=step["step"],
                scores=scores,
                gain=None if is_beside or before is None else scores[0] - before,
                milliseconds=None if is_beside else step["milliseconds"],
                seconds=step["seconds"] or None,
            )
        )
        before = before if is_beside else scores[0]
    return rows


def written(value: float | None, how: str) -> str:
    """A number as a format tells it, "" where there is none."""
    return "" if value is None else format(value, how)
