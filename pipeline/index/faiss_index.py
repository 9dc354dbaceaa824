"""A Faiss index: rows numbered in the order they were added, searched among all or some."""

import errno
import os
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from pipeline.descriptions import Descriptions
from pipeline.index import kinds, metric
from pipeline.index.metric import Metric

_untyped: Any = faiss  # its type hints lack what its Python layer adds

# What decides how hard an index looks, by the name that Faiss's ParameterSpace gives it.
EFFORTS = ("nprobe", "efSearch", "k_factor_rf")
_WITH_SELECTOR = (
    *(faiss.IndexFlat, faiss.IndexScalarQuantizer, faiss.IndexRaBitQ),
    *(faiss.IndexIVF, faiss.IndexHNSW),
)
_ADDITIVE = faiss.IndexIVFAdditiveQuantizer  # whose scanner knows no selector
_WITHOUT_REMOVAL = faiss.IndexHNSW | faiss.IndexNSG | faiss.IndexRefine
# A graph leads past rows that are not allowed; where fewer than this share are, all that are
# allowed are compared, and above it the graph is searched that many times wider at most.
_NARROW = 1 / 20
_ADDED_AT_A_TIME = 65_536
_WRITTEN_AT_ONCE = 2**20  # bytes
_FURTHER = 4  # times as hard a search looks that has found too few
_TRIED_FIRST = 1.5  # times as many results as would hold k allowed ones, were rows drawn at random


