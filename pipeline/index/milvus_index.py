"""A graph of neighbours in Milvus: built, tuned and searched, among all rows or some."""

import dataclasses

import numpy as np
from pymilvus import MilvusClient

from pipeline.index import metric
from pipeline.index.kinds import MILVUS
from pipeline.index.metric import Metric
from pipeline.index.milvus_expressions import KEY
from pipeline.index.milvus_table import VECTOR, MilvusTable
from pipeline.index.truth import Truth

_METRICS = {"cosine": "COSINE", "euclidean": "L2"}
_LINKS, _GRAPH_EFFORT = 32, 80  # as kinds.py has them for Faiss
_FIRST_EFFORT, _MOST_EFFORT = 64, 32_768
_DEEPER = 4  # times, where too few are found
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
    """The index of a table.

    Args:
        table: A row for every vector.
        metric: What its similarities are.
        removed: Of the keys given, those whose rows the graph links no more.
    """

    kind = MILVUS
    cells = 1  # it is no inverted file

    def __init__(self, table: MilvusTable, metric: Metric, removed: int = 0) -> None:
        self.table = table
        self.metric = metric
        self._removed = removed
        self._effort = _FIRST_EFFORT

    def __len__(self) -> int:
        """Rows in the graph."""
        return self.table.next_key - self._removed

    @property
    def engine(self) -> str:
        """The name of the engine."""
        return "Milvus Lite" if self.table.database.is_embedded else "Milvus"

    @property
    def factory(self) -> str:
        """What Faiss calls such an index."""
        return f"HNSW{_LINKS},Flat"

    @property
    def bytes(self) -> int:
        """What vectors and links take in memory."""
        return len(self) * (4 * self.table.dimension + 8 * _LINKS)

    @property
    def effort(self) -> dict[str, float]:
        """How many candidates a search keeps; Milvus calls it ``ef``."""
        return {"efSearch": self._effort}

    def set_effort(self, effort: dict[str, float]) -> None:
        """Sets what ``effort`` gives."""
        self._effort = int(effort["efSearch"])

    def link(self) -> None:
        """Links the rows to a graph, and has the database keep it ready; takes a while."""
        self.table.flush()
        parameters = MilvusClient.prepare_index_params()
        parameters.add_index(
            VECTOR,
            index_type="HNSW",
            metric_type=_METRICS[self.metric],
            params={"M": _LINKS, "efConstruction": _GRAPH_EFFORT},
        )
        # Milvus Lite links where it loads; asked when it has done so, it fails.
        is_waited_for = not self.table.database.is_embedded
        self.table.database.wait_for(
            "create_index", self.table.name, index_params=parameters, sync=is_waited_for
        )
        self.table.load()

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
            hits = self.table.database.call(
                "search",
                self.table.name,
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
        keys: list[int] = []
        for block in self.table.rows_of(allowed.expression, allowed.count, [VECTOR]):
            keys += [row[KEY] for row in block]
            if block:
                truth.show(np.array([row[VECTOR] for row in block], np.float32))
        distances, places = truth.nearest()
        # Fewer than are told of may be there: those that were removed meanwhile are not.
        is_found = places >= 0
        similarities = np.where(is_found, metric.similarity(self.metric, distances), -np.inf)
        found = np.where(is_found, np.append(keys, -1)[places], -1)
        return similarities.astype(np.float32), found.astype(np.int64)
