"""How Milvus writes which rows are meant, https://milvus.io/docs/boolean.md.

Templates with parameters are not used: Milvus Lite knows none.
"""

import re
from collections.abc import Iterable

import pyarrow as pa

from pipeline.index.filters import Condition

KEY, GENERATION = "key", "generation"
_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}


def literal(value: str | int) -> str:
    """A value as an expression holds it, text in quotes with what means something escaped."""
    if isinstance(value, int):
        return str(value)
    return '"' + re.sub(r'[\\"\n\r\t]', lambda match: _ESCAPES[match[0]], value) + '"'


def one_of(column: str, values: Iterable[str | int]) -> str:
    """Rows whose column has one of the values; of none, no row."""
    return f"{column} in [{', '.join(map(literal, values))}]"


def none_of(column: str, values: Iterable[str | int]) -> str:
    """Rows whose column has none of the values."""
    return f"not ({one_of(column, values)})"


def within(first: int, last: int) -> str:
    """Rows whose key is ``first`` to below ``last``."""
    return f"{KEY} >= {first} and {KEY} < {last}"


def up_to(generation: int) -> str:
    """Rows that were added by a generation or before."""
    return f"{GENERATION} <= {generation}"


def after(generation: int) -> str:
    """Rows that were added later than a generation."""
    return f"{GENERATION} > {generation}"


def both(*expressions: str) -> str:
    """Rows for which all expressions hold; empty ones hold for all rows."""
    return " and ".join(f"({one})" for one in expressions if one)


def of_condition(condition: Condition, field: pa.Field) -> str:
    """Rows that satisfy a condition on a column, of any operator but ``~``.

    Args:
        condition: The condition.
        field: Its column, as ``filters.column_of`` gives it.
    """
    is_number = pa.types.is_integer(field.type)
    values = [int(value) if is_number else value for value in condition.values]
    if condition.operator == "=":
        return one_of(field.name, values)
    if condition.operator == "!=":
        return none_of(field.name, values)
    bound = f"{field.name} {condition.operator} {literal(values[0])}"
    # What is unknown is within no bound.
    return bound if is_number else both(bound, none_of(field.name, [""]))
