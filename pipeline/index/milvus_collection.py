"""A collection behind Milvus: vectors and photographs there, a manifest and who was removed here.

``exported/MODEL/indexes/<data>-milvus/`` holds ``manifest.json``, ``removed-<g>.npy`` while rows
are to be deleted, and by default the database itself, ``milvus.db``. Every row in Milvus tells the
generation that added it, and a reader sees those of its manifest's generation or before, but for
the keys in ``removed-<g>.npy``. So whatever a writer does in Milvus takes effect when the manifest
is replaced. Rows that were removed are deleted after that: who opened the collection before then
may miss them.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.descriptions import Descriptions
from pipeline.index import filters, generations, metric, milvus_expressions
from pipeline.index.filters import Condition
from pipeline.index.kinds import MILVUS
from pipeline.index.metric import Metric
from pipeline.index.milvus_database import is_embedded, open_database
from pipeline.index.milvus_expressions import KEY, both, none_of, one_of
from pipeline.index.milvus_index import Allowed, MilvusIndex
from pipeline.index.milvus_table import MOST_RESULTS, VECTOR, MilvusTable

BUILD_COMMAND = f"python -m pipeline.build_index --model=exported/MODEL --data=NAME --kind={MILVUS}"
DATABASE = "milvus.db"  # in the collection's folder, where no other place is named
REMOVED = "removed"
_FILTERS = 16  # that are remembered


@dataclasses.dataclass(frozen=True, kw_only=True)
class _View:
    """What of a collection of Milvus is seen.

    Attributes:
        table: The collection.
        schema: Of the photographs.
        rows: Those that are seen.
    """

    table: MilvusTable
    schema: pa.Schema
    rows: Allowed

    def among(self, where: Sequence[Condition]) -> Allowed:
        """Those of the rows that satisfy all conditions."""
        found = [self.rows.expression]
        filters.holds(self.schema.empty_table(), where)  # raises where a condition is none
        for one in where:
            field = filters.column_of(self.schema, one)
            if one.operator == "~":
                found.append(one_of(field.name, self._values(one)))
            else:
                found.append(milvus_expressions.of_condition(one, field))
        expression = both(*found)
        return Allowed(expression, self.table.count(expression))

    def _values(self, condition: Condition) -> list[str]:
        """The values of a column that satisfy a condition, found by reading them all.

        Milvus's ``like`` tells upper from lower case, and Milvus Lite's takes no backslash.
        """
        column = condition.column
        values = {
            row[column]
            for block in self.table.rows_of(self.rows.expression, self.rows.count, [column])
            for row in block
        }
        table = pa.table({column: pa.array(sorted(values), pa.string())})
        return table[column].filter(pa.array(filters.holds(table, [condition]))).to_pylist()


class MilvusCollection:
    """An opened collection: what it was when it was opened. See ``Collection``.

    Args:
        index: Of a collection of Milvus.
        manifest: What the folder says of itself.
        generation: The last whose rows are seen.
        removed: int ``(n,)``, keys of rows that are not seen.
        count: How many rows are seen.
    """

    kind = MILVUS

    def __init__(
        self,
        index: MilvusIndex,
        manifest: dict[str, Any],
        generation: int,
        removed: np.ndarray,
        count: int,
    ) -> None:
        self.index = index
        self.manifest = manifest
        self.schema = schema_of(manifest["columns"])
        expression = milvus_expressions.up_to(generation)
        if len(removed):
            expression = both(expression, none_of(KEY, removed.tolist()))
        self._rows = Allowed(expression, count)
        view = _View(table=index.table, schema=self.schema, rows=self._rows)
        # Of the view, not of self: Milvus Lite is closed as soon as nobody holds the collection.
        self._among = functools.lru_cache(_FILTERS)(view.among)

    @property
    def metric(self) -> Metric:
        """See ``Collection``."""
        return self.index.metric

    @property
    def dimension(self) -> int:
        """See ``Collection``."""
        return self.index.table.dimension

    def __len__(self) -> int:
        return self._rows.count

    def require_whole(self) -> None:
        """Checks that Milvus holds as many photographs as the manifest tells.

        Raises:
            FileNotFoundError: If it holds more or fewer.
        """
        table = self.index.table
        there = table.count(self._rows.expression)
        if there != len(self):
            raise FileNotFoundError(
                f"{table.name} in Milvus at {table.database.uri} holds {there} "
                f"photographs, {len(self)} were written; copy the database back, or build the "
                f"index again with `{BUILD_COMMAND} --overwrite`."
            )

    def search(
        self, queries: Descriptions, k: int, where: Sequence[Condition] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """See ``Collection``; ``k`` is at most ``MOST_RESULTS``."""
        queries = metric.checked(queries, self.dimension, self.metric, "A query")
        if not 1 <= k <= len(self):
            raise ValueError(
                f"k is 1 to {len(self)}, the photographs of the collection. Received: {k}."
            )
        if k > MOST_RESULTS:
            raise ValueError(f"Milvus finds {MOST_RESULTS} photographs at most. Received: k = {k}.")
        return self.index.search(queries, k, self._among(tuple(where)) if where else self._rows)

    def keys(self) -> np.ndarray:
        """See ``Collection``."""
        return np.array([row[KEY] for row in self._all([])], np.int64)

    def ids(self) -> list[str]:
        """See ``Collection``."""
        return [row["id"] for row in self._all(["id"])]

    def those_there(self, ids: Sequence[str]) -> dict[str, int]:
        """The keys of those ids that are in the collection."""
        rows = self.index.table.rows_where("id", ids, self._rows.expression, ["id"])
        return {row["id"]: row[KEY] for row in rows}

    def keys_of(self, ids: Sequence[str]) -> np.ndarray:
        """See ``Collection``."""
        there = self.those_there(ids)
        missing = [one for one in ids if one not in there]
        if missing:
            raise ValueError(
                f"{len(missing)} ids are not in the collection, {missing[0]!r} for one."
            )
        return np.array([there[one] for one in ids], np.int64)

    def photographs(self, keys: np.ndarray) -> pa.Table:
        """See ``Collection``."""
        return pa.Table.from_pylist(self._of_keys(keys, self.schema.names), self.schema)

    def vectors(self, keys: np.ndarray) -> np.ndarray:
        """See ``Collection``."""
        vectors = [row[VECTOR] for row in self._of_keys(keys, [VECTOR])]
        return np.array(vectors, np.float32).reshape(len(keys), self.dimension)

    def _all(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        rows = self._rows
        blocks = self.index.table.rows_of(rows.expression, rows.count, columns)
        return itertools.chain.from_iterable(blocks)

    def _of_keys(self, keys: np.ndarray, columns: Sequence[str]) -> list[dict[str, Any]]:
        rows = self.index.table.rows_where(KEY, keys.tolist(), self._rows.expression, columns)
        by_key = {row[KEY]: row for row in rows}
        gone = [key for key in keys.tolist() if key not in by_key]
        if gone:
            raise ValueError(
                f"{len(gone)} photographs have been removed since the collection was opened; open "
                "it again."
            )
        return [by_key[key] for key in keys.tolist()]


def open_folder(folder: Path) -> MilvusCollection:
    """Opens a collection.

    Raises:
        FileNotFoundError: If the folder holds none, or the database does not have it.
        ConnectionError: If the server does not answer.
        BlockingIOError: If another process has the folder of Milvus Lite open.
    """
    return generations.read(folder, BUILD_COMMAND, _opened)


def uri_of(folder: Path, uri: str | None) -> str:
    """Where the database of a collection is: in its folder if no other place is named."""
    if uri is None:
        return str((folder / DATABASE).resolve())
    return str(Path(uri).resolve()) if is_embedded(uri) else uri


def open_index(folder: Path, described: dict[str, Any]) -> MilvusIndex:
    """The index of the collection of Milvus that a manifest names.

    Raises:
        FileNotFoundError: If the folder of Milvus Lite is gone, or the database does not have it.
    """
    named = described["milvus"]
    uri = uri_of(folder, named["uri"])
    rebuild = f"`{BUILD_COMMAND} --overwrite`"
    if is_embedded(uri) and not Path(uri).is_dir():
        raise FileNotFoundError(f"{uri} is gone; copy it back, or build it again with {rebuild}.")
    database = open_database(uri)
    key = named["next_key"]
    table = MilvusTable(database, named["collection"], described["dimension"], key)
    if not table.exists():
        raise FileNotFoundError(
            f"Milvus at {uri} has no collection {table.name}; build it again with {rebuild}."
        )
    table.load()
    # A server clears removed rows away by itself, Milvus Lite leads past them for ever.
    removed = 0 if database.is_embedded else key - described["photographs"]
    index = MilvusIndex(table, described["metric"], removed)
    index.set_effort(described["effort"])
    return index


def schema_of(columns: dict[str, str]) -> pa.Schema:
    """A schema as the manifest writes it: types by name."""
    return pa.schema([(name, pa.type_for_alias(kind)) for name, kind in columns.items()])


def _opened(folder: Path, described: dict[str, Any]) -> MilvusCollection:
    index = open_index(folder, described)
    removed = removed_keys(folder, described)
    count = described["photographs"]
    opened = MilvusCollection(index, described, described["generation"], removed, count)
    opened.require_whole()
    return opened


def removed_keys(folder: Path, described: dict[str, Any]) -> np.ndarray:
    """Keys of rows that are not seen, and are to be deleted."""
    path = generations.paths(folder, described).get(REMOVED)
    return np.zeros(0, np.int64) if path is None else np.load(path)
