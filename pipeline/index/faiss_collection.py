"""A collection in files: an index, a table of photographs, and who was removed.

``exported/MODEL/indexes/<data>-<kind>/`` holds, by generations, ``index.faiss`` (or
``index.arrow``, the inverted file of visual words), ``lists.ivfdata`` (what is in the cells, where
that is larger than memory), ``photographs.arrow`` (a row for every vector, in the order they were
added), ``removed.npy`` (the rows that are there no more, where there are some) and
``manifest.json``. All but the last are mapped into memory, so that opening takes milliseconds.
"""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.descriptions import Descriptions
from pipeline.index import filters, generations
from pipeline.index.change import CheckedChange
from pipeline.index.disk_index import DiskIndex
from pipeline.index.faiss_index import FaissIndex
from pipeline.index.filters import Condition
from pipeline.index.generations import Generation
from pipeline.index.inverted_index import InvertedIndex
from pipeline.index.kinds import INVERTED
from pipeline.index.metric import Metric

_INDEX, _LISTS, _PHOTOGRAPHS, _REMOVED = "index", "lists", "photographs", "removed"
# Removed rows cost memory and are passed over in every search; from this share on they go.
_REMOVED_AT_MOST = 0.2
_FILTERS = 16  # whose rows are remembered, a byte a row each

Index = FaissIndex | InvertedIndex


class FaissCollection:
    """An opened collection: what it was when it was opened. See ``Collection``.

    Args:
        index: A row for every row of the table.
        table: Of the photographs.
        live: bool ``(rows,)``, the rows that are not removed; None for all.
        manifest: What the folder says of itself.
    """

    def __init__(
        self,
        index: Index,
        table: pa.Table,
        live: np.ndarray | None,
        manifest: dict[str, Any],
    ) -> None:
        self.index = index
        self.manifest = manifest
        self._table = table
        self._live = live
        self._satisfying = functools.lru_cache(_FILTERS)(self._all_satisfying)
        self._count = len(table) if live is None else int(np.count_nonzero(live))

    @property
    def kind(self) -> str:
        """See ``Collection``."""
        return self.index.kind

    @property
    def metric(self) -> Metric:
        """See ``Collection``."""
        return self.index.metric

    @property
    def dimension(self) -> int:
        """See ``Collection``."""
        return self.index.dimension

    @property
    def schema(self) -> pa.Schema:
        """See ``Collection``."""
        return self._table.schema

    def __len__(self) -> int:
        return self._count

    def search(
        self, queries: Descriptions, k: int, where: Sequence[Condition] = ()
    ) -> tuple[np.ndarray, np.ndarray]:
        """See ``Collection``."""
        vectors: Any = self.index.checked(queries, "A query")
        if not 1 <= k <= self._count:
            raise ValueError(
                f"k is 1 to {self._count}, the photographs of the collection. Received: {k}."
            )
        return self.index.search(vectors, k, self._among(where))

    def keys(self) -> np.ndarray:
        """See ``Collection``."""
        return np.arange(len(self._table)) if self._live is None else np.flatnonzero(self._live)

    def ids(self) -> list[str]:
        """Of all photographs."""
        return self._table["id"].take(self.keys()).to_pylist()

    def keys_of(self, ids: Sequence[str]) -> np.ndarray:
        """See ``Collection``."""
        keys = self.keys()
        places = pc.index_in(pa.array(ids, pa.string()), self._table["id"].take(keys))
        if places.null_count:
            missing = ids[pc.index(places.is_null(), True).as_py()]
            raise ValueError(
                f"{places.null_count} ids are not in the collection, {missing!r} for one."
            )
        return keys[places.to_numpy()]

    def photographs(self, keys: np.ndarray) -> pa.Table:
        """See ``Collection``."""
        return self._table.take(keys)

    def vectors(self, keys: np.ndarray) -> Any:
        """See ``Collection``."""
        return self.index.vectors(keys)

    def _among(self, where: Sequence[Condition]) -> np.ndarray | None:
        """The rows that may be found, None for all."""
        return self._satisfying(tuple(where)) if where else self._live

    def _all_satisfying(self, where: tuple[Condition, ...]) -> np.ndarray:
        satisfied = filters.holds(self._table, where)
        return satisfied if self._live is None else satisfied & self._live


def open_folder(folder: Path) -> FaissCollection:
    """Opens a collection.

    Raises:
        FileNotFoundError: If the folder holds none.
        ValueError: If its parts do not belong together.
    """
    return generations.read(folder, BUILD_COMMAND, _opened)


@contextlib.contextmanager
def creating(folder: Path) -> Iterator["FaissCreation"]:
    """Makes a collection, in place of the one that the folder may hold.

    Raises:
        BlockingIOError: If another process is changing it.
    """
    with generations.writing(folder) as scratch:
        yield FaissCreation(Generation(folder, generations.standing(folder)), scratch)


class FaissCreation:
    """A collection that is being made.

    Args:
        generation: That it becomes.
        scratch: A folder for what is not to stay.
    """

    def __init__(self, generation: Generation, scratch: Path) -> None:
        self._generation = generation
        self.scratch = scratch

    def commit(self, index: Index, photographs: pa.Table, described: dict[str, Any]) -> None:
        """Makes it the collection that is read.

        Args:
            index: A row for every photograph.
            photographs: The table of them, with an id each.
            described: What the manifest says besides.
        """
        _write(self._generation, index, photographs, None, described)


