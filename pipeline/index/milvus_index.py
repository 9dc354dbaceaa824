"""A collection of Milvus: vectors and what is known of each, linked to a graph of neighbours."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pymilvus import DataType, MilvusClient

from pipeline.index import metric, milvus_expressions
from pipeline.index.kinds import MILVUS
from pipeline.index.measurement import Truth
from pipeline.index.metric import Metric
from pipeline.index.milvus_database import MilvusDatabase
from pipeline.index.milvus_expressions import GENERATION, KEY, both, one_of

VECTOR = "vector"
MOST_RESULTS = 16_384  # of a query, rows or neighbours, that a server gives
_METRICS = {"cosine": "COSINE", "euclidean": "L2"}
_LINKS, _GRAPH_EFFORT = 32, 80  # as kinds.py has them for Faiss
_FIRST_EFFORT, _MOST_EFFORT = 64, 32_768
_DEEPER = 4  # times, where too few are found
_TEXT_BYTES = 65_535  # at most, of a value
_MESSAGE_BYTES = 32 * 2**20  # a server takes 64 MB
_ROW_BYTES = 2048  # of what is known of a photograph, when it is read
_RESULTS_AT_A_TIME = 2**20
# Where so few rows may be found, and no larger share, they are compared one by one.
_FEW, _NARROW = 2048, 1 / 20


@dataclasses.dataclass(frozen=True)
class Allowed:
    """Rows that may be found.

    Attributes:
        expression: Which, as Milvus writes it.
        count: How many.
    """

    expression: str
    count: int


class MilvusIndex:
    """A collection of Milvus, whose rows have keys that are given once.

    Args:
        database: Where it is.
        name: Of the collection there.
        metric: What its similarities are.
        dimension: Of a vector.
        next_key: One more than the last key given.
        rows: How many the graph links; by default all that were given a key.
    """

    kind = MILVUS
    cells = 1  # it is no inverted file

    def __init__(
        self,
        database: MilvusDatabase,
        name: str,
        metric: Metric,
        dimension: int,
        next_key: int = 0,
        rows: int | None = None,
    ) -> None:
        self.database = database
        self.name = name
        self.metric = metric
        self.dimension = dimension
        self.next_key = next_key
        self._rows = next_key if rows is None else rows
        self._effort = _FIRST_EFFORT

    def __len__(self) -> int:
        """Rows in the graph."""
        return self._rows

    @property
    def engine(self) -> str:
        """The name of the engine."""
        return "Milvus Lite" if self.database.is_embedded else "Milvus"

    @property
    def factory(self) -> str:
        """What Faiss calls such an index."""
        return f"HNSW{_LINKS},Flat"

    @property
    def bytes(self) -> int:
        """What vectors and links take in memory."""
        return len(self) * (4 * self.dimension + 8 * _LINKS)

    @property
    def effort(self) -> dict[str, float]:
        """How many candidates a search keeps; Milvus calls it ``ef``."""
        return {"efSearch": self._effort}

    def set_effort(self, effort: dict[str, float]) -> None:
        """Sets what ``effort`` gives."""
        self._effort = int(effort["efSearch"])

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
            self._rows += len(rows)
            self._call("insert", data=rows)

    def link(self) -> None:
        """Links the rows to a graph, and has the database keep it ready; takes a while."""
        self.flush()
        parameters = MilvusClient.prepare_index_params()
        parameters.add_index(
            VECTOR,
            index_type="HNSW",
            metric_type=_METRICS[self.metric],
            params={"M": _LINKS, "efConstruction": _GRAPH_EFFORT},
        )
        # Milvus Lite links where it loads; asked when it has done so, it fails.
        is_waited_for = not self.database.is_embedded
        self.database.wait_for(
            "create_index", self.name, index_params=parameters, sync=is_waited_for
        )
        self.load()

    def load(self) -> None:
        """Has the database keep the rows ready to be searched."""
        self.database.wait_for("load_collection", self.name)

    def flush(self) -> None:
        """Has the database write down what it was given."""
        self.database.wait_for("flush", self.name)

    def drop(self) -> None:
        """Removes the collection from the database."""
        self._call("drop_collection")

    def exists(self) -> bool:
        """Whether the database has it."""
        return self._call("has_collection")

    def search(
        self, queries: np.ndarray, k: int, allowed: Allowed | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds the ``k`` nearest of every query.

        A graph leads past rows that are not allowed, so that it is searched as many times wider as
        fewer are. Where it leads to too few even so, and where few are allowed, all are compared.

        Args:
            queries: float32 ``(queries, dim)``.
            k: How many.
            allowed: Rows that may be found; None for all.

        Returns:
            Similarities float32 ``(queries, k)``, best first. Keys int64 ``(queries, k)``. Where
            there are fewer, keys are -1 and similarities -inf.
        """
        allowed = allowed or Allowed("", len(self))
        similarities = np.full((len(queries), k), -np.inf, np.float32)
        keys = np.full((len(queries), k), -1, np.int64)
        short = np.arange(len(queries) if allowed.count else 0)
        effort, most = self._widened(allowed), min(_MOST_EFFORT, 2 * len(self))
        while len(short) and effort is not None:
            found = self._search_graph(queries[short], k, allowed, max(k, effort))
            similarities[short], keys[short] = found
            short = short[(found[1] >= 0).sum(axis=1) < min(k, allowed.count)]
            effort = min(_DEEPER * effort, most) if effort < most else None
        if len(short):
            similarities[short], keys[short] = self._compare_all(queries[short], k, allowed)
        return similarities, keys

    def count(self, expression: str) -> int:
        """How many rows there are."""
        rows = self._call("query", filter=expression, output_fields=["count(*)"])
        return rows[0]["count(*)"]

    def rows(self, expression: str, columns: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """Rows by ascending key, in blocks: the key and some columns of each."""
        block = self._block
        for start in range(0, self.next_key, block):
            within = milvus_expressions.within(start, start + block)
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

    def _widened(self, allowed: Allowed) -> int | None:
        """The effort of a search among some rows; None where they are compared one by one."""
        share = allowed.count / max(1, len(self))
        if allowed.count <= _FEW and share < _NARROW:
            return None
        return min(int(self._effort / share), _MOST_EFFORT)

    def _search_graph(
        self, queries: np.ndarray, k: int, allowed: Allowed, effort: int
    ) -> tuple[np.ndarray, np.ndarray]:
        distances = np.full((len(queries), k), np.nan, np.float32)
        keys = np.full((len(queries), k), -1, np.int64)
        block = max(1, min(1024, _RESULTS_AT_A_TIME // k))
        for start in range(0, len(queries), block):
            hits = self._call(
                "search",
                data=list(queries[start : start + block]),
                limit=k,
                filter=allowed.expression,
                output_fields=[KEY],
                search_params={"metric_type": _METRICS[self.metric], "params": {"ef": effort}},
            )
            for place, found in enumerate(hits, start):
                keys[place, : len(found)] = [hit[KEY] for hit in found]
                distances[place, : len(found)] = [hit["distance"] for hit in found]
        # Milvus's cosine is one already, its L2 a squared distance.
        is_cosine = self.metric == "cosine"
        similarities = distances if is_cosine else metric.similarity(self.metric, distances)
        return np.where(keys < 0, np.float32(-np.inf), similarities), keys

    def _compare_all(
        self, queries: np.ndarray, k: int, allowed: Allowed
    ) -> tuple[np.ndarray, np.ndarray]:
        truth = Truth(queries, k)
        keys = np.zeros(0, np.int64)
        for block in self._all(allowed):
            keys = np.append(keys, [row[KEY] for row in block]).astype(np.int64)
            if block:
                truth.show(np.array([row[VECTOR] for row in block], np.float32))
        distances, places = truth.nearest()
        similarities = metric.similarity(self.metric, distances)
        is_found = places >= 0
        return (
            np.where(is_found, similarities, np.float32(-np.inf)),
            np.where(is_found, keys[places] if len(keys) else -1, -1),
        )

    def _all(self, allowed: Allowed) -> Iterator[list[dict[str, Any]]]:
        if allowed.count <= self._block:
            return iter([self._query(allowed.expression, [VECTOR])])
        return self.rows(allowed.expression, [VECTOR])

    def _call(self, method: str, **named: Any) -> Any:
        return self.database.call(method, self.name, **named)
