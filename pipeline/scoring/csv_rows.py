"""Rows of the CSV files that ground truths and submissions are."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_LONGEST = 2**30  # characters of a field; all the relevant photographs of a query are one


def read_rows(path: Path, header: Sequence[str], what: str) -> Iterator[tuple[int, list[str]]]:
    """Reads a table whose header is known; blank lines are passed over.

    Args:
        path: The file, comma-separated, in UTF-8.
        header: Its columns, in order.
        what: What it should be, for errors.

    Yields:
        The line, from 1, and its fields.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has another header or no rows, a row does not fit, or it is no such text.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no file; name {what}.")
    csv.field_size_limit(_LONGEST)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            yield from _rows(path, rows, header, what)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not in UTF-8; it should be {what}.") from error
        except csv.Error as error:
            raise ValueError(f"{path}, line {rows.line_num}: {error}.") from error


def _rows(
    path: Path, rows: Any, header: Sequence[str], what: str
) -> Iterator[tuple[int, list[str]]]:
    found: list[str] = next(rows, [])
    if found != list(header):
        raise ValueError(
            f"{path} has the columns {','.join(found) or 'of nothing'}; expected {what}, whose "
            f"first line is {','.join(header)}."
        )
    is_empty = True
    for fields in rows:
        if not fields:
            continue
        if len(fields) != len(header):
            raise ValueError(
                f"{path}, line {rows.line_num}: expected {len(header)} fields "
                f"({','.join(header)}). Received: {len(fields)}."
            )
        is_empty = False
        yield rows.line_num, fields
    if is_empty:
        raise ValueError(f"{path} has a header and no rows; expected {what}.")
