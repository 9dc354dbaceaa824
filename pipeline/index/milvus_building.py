"""Builds a collection behind Milvus from embeddings."""

import contextlib
import hashlib
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import manifest as manifests
from pipeline.embeddings.files import StoredEmbeddings
from pipeline.index import building, generations
from pipeline.index.building import Built
from pipeline.index.generations import Generation
from pipeline.index.metric import Metric
from pipeline.index.milvus_collection import DATABASE, MilvusCollection, uri_of
from pipeline.index.milvus_database import MilvusDatabase, open_database
from pipeline.index.milvus_index import MilvusIndex
from pipeline.index.milvus_table import MilvusTable
from pipeline.progress import logger

_PREFIX = "photographs_"  # of the names of collections


class MilvusBuild:
    """A collection that is being built beside the one that is read.

    Args:
        stored: The embeddings.
        index: Of a collection of Milvus that is to be made.
        generation: That its rows are of.
        scratch: A folder for what is not to stay.
    """

    def __init__(
        self,
        stored: StoredEmbeddings,
        index: MilvusIndex,
        generation: Generation,
        scratch: Path,
    ) -> None:
        self._stored = stored
        self._index = index
        self._generation = generation
        self.scratch = scratch

    def fill(self, stored: StoredEmbeddings, least_recall: float) -> Built[MilvusIndex]:
        """Fills the collection and tunes how hard it looks, as ``building.build`` does.

        Args:
            stored: The embeddings, or what they have become; of the same photographs.
            least_recall: The recall that it is tuned for.

        Raises:
            ValueError: If the vectors are none that an index takes.
        """
        index, table = self._index, self._index.table
        parts = building.split(stored, index.metric, np.random.default_rng(0))
        metadata = stored.metadata.take(parts.order)

        def add(vectors: np.ndarray) -> None:
            rows = metadata.slice(table.next_key, len(vectors))
            table.add(vectors, rows, self._generation.number)

        table.create(metadata.schema)
        nearest, seconds = building.fill(add, stored, parts, index.metric)
        start = time.perf_counter()
        index.link()
        seconds += time.perf_counter() - start
        built = building.measured(index, index.factory, parts, nearest, least_recall, seconds)
        if len(parts.last):
            add(parts.queries)
            table.flush()
        return built

    def collection(self, described: dict[str, Any]) -> MilvusCollection:
        """What is filled, to be searched before it is committed.

        Args:
            described: What its manifest says.
        """
        described = {**described, "columns": self._columns()}
        removed = np.zeros(0, np.int64)
        return MilvusCollection(
            self._index, described, self._generation.number, removed, len(self._stored)
        )

    def commit(self, described: dict[str, Any], uri: str | None) -> None:
        """Makes it the collection that is read.

        Args:
            described: What the manifest says besides.
            uri: Where the database is, None in the folder.
        """
        table = self._index.table
        named = {"uri": uri, "collection": table.name, "next_key": table.next_key}
        self._generation.commit({**described, "columns": self._columns(), "milvus": named})

    def _columns(self) -> dict[str, str]:
        return {field.name: str(field.type) for field in self._stored.metadata.schema}


@contextlib.contextmanager
def creating(
    folder: Path, stored: StoredEmbeddings, uri: str | None, metric_name: Metric
) -> Iterator[MilvusBuild]:
    """Builds a collection in place of the one that the folder may hold.

    That one is read until the new one is committed, and dropped in the end.

    Args:
        folder: Where to.
        stored: The embeddings.
        uri: Of a server, or a path of Milvus Lite that ends in ``.db``; None for one in the folder.
        metric_name: What vectors are compared by.

    Raises:
        ConnectionError: If the server does not answer.
        BlockingIOError: If another process builds here, or has Milvus Lite's folder open.
    """
    with generations.writing(folder) as scratch:
        generation = Generation(folder, generations.standing(folder))
        database = open_database(uri_of(folder, uri))
        prefix = _PREFIX if uri is None else _own_prefix(folder)
        name = f"{prefix}{generation.number}"
        _drop_others(database, prefix, folder)
        index = MilvusIndex(MilvusTable(database, name, stored.dimension), metric_name)
        try:
            yield MilvusBuild(stored, index, generation, scratch)
        finally:
            _drop_others(database, prefix, folder)
        if database.uri != uri_of(folder, None):
            manifests.remove(folder / DATABASE)  # of an earlier build


def _own_prefix(folder: Path) -> str:
    """What the names of a folder's collections start with where others' are beside them."""
    place = f"{socket.gethostname()}:{folder.resolve()}"
    readable = re.sub(r"\W", "_", folder.name, flags=re.ASCII)[:64]
    return f"{_PREFIX}{readable}_{hashlib.sha256(place.encode()).hexdigest()[:12]}_"


def _drop_others(database: MilvusDatabase, prefix: str, folder: Path) -> None:
    """Drops a folder's collections, but for the one that its manifest names."""
    named = generations.standing(folder).get("milvus", {})
    for name in database.call("list_collections"):
        if name.startswith(prefix) and name != named.get("collection"):
            logger.info("%s: dropping %s, which is read no more.", database.uri, name)
            database.call("drop_collection", name)