class FaissIndex:
    """A trained Faiss index.

    Args:
        index: The Faiss index.
        kind: What it was asked for as: one of ``kinds.KINDS`` or a factory string.
        metric: What its similarities are.
    """

    suffix = ".faiss"  # of its file

    def __init__(self, index: Any, kind: str, metric: Metric = "cosine") -> None:
        self.kind = kind
        self.metric = metric
        self.faiss = index
        self._outer = faiss.downcast_index(index)

    @classmethod
    def load(
        cls,
        path: Path,
        kind: str,
        metric: Metric = "cosine",
        *,
        mapped: bool = True,
        has_lists: bool = False,
    ) -> "FaissIndex":
        """Reads an index from its file.

        Args:
            path: The file.
            kind: As ``FaissIndex`` takes it.
            metric: Likewise.
            mapped: Whether what is large stays on disk and is read where a search needs it;
                such an index cannot be changed.
            has_lists: Whether its inverted lists lie in a file of their own beside it, see
                ``disk_index``; they are mapped anyway.

        Raises:
            FileNotFoundError: If there is no file.
            ValueError: If the file is no Faiss index.
        """
        if has_lists:
            flags = faiss.IO_FLAG_ONDISK_SAME_DIR | faiss.IO_FLAG_READ_ONLY
        else:
            flags = faiss.IO_FLAG_MMAP_IFC if mapped else 0
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, "No such index", str(path))
        try:
            with kinds.silenced():
                return cls(faiss.read_index(str(path), flags), kind, metric)
        except RuntimeError as error:
            if not path.is_file():
                raise FileNotFoundError(errno.ENOENT, "No such index", str(path)) from error
            raise ValueError(
                f"{path} is damaged; build it again with `python -m pipeline.build_index "
                "--overwrite`."
            ) from error

    @property
    def dimension(self) -> int:
        """Of a vector."""
        return self.faiss.d

    @property
    def bytes(self) -> int:
        """Size of the index when written."""
        sizes: list[int] = []
        writer = _untyped.PyCallbackIOWriter(lambda part: sizes.append(len(part)), _WRITTEN_AT_ONCE)
        faiss.write_index(self.faiss, writer)
        return sum(sizes)

    def __len__(self) -> int:
        return self.faiss.ntotal

    @property
    def cells(self) -> int:
        """Of the inverted file; 1 if it is none."""
        parts = kinds.parts(self.faiss)
        return next((part.nlist for part in parts if isinstance(part, faiss.IndexIVF)), 1)

    @property
    def is_angular(self) -> bool:
        """Whether it compares directions, whatever the length of a vector."""
        return any(isinstance(part, faiss.IndexLSH) for part in kinds.parts(self.faiss))

    @property
    def effort(self) -> dict[str, float]:
        """What decides how hard it looks: of ``EFFORTS`` those that it has."""
        found: dict[str, float] = {}
        for part in kinds.parts(self.faiss):
            if isinstance(part, faiss.IndexIVF):
                found["nprobe"] = part.nprobe
            elif isinstance(part, faiss.IndexHNSW):
                found["efSearch"] = part.hnsw.efSearch
            elif isinstance(part, faiss.IndexRefine):
                found["k_factor_rf"] = part.k_factor
        return found

    def set_effort(self, effort: dict[str, float]) -> None:
        """Sets what ``effort`` gives."""
        for name, value in effort.items():
            faiss.ParameterSpace().set_index_parameter(self.faiss, name, value)

    def checked(self, vectors: Descriptions, what: str) -> np.ndarray:
        """Vectors after a check that this index takes them, see ``metric.checked``."""
        return metric.checked(vectors, self.dimension, self.metric, what)

    def add(self, vectors: np.ndarray) -> None:
        """Adds vectors, float32 ``(n, dim)``, in the rows that follow.

        Raises:
            ValueError: If the kind takes none.
        """
        self._map_directly(_untyped.DirectMap.NoMap)
        try:
            self.faiss.add(vectors)
        except RuntimeError as error:
            raise ValueError(
                f"An index of the kind {self.kind} takes no vectors: {kinds.reason(error)}."
            ) from error

    def search(
        self, queries: np.ndarray, k: int, among: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Finds the ``k`` nearest of every query.

        Args:
            queries: float32 ``(queries, dim)``, of unit length where the metric is the cosine.
            k: How many, at most the vectors held.
            among: bool ``(len(self),)``, the rows that may be found; None for all.

        Returns:
            Similarities float32 ``(queries, k)``, best first: the metric's, or the index's
            estimate of it. Rows int64 ``(queries, k)``. Where it finds fewer, rows are -1 and
            similarities -inf.
        """
        if among is None:
            distances, rows = self._ask(queries, k)
            if _fewest(rows, k) < 0 and self._most_widening() > 1:
                return self._look_further(queries, k, None, len(self), _FURTHER)
            return self._similar(distances, rows)
        count = int(np.count_nonzero(among))
        if count == len(among):
            return self.search(queries, k)
        return self._search_among(queries, k, among, count)

    def _search_among(
        self, queries: np.ndarray, k: int, among: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        if count == 0:
            shape = len(queries), k
            return np.full(shape, -np.inf, np.float32), np.full(shape, -1)
        if not _takes_selector(self._outer):
            return self._search_and_choose(queries, k, among, count)
        selector = _untyped.IDSelectorBitmap(np.packbits(among, bitorder="little"))
        widen = len(among) / count
        if isinstance(self._outer, faiss.IndexHNSW) and 1 / widen < _NARROW:
            exhaustive = faiss.downcast_index(self._outer.storage)
            parameters = _parameters(exhaustive, selector, 1)
            return self._similar(*exhaustive.search(queries, k, params=parameters))
        return self._look_further(queries, k, selector, count, widen)

    def _look_further(
        self, queries: np.ndarray, k: int, selector: Any, count: int, widen: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Looks harder and harder, until ``k`` of ``count`` are found or all are seen."""
        while True:
            distances, rows = self._ask(queries, k, _parameters(self._outer, selector, widen))
            if _fewest(rows, min(k, count)) >= 0 or widen >= self._most_widening():
                return self._similar(distances, rows)
            widen *= _FURTHER

    def _ask(
        self, queries: np.ndarray, k: int, parameters: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        try:
            return self.faiss.search(queries, k, params=parameters)
        except RuntimeError as error:
            raise ValueError(
                f"An index of the kind {self.kind} cannot be searched so: {kinds.reason(error)}."
            ) from error

    def _most_widening(self) -> float:
        """How many times as hard it can look until it looks everywhere."""
        most = 1.0
        for part in kinds.parts(self.faiss):
            if isinstance(part, faiss.IndexIVF):
                most = max(most, part.nlist / part.nprobe)
            elif isinstance(part, faiss.IndexHNSW):
                most = max(most, len(self) / part.hnsw.efSearch)
        return most

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """The vectors of some rows as the index holds them, float32 ``(n, dim)``.

        A compressed index holds them roughly, and not of unit length.
        """
        if isinstance(self._outer, faiss.IndexIVFFastScan):
            raise ValueError(
                f"From an index of the kind {self.kind} no vectors can be read; add Refine(SQ8) to "
                "it, or use another."
            )
        self._map_directly(_untyped.DirectMap.Array)
        return self.faiss.reconstruct_batch(np.ascontiguousarray(rows, np.int64))

    def _map_directly(self, kind: int) -> None:
        """Has inverted files know where each row lies, or no longer: that hinders changes."""
        for part in kinds.parts(self.faiss):
            if isinstance(part, faiss.IndexIVF) and part.direct_map.type != kind:
                part.set_direct_map_type(kind)

    def kept(self, rows: np.ndarray) -> "FaissIndex":
        """An index of some rows alone, ascending, in their order; it may be this one, changed.

        Codes stay as they are. A graph is linked anew. As the nearest of a query are then further
        apart, it looks so many times harder.
        """
        widen = len(self) / max(1, len(rows))
        self._map_directly(_untyped.DirectMap.NoMap)
        index = self._only(rows)
        if "nprobe" in self.effort:
            index.set_effort(
                {"nprobe": min(self.cells, int(np.ceil(widen * self.effort["nprobe"])))}
            )
        return index

    def _only(self, rows: np.ndarray) -> "FaissIndex":
        if any(isinstance(part, _WITHOUT_REMOVAL) for part in kinds.parts(self.faiss)):
            return self._made_again(rows)
        removed = np.ones(len(self), bool)
        removed[rows] = False
        self.faiss.remove_ids(_untyped.IDSelectorBitmap(np.packbits(removed, bitorder="little")))
        for part in kinds.parts(self.faiss):
            if isinstance(part, faiss.IndexIVF):
                _renumber(part, rows, len(removed))
        return self

    def save(self, path: Path) -> None:
        """Writes the index to one file.

        Raises:
            OSError: If it cannot be written.
        """
        self._map_directly(_untyped.DirectMap.NoMap)
        try:
            faiss.write_index(self.faiss, str(path))
        except RuntimeError as error:
            code = errno.ENOSPC if os.strerror(errno.ENOSPC) in str(error) else errno.EIO
            raise OSError(code, os.strerror(code), str(path)) from error

    def _made_again(self, rows: np.ndarray) -> "FaissIndex":
        emptied = faiss.clone_index(self.faiss)
        emptied.reset()
        for start in range(0, len(rows), _ADDED_AT_A_TIME):
            emptied.add(self.vectors(rows[start : start + _ADDED_AT_A_TIME]))
        return FaissIndex(emptied, self.kind, self.metric)

    def _search_and_choose(
        self, queries: np.ndarray, k: int, among: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Searches for more and more, until ``k`` of each query are allowed or all are."""
        wanted = min(k, count)
        depth = int(_TRIED_FIRST * wanted * len(among) / count) + 1
        while True:
            depth = min(depth, len(among))
            similarities, rows = self.search(queries, depth)
            allowed = (rows >= 0) & among[rows]
            if depth == len(among) or (allowed.sum(axis=1) >= wanted).all():
                break
            depth *= 2
        order = np.argsort(~allowed, axis=1, kind="stable")[:, :k]
        rows = np.where(allowed, rows, -1)
        similarities = np.where(allowed, similarities, -np.inf).astype(np.float32)
        missing = ((0, 0), (0, k - order.shape[1]))
        return (
            np.pad(np.take_along_axis(similarities, order, 1), missing, constant_values=-np.inf),
            np.pad(np.take_along_axis(rows, order, 1), missing, constant_values=-1),
        )

    def _similar(self, distances: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(self._outer, faiss.IndexLSH):
            similarities = np.cos(np.pi / self._outer.nbits * distances)
        else:
            similarities = metric.similarity(self.metric, distances)
        if _fewest(rows, rows.shape[1]) < 0:
            similarities = np.where(rows < 0, np.float32(-np.inf), similarities)
        return similarities, rows


def _renumber(index: Any, rows: np.ndarray, count: int) -> None:
    """Gives the vectors left in an inverted file, which keep their numbers, those of their places.

    Args:
        index: The inverted file, in memory.
        rows: int, those left, ascending.
        count: How many rows there were.
    """
    places = np.full(count, -1)
    places[rows] = np.arange(len(rows))
    lists = index.invlists
    for cell in range(index.nlist):
        size = lists.list_size(cell)
        if size:
            ids = _untyped.rev_swig_ptr(lists.get_ids(cell), size)
            ids[:] = places[ids]


def _fewest(rows: np.ndarray, k: int) -> int:
    """Below 0 if any query lacks its ``k``-th row; what is missing is missing at the end."""
    if len(rows) == 1:  # without NumPy's detour: microseconds count
        return rows[0, k - 1]
    return rows[:, k - 1].min(initial=0)


def _takes_selector(index: Any) -> bool:
    part = kinds.parts(index)[1 if _wraps(index) else 0]
    if isinstance(part, faiss.IndexHNSW):  # which is left aside where few are allowed
        return isinstance(faiss.downcast_index(part.storage), _WITH_SELECTOR)
    return isinstance(part, _WITH_SELECTOR) and not isinstance(part, _ADDITIVE)


def _wraps(index: Any) -> bool:
    return isinstance(index, faiss.IndexRefine | faiss.IndexPreTransform)


def _parameters(index: Any, selector: Any, widen: float) -> Any:
    """Parameters of one search among selected rows.

    Args:
        index: As Faiss's ``downcast_index`` gives it.
        selector: Of rows; None for all.
        widen: How many times as hard to look, as so many times fewer rows are allowed.
    """
    if isinstance(index, faiss.IndexRefine):
        base = _parameters(faiss.downcast_index(index.base_index), selector, widen)
        return _untyped.IndexRefineSearchParameters(k_factor=index.k_factor, base_index_params=base)
    if isinstance(index, faiss.IndexPreTransform):
        inner = _parameters(faiss.downcast_index(index.index), selector, widen)
        return _untyped.SearchParametersPreTransform(index_params=inner)
    among = {} if selector is None else {"sel": selector}
    if isinstance(index, faiss.IndexIVF):
        cells = min(index.nlist, int(np.ceil(widen * index.nprobe)))
        return _untyped.SearchParametersIVF(**among, nprobe=cells)
    if isinstance(index, faiss.IndexHNSW):
        effort = int(widen * index.hnsw.efSearch)
        return _untyped.SearchParametersHNSW(**among, efSearch=effort)
    return _untyped.SearchParameters(**among)
