"""Conditions on what is known of a photograph, which a search may be limited by.

Written as ``COLUMN OPERATOR VALUES``: ``landmark=Pont du Gard``, ``license=CC0|CC BY 4.0``,
``author!=``, ``landmark~gard``, ``label>=0``. Values of text compare letter by letter, so that
dates written year first compare as dates: ``date>=2015-08-03``. Empty text, which stands for
unknown, is within no bound.
"""

import dataclasses
import functools
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Operator = Literal["!=", ">=", "<=", "=", "~"]
_OPERATORS: tuple[str, ...] = get_args(Operator)
_WRITTEN = re.compile(rf"(\w+)({'|'.join(_OPERATORS)})(.*)", re.DOTALL)
_OR = "|"


@dataclasses.dataclass(frozen=True)
class Condition:
    """What a column has to be.

    Attributes:
        column: Its name.
        operator: ``=`` (one of the values), ``!=`` (none of them), ``~`` (text that holds one of
            them, in upper or lower case), ``>=`` or ``<=`` (one value).
        values: At least one.

    Raises:
        ValueError: If ``>=`` or ``<=`` has several values.
    """

    column: str
    operator: Operator
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        """Checks that a bound is one value."""
        if self.operator in (">=", "<=") and len(self.values) != 1:
            raise ValueError(f"{self} has to name one value.")

    def __str__(self) -> str:
        return f"{self.column}{self.operator}{_OR.join(self.values)}"


def parse(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Reads conditions as they are written, all of which have to hold.

    Raises:
        ValueError: If one is none.
    """
    return tuple(map(_parse_one, texts))


def _parse_one(text: str) -> Condition:
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"A condition is a column, one of {' '.join(_OPERATORS)}, and values with {_OR} "
            f"between them, such as landmark=Pont du Gard|Le Capitole. Received: {text!r}."
        )
    column, written, values = match.groups()
    return Condition(column, written, tuple(values.split(_OR)))  # type: ignore[arg-type]


def holds(table: pa.Table, conditions: Sequence[Condition]) -> np.ndarray:
    """Which rows of a table satisfy all conditions, bool ``(rows,)``.

    Raises:
        ValueError: If there is no such column, or a value is no number where the column's are.
    """
    masks = (_holds(column_of(table.schema, one), table[one.column], one) for one in conditions)
    return functools.reduce(operator.and_, masks, np.ones(len(table), bool))


def column_of(schema: pa.Schema, condition: Condition) -> pa.Field:
    """The column that a condition is on.

    Raises:
        ValueError: If there is no such column, or it holds numbers and a value is none.
    """
    if condition.column not in schema.names:
        raise ValueError(
            f"{condition} is on no column of the collection, which has {', '.join(schema.names)}."
        )
    field = schema.field(condition.column)
    if pa.types.is_integer(field.type):
        if condition.operator == "~":
            raise ValueError(f"{condition}: {condition.column} holds numbers, which hold no text.")
        for value in condition.values:
            if re.fullmatch(r"-?\d+", value) is None:
                raise ValueError(f"{condition}: {condition.column} holds whole numbers.")
    return field


def _holds(field: pa.Field, column: pa.ChunkedArray, condition: Condition) -> np.ndarray:
    if condition.operator == "~":
        any_of = "|".join(map(re.escape, condition.values))
        found = pc.match_substring_regex(column, any_of, ignore_case=True)
    elif condition.operator in _BOUNDS:
        value = pa.scalar(condition.values[0]).cast(field.type)
        found = _BOUNDS[condition.operator](column, value)
        if pa.types.is_string(field.type):
            found = pc.and_(found, pc.not_equal(column, ""))
    else:
        found = pc.is_in(column, value_set=pa.array(condition.values).cast(field.type))
        if condition.operator == "!=":
            found = pc.invert(found)
    return found.to_numpy()


_BOUNDS: dict[str, Callable[[Any, Any], Any]] = {">=": pc.greater_equal, "<=": pc.less_equal}
