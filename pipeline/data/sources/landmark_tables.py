"""The tables of Google Landmarks v2: columns by header, ids as numbers, millions of rows."""

import csv
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pipeline.progress import logger

PUBLISHED = "https://github.com/cvdfoundation/google-landmark"
_BLOCK = 16 << 20  # bytes of a table that are held at a time
_DIGITS = np.full(256, 255, np.uint8)  # what a character's code is worth; 255: no such digit
_DIGITS[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListedPhotographs:
    """The photographs that a table lists, each once.

    Attributes:
        ids: uint64 ``(photographs,)``, ascending.
        labels: int64 ``(photographs,)``, their landmarks, -1 where none is given.
    """

    ids: np.ndarray
    labels: np.ndarray

    def find(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Looks photographs up.

        Args:
            ids: uint64 ``(n,)``.

        Returns:
            Whether each is listed, bool ``(n,)``, and its landmark, int64 ``(n,)``, -1 if it is
            not.
        """
        positions, listed = find(self.ids, ids)
        labels = np.full(len(ids), -1)
        labels[listed] = self.labels[positions[listed]]
        return listed, labels


def find(ascending: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Looks ids up among others.

    Args:
        ascending: uint64 ``(m,)``.
        ids: uint64 ``(n,)``.

    Returns:
        Where each is, int64 ``(n,)``, and whether it is there at all, bool ``(n,)``.
    """
    positions = np.searchsorted(ascending, ids)
    found = positions < len(ascending)
    found[found] = ascending[positions[found]] == ids[found]
    return positions, found


def columns_of(path: Path) -> list[str]:
    """The header of a table."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return next(csv.reader(file), [])


def require_columns(path: Path, *names: str) -> None:
    """Checks a table's header.

    Raises:
        ValueError: If a column is missing.
    """
    if missing := sorted(set(names) - set(present := columns_of(path))):
        raise ValueError(
            f"{path} lacks the column {', '.join(missing)}; fetch it again from {PUBLISHED}. "
            f"Received: {', '.join(present) or 'an empty file'}."
        )


def batches(path: Path, columns: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    """Reads columns of a table, 16 MiB of the file at a time.

    Rows that have another number of fields than the header are left out, with a warning.

    Args:
        path: The table, with a header, quoted as in RFC 4180.
        columns: What to read, and as what.

    Raises:
        ValueError: If a column is missing or its content is not of the type.
    """
    require_columns(path, *columns)
    odd: list[str] = []

    def leave_out(row: Any) -> str:
        odd.append(row.text)
        return "skip"

    try:
        yield from pa.csv.open_csv(
            path,
            pa.csv.ReadOptions(block_size=_BLOCK),
            pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=leave_out),
            pa.csv.ConvertOptions(include_columns=list(columns), column_types=dict(columns)),
        )
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{path} is damaged ({error}); fetch it again from {PUBLISHED}."
        ) from error
    if odd:
        logger.warning(
            "%s: rows left out because they do not fit its header: %s, the first %r.",
            *(path, f"{len(odd):,}", odd[0][:80]),
        )


def listed_photographs(path: Path) -> ListedPhotographs:
    """Reads a table of ids, with or without ``landmark_id``, or one as ``train_clean.csv``.

    Args:
        path: A table with the columns id and perhaps landmark_id, or with landmark_id and
            images, which are ids parted by spaces.

    Raises:
        ValueError: If a column is missing or an id is no 16 hexadecimal digits.
    """
    columns: dict[str, pa.DataType] = {"id": pa.string(), "landmark_id": pa.int64()}
    present = columns_of(path)
    if "images" in present and "id" not in present:
        columns["images"] = columns.pop("id")
    elif "landmark_id" not in present:
        del columns["landmark_id"]
    ids, labels = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for batch in batches(path, columns):
        texts, of_texts = _one_id_a_row(batch)
        ids.append(as_numbers(texts, path))
        labels.append(of_texts)
    unique, first = np.unique(np.concatenate(ids), return_index=True)
    return ListedPhotographs(ids=unique, labels=np.concatenate(labels)[first])


def _one_id_a_row(batch: pa.RecordBatch) -> tuple[pa.Array, np.ndarray]:
    names = batch.schema.names
    if "landmark_id" in names:
        labels = pc.fill_null(batch.column("landmark_id"), -1).to_numpy(zero_copy_only=False)
    else:
        labels = np.full(len(batch), -1)
    if "id" in names:
        return batch.column("id"), labels
    images = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(batch.column("images")))
    texts, rows = pc.list_flatten(images), pc.list_parent_indices(images)
    filled = pc.not_equal(texts, "")  # a landmark without photographs gives one empty text
    return texts.filter(filled), labels[rows.filter(filled).to_numpy()]


def as_numbers(ids: pa.Array, path: Path) -> np.ndarray:
    """Ids of 16 hexadecimal digits as numbers, so that a million take 8 MB.

    Args:
        ids: Text ``(n,)``.
        path: Their table, for the error.

    Returns:
        uint64 ``(n,)``.

    Raises:
        ValueError: If one is anything else.
    """
    proper = pc.match_substring_regex(ids, "^[0-9a-f]{16}$")
    if not pc.all(proper).as_py() and len(ids):
        wrong = ids.filter(pc.invert(proper))[0].as_py()
        raise ValueError(
            f"{path}: an id is 16 hexadecimal digits; fetch the table again from {PUBLISHED}. "
            f"Received: {wrong!r}."
        )
    fixed = ids.cast(pa.binary(16))
    characters = np.frombuffer(fixed.buffers()[1], np.uint8)[: len(fixed) * 16]
    halves = _DIGITS[characters].reshape(-1, 2)  # (2, 8 n) digits of (n, 8) bytes
    return (halves[:, 0] << 4 | halves[:, 1]).view(">u8").astype(np.uint64)
