"""Tables in plain text."""

from collections.abc import Sequence
from typing import Literal

Side = Literal["<", ">"]


def format_table(columns: dict[str, Side], rows: Sequence[Sequence[str]]) -> str:
    """Lines of text, the header first, as wide as what stands in them.

    Args:
        columns: Each column's title and the side its cells keep to: "<" left, ">" right.
        rows: The cells of every row.
    """
    lines = [list(columns), *rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:{side}{width}}"
            for cell, side, width in zip(line, columns.values(), widths, strict=True)
        ).rstrip()
        for line in lines
    )