@contextlib.contextmanager
def changing(folder: Path) -> Iterator["FaissChange"]:
    """Changes a collection: what the block did takes effect as a whole, when it ends well.

    Raises:
        FileNotFoundError: If the folder holds no collection.
        ValueError: If its parts do not belong together.
        BlockingIOError: If another process is changing it.
    """
    described = generations.described(folder, BUILD_COMMAND)
    with generations.writing(folder) as scratch:
        described = generations.described(folder, BUILD_COMMAND)
        change = FaissChange(folder, described, scratch)
        yield change
        change.write(Generation(folder, described))


class FaissChange(CheckedChange):
    """A change that is being made to a collection.

    Args:
        folder: Of the collection.
        described: Its manifest.
        scratch: A folder for what is not to stay.
    """

    def __init__(self, folder: Path, described: dict[str, Any], scratch: Path) -> None:
        super().__init__(described)
        before = _opened(folder, described)
        self._folder = folder
        self._scratch = scratch
        self._index = before.index
        self._is_own = False  # whether the index is in memory, or a copy
        self._table = before._table
        self._live = np.ones(len(self._table), bool)
        self._live[:] = True if before._live is None else before._live
        self._added = self._removed = 0

    def remove(self, ids: Sequence[str]) -> None:
        """See ``Change``."""
        self._live[self.now().keys_of(ids)] = False
        self._removed += len(ids)

    def write(self, generation: Generation) -> None:
        """Writes what has changed."""
        described = {**self._manifest, "photographs": int(np.count_nonzero(self._live))}
        if np.count_nonzero(~self._live) > _REMOVED_AT_MOST * len(self._live):
            kept = np.flatnonzero(self._live)
            index = self._own_index().kept(kept)
            _write(generation, index, self._table.take(kept), None, described)
        elif self._added:
            live = None if self._live.all() else self._live
            _write(generation, self._index, self._table, live, described)
        else:
            if self._removed:
                _write_removed(generation, self._live)
            generation.commit(described)

    def now(self) -> FaissCollection:
        """See ``Change``."""
        return FaissCollection(self._index, self._table, self._live, self._manifest)

    def _those_there(self, ids: pa.ChunkedArray) -> list[str]:
        held = self._table["id"].filter(pa.array(self._live))
        return list(ids.filter(pc.is_in(ids, value_set=held)).to_pylist())

    def _taken(self, vectors: Descriptions) -> Any:
        return self._index.checked(vectors, "A vector")

    def _append(self, vectors: Any, photographs: pa.Table) -> None:
        self._own_index().add(vectors)
        self._table = pa.concat_tables([self._table, photographs])
        self._live = np.concatenate([self._live, np.ones(len(vectors), bool)])
        self._added += len(vectors)

    def _own_index(self) -> Index:
        """The index as it may be changed: no reader has it."""
        if not self._is_own:
            self._index = _index_to_change(self._folder, self._manifest, self._scratch)
            self._is_own = True
        return self._index


BUILD_COMMAND = "python -m pipeline.build_index --model=exported/MODEL --data=NAME --kind=flat"


def _opened(folder: Path, described: dict[str, Any]) -> FaissCollection:
    if not {_INDEX, _PHOTOGRAPHS} <= set(described["files"]):
        raise ValueError(f"{folder} holds no index; build it with `{BUILD_COMMAND}`.")
    paths = generations.paths(folder, described)
    kind, metric_name = described["kind"], described["metric"]
    index: Index
    if kind == INVERTED:
        index = InvertedIndex.load(paths[_INDEX])
    else:
        index = FaissIndex.load(paths[_INDEX], kind, metric_name, has_lists=_LISTS in paths)
    table = _read_table(paths[_PHOTOGRAPHS])
    if (len(index), index.dimension) != (len(table), described["dimension"]):
        raise ValueError(
            f"{folder} holds {len(index)} vectors of {index.dimension} dimensions for "
            f"{len(table)} photographs of {described['dimension']}; build it again with "
            f"`{BUILD_COMMAND} --overwrite`."
        )
    live = None
    if _REMOVED in paths:
        live = np.ones(len(table), bool)
        live[np.load(paths[_REMOVED])] = False
    return FaissCollection(index, table, live, described)


def _index_to_change(folder: Path, described: dict[str, Any], scratch: Path) -> Index:
    paths = generations.paths(folder, described)
    kind, metric_name = described["kind"], described["metric"]
    if kind == INVERTED:
        return InvertedIndex.load(paths[_INDEX])
    if _LISTS in paths:
        return DiskIndex.to_change(paths[_INDEX], kind, metric_name, scratch)
    return FaissIndex.load(paths[_INDEX], kind, metric_name, mapped=False)


def _read_table(path: Path) -> pa.Table:
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except FileNotFoundError:  # of a generation that has been replaced
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(
            f"{path} is damaged; build it again with `{BUILD_COMMAND} --overwrite`."
        ) from error


def _write(
    generation: Generation,
    index: Index,
    table: pa.Table,
    live: np.ndarray | None,
    described: dict[str, Any],
) -> None:
    def write_table(path: Path) -> None:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table.combine_chunks())

    if isinstance(index, DiskIndex):
        generation.write(_LISTS, ".ivfdata", index.move_lists)
    else:
        generation.drop(_LISTS)
    generation.write(_INDEX, index.suffix, index.save)
    generation.write(_PHOTOGRAPHS, ".arrow", write_table)
    if live is None:
        generation.drop(_REMOVED)
    else:
        _write_removed(generation, live)
    generation.commit(described)


def _write_removed(generation: Generation, live: np.ndarray) -> None:
    removed = np.flatnonzero(~live)
    generation.write(_REMOVED, ".npy", lambda path: np.save(path, removed))
