"""Values as programs and the page send them, read one way."""

import re
from collections.abc import Sequence
from typing import Any

from demo.refusals import Refused
from pipeline.query_photograph import Box

_SIDES = 4
_LONGEST_TEXT = 2000
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a letter, which JSON may hold and UTF-8 not
_WHOLE = re.compile(r"\s*[+-]?\d{1,12}\s*", re.ASCII)


def whole(value: Any, name: str) -> int:
    """A whole number of JSON, which may say 3.0.

    Raises:
        Refused: If it is none.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) < float("inf") or value != int(value):
        raise Refused(f"{name} takes whole numbers. Received: {str(value)[:40]!r}.")
    return int(value)


def whole_of(text: str, name: str) -> int:
    """A whole number of a form or a link.

    Raises:
        Refused: If it is none.
    """
    if _WHOLE.fullmatch(text) is None:
        raise Refused(f"{name} takes whole numbers. Received: {text[:40]!r}.")
    return int(text)


def text(value: Any, name: str) -> str:
    """A text of JSON or a form.

    Raises:
        Refused: If it is none, or too long.
    """
    is_text = isinstance(value, str) and len(value) <= _LONGEST_TEXT
    if not is_text or _SURROGATE.search(value):
        raise Refused(f"{name} takes text of at most {_LONGEST_TEXT} letters.")
    return str(value)


def switch(value: Any, name: str) -> bool:
    """A switch of JSON.

    Raises:
        Refused: If it is none.
    """
    if not isinstance(value, bool):
        raise Refused(f"{name} is true or false. Received: {str(value)[:40]!r}.")
    return value


def box(value: Any) -> Box | None:
    """A part of a photograph: four numbers, or a text of them; None of nothing.

    Raises:
        Refused: If it is none.
    """
    if value is None or value == "":
        return None
    sides = value.split(",") if isinstance(value, str) else value
    if not isinstance(sides, Sequence) or len(sides) != _SIDES:
        raise Refused(f"box is four whole numbers, x1,y1,x2,y2. Received: {str(value)[:40]!r}.")
    read = whole_of if isinstance(value, str) else whole
    x1, y1, x2, y2 = (read(side, "box, four whole numbers,") for side in sides)
    return x1, y1, x2, y2
