"""Whom the photographs of Google Landmarks v2 are by, for as many as are wanted."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.data.sources.landmark_tables import as_numbers, batches, columns_of, find

_FIELDS = {
    # Repeated texts are held once. Bytes: one text that is no UTF-8 must not cost the others.
    "author": pa.dictionary(pa.int32(), pa.binary()),
    "license": pa.dictionary(pa.int32(), pa.binary()),
    "url": pa.binary(),
    "title": pa.binary(),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attribution:
    """Author, licence, address and title by photograph.

    Attributes:
        ids: uint64 ``(rows,)``, ascending.
        rows: int64 ``(rows,)``, where each is found in the table.
        table: The columns that there are.
    """

    ids: np.ndarray
    rows: np.ndarray
    table: pa.Table

    def of(self, photograph_id: int) -> dict[str, str]:
        """What is known of a photograph, by the names of ``SourcePhotograph``'s attributes."""
        positions, found = find(self.ids, np.array([photograph_id], np.uint64))
        if not found[0]:
            return {}
        row = int(self.rows[positions[0]])
        return {
            name: column[row].as_py().decode(errors="replace")
            for name, column in zip(self.table.column_names, self.table.columns, strict=True)
        }


def read_attribution(path: Path | None, wanted: np.ndarray) -> Attribution:
    """Reads the rows of the photographs that are wanted.

    Args:
        path: A table with the column id, and author, license, url, title or some of them; None
            where nothing is known.
        wanted: uint64 ``(photographs,)``, ascending.

    Raises:
        ValueError: If the table is damaged.
    """
    found, ids = [], [np.empty(0, np.uint64)]
    columns = (
        {}
        if path is None
        else {name: kind for name, kind in _FIELDS.items() if name in columns_of(path)}
    )
    if path is not None and columns:
        for batch in batches(path, {"id": pa.string()} | columns):
            numbers = as_numbers(batch.column("id"), path)
            _, chosen = find(wanted, numbers)
            ids.append(numbers[chosen])
            found.append(batch.drop_columns(["id"]).filter(pa.array(chosen)))
    unique, rows = np.unique(np.concatenate(ids), return_index=True)
    schema = pa.schema(list(columns.items()))
    return Attribution(ids=unique, rows=rows, table=pa.Table.from_batches(found, schema))
