"""A collection of Milvus as a table: rows with keys, added, read and deleted in parts."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pymilvus import DataType, MilvusClient

from pipeline.index import milvus_expressions
from pipeline.index.milvus_database import MilvusDatabase
from pipeline.index.milvus_expressions import GENERATION, KEY, both, one_of

VECTOR = "vector"
MOST_RESULTS = 16_384  # of a query, rows or neighbours, that a server gives
_TEXT_BYTES = 65_535  # at most, of a value
_MESSAGE_BYTES = 32 * 2**20  # a server takes 64 MB
_ROW_BYTES = 2048  # of what is known of a photograph, when it is read


class MilvusTable:
    """A collection of Milvus, whose rows have keys that are given once.

    Args:
        database: Where it is.
        name: Of the collection there.
        dimension: Of a vector.
        next_key: One more than the last key given.
    """

    def __init__(
        self, database: MilvusDatabase, name: str, dimension: int, next_key: int = 0
    ) -> None:
        self.database = database
        self.name = name
        self.dimension = dimension
        self.next_key = next_key

    def create(self, schema: pa.Schema) -> None:
        """Makes the collection in the database, with a field for every column.

        Raises:
            ValueError: If a column holds neither text nor whole numbers.
        """
        fields = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        fields.add_field(KEY, DataType.INT64, is_primary=True)
        fields.add_field(GENERATION, DataType.INT64)
        fields.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=self.dimension)
        for column in schema:
            if pa.types.is_string(column.type):
                fields.add_field(column.name, DataType.VARCHAR, max_length=_TEXT_BYTES)
            elif pa.types.is_integer(column.type):
                fields.add_field(column.name, DataType.INT64)
            else:
                raise ValueError(
                    f"Milvus holds text and whole numbers. Received: {column.name}, {column.type}."
                )
        self._call("create_collection", schema=fields, consistency_level="Strong")

    def add(self, vectors: np.ndarray, photographs: pa.Table, generation: int) -> None:
        """Adds rows under the keys that follow.

        Args:
            vectors: float32 ``(n, dim)``.
            photographs: A row for every vector.
            generation: In which they are added.
        """
        bytes_of_row = vectors[:1].nbytes + photographs.nbytes // max(1, len(photographs))
        block = max(1, _MESSAGE_BYTES // max(1, bytes_of_row))
        for start in range(0, len(vectors), block):
            rows = photographs.slice(start, block).to_pylist()
            for row, vector in zip(rows, vectors[start : start + block], strict=True):
                row.update({KEY: self.next_key, GENERATION: generation, VECTOR: vector})
                self.next_key += 1
            self._call("insert", data=rows)

    def load(self) -> None:
        """Has the database keep the rows ready to be searched."""
        self.database.wait_for("load_collection", self.name)

    def flush(self) -> None:
        """Has the database write down what it was given."""
        self.database.wait_for("flush", self.name)

    def exists(self) -> bool:
        """Whether the database has it."""
        return self._call("has_collection")

    def count(self, expression: str) -> int:
        """How many rows there are."""
        rows = self._call("query", filter=expression, output_fields=["count(*)"])
        return rows[0]["count(*)"]

    def rows_of(
        self, expression: str, count: int, columns: Sequence[str]
    ) -> Iterator[list[dict[str, Any]]]:
        """Rows for which an expression holds, by ascending key, in blocks.

        Args:
            expression: Which.
            count: How many they are.
            columns: What is read of them, beside the key.
        """
        if count <= self._block:
            yield self._query(expression, columns)
            return
        for start in range(0, self.next_key, self._block):
            within = milvus_expressions.within(start, start + self._block)
            yield self._query(both(within, expression), columns)

    def rows_where(
        self, column: str, values: Sequence[str | int], expression: str, columns: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Rows that have one of some values in a column where every row has its own."""
        found: list[dict[str, Any]] = []
        for start in range(0, len(values), self._block):
            among = one_of(column, values[start : start + self._block])
            found += self._query(both(among, expression), columns)
        return found

    def delete(self, keys: np.ndarray) -> None:
        """Deletes rows; those that are gone already are passed over."""
        for start in range(0, len(keys), MOST_RESULTS):
            self._call("delete", ids=keys[start : start + MOST_RESULTS].tolist())
        if len(keys):
            self.flush()

    def delete_where(self, expression: str) -> None:
        """Deletes the rows for which an expression holds."""
        if self.count(expression):
            self._call("delete", filter=expression)
            self.flush()

    @property
    def _block(self) -> int:
        """Rows, with their vectors, that one answer holds."""
        return max(1, min(MOST_RESULTS, _MESSAGE_BYTES // (4 * self.dimension + _ROW_BYTES)))

    def _query(self, expression: str, columns: Sequence[str]) -> list[dict[str, Any]]:
        rows = self._call(
            "query", filter=expression, output_fields=[KEY, *columns], limit=MOST_RESULTS
        )
        return sorted(rows, key=lambda row: row[KEY])

    def _call(self, method: str, **named: Any) -> Any:
        return self.database.call(method, self.name, **named)
