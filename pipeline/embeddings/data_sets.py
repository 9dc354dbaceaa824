"""Pairs of files of one data set or several, opened as one."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.embeddings.pairs import METADATA, Pairs

_LABELS_OF_A_DATA_SET = 2**32  # more than any has
_DATA = pa.field("data", pa.string())  # the name of its data set

# What is known of a photograph where several data sets may lie together.
OF_SEVERAL = METADATA.append(_DATA)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSets:
    """What several data sets hold.

    Attributes:
        metadata: A row for every photograph, of the pairs' schema and ``data``.
        model_fingerprint: Of the model that made them.
        shards: SHA-256 of every record file they are of, by data set.
        duplicates: Rows left out because an earlier one is of the same photograph.
        pairs: Folder, number and elements of every pair of files.
        kept: int ``(photographs,)``, which of the pairs' rows the metadata is of, ascending.
        counts: int ``(rows,)``, how many elements each row has, an array a pair.
    """

    metadata: pa.Table
    model_fingerprint: str
    shards: dict[str, list[str]]
    duplicates: int
    pairs: tuple[tuple[str, int, int], ...]
    kept: np.ndarray
    counts: tuple[np.ndarray, ...]


def open_data_sets(layout: Pairs, folders: Sequence[str | Path]) -> DataSets:
    """Opens the pairs of data sets, one data set after the other.

    Labels of different data sets are kept apart: each data set's count from a place of its own,
    the first one's as they are. An id that an earlier data set has too gets its data set's name
    before it, ``NAME/ID``.

    Raises:
        FileNotFoundError: If a folder holds no finished pairs.
        ValueError: If the folders were made by different models, a file is of another run, or a
            data set has an id twice.
    """
    tables, fingerprints, shards, pairs, counts = [], {}, {}, [], []
    for place, folder in enumerate(folders):
        described = layout.read_manifest(folder)
        fingerprints[described["model_fingerprint"]] = folder
        shards[Path(folder).name] = [shard["sha256"] for shard in described["shards"]]
        for entry in described["shards"]:
            number = entry["pair"]
            if layout.read_entry(folder, number) != entry:
                raise ValueError(layout.of_another_run(folder, number))
            rows = layout.read_rows(folder, number)
            counts.append(_counts(layout, rows))
            pairs.append((str(folder), number, int(counts[-1].sum())))
            rows = _with_labels_from(place * _LABELS_OF_A_DATA_SET, rows)
            name = pa.array([Path(folder).name] * len(rows), pa.string())
            tables.append(rows.append_column(_DATA, name))
    if len(fingerprints) > 1:
        named = ", ".join(f"{folder} by {made[:12]}" for made, folder in fingerprints.items())
        what = layout.what.capitalize()
        raise ValueError(f"{what} of one model are needed. Received: {named}.")
    table = pa.concat_tables(tables)
    kept = _first_of_each_photograph(table)
    return DataSets(
        metadata=with_own_ids(table.take(kept)),
        model_fingerprint=next(iter(fingerprints)),
        shards=shards,
        duplicates=len(table) - len(kept),
        pairs=tuple(pairs),
        kept=kept,
        counts=tuple(counts),
    )


def _counts(layout: Pairs, rows: pa.Table) -> np.ndarray:
    if layout.counted is None:
        return np.ones(len(rows), np.int64)
    return rows[layout.counted].to_numpy()


def with_own_ids(table: pa.Table, taken: Iterable[str] = ()) -> pa.Table:
    """Gives every row an id of its own: the name of its data set before one that is taken.

    Args:
        table: Of the schema ``OF_SEVERAL``, or one that begins like it.
        taken: Ids that rows elsewhere have.

    Raises:
        ValueError: If an id is taken even so.
    """
    seen, ids, twice = set(taken), [], []
    for found, name in zip(*(table[name].to_pylist() for name in ("id", "data")), strict=True):
        own = f"{name}/{found}" if found in seen else found
        if own in seen:
            twice.append(own)
        seen.add(own)
        ids.append(own)
    if twice:
        raise ValueError(
            f"{len(twice)} photographs have the id of another, {twice[0]!r} for one; ids tell "
            "photographs apart. Give them ids of their own in the records, or leave a data set out."
        )
    own_ids = pa.array(ids, pa.string())
    return table.set_column(METADATA.get_field_index("id"), "id", own_ids)


def _with_labels_from(first_label: int, table: pa.Table) -> pa.Table:
    labels = table["label"].to_numpy()
    shifted = pa.array(np.where(labels < 0, -1, labels + first_label))
    return table.set_column(METADATA.get_field_index("label"), "label", shifted)


def _first_of_each_photograph(table: pa.Table) -> np.ndarray:
    """Row numbers, ascending; later rows of the same content are left out.

    Not of the same id: data sets name photographs each in its own way, and Google Landmarks'
    index has ids that its train split has too.
    """
    contents = np.array(table["content"].to_pylist(), bytes)
    _, first = np.unique(contents, return_index=True)
    return np.sort(first)
