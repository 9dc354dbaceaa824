"""Inverted files larger than memory: filled block by block, merged in a file, searched there.

An index is trained in memory as ever. Its vectors go into copies of it, each as large as memory
allows and written to a scratch folder. Before a search the lists of all, and of the file so far,
are merged cell by cell into one new file, which is mapped into memory. No file that is there is
changed: adding to lists on disk in place spoils them (Faiss 1.15).
"""

import shutil
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from pipeline.index import kinds
from pipeline.index.faiss_index import FaissIndex
from pipeline.index.metric import Metric

_BLOCK_BYTES = 2**28  # of vectors, in memory
_MERGED_TOGETHER = 32  # blocks, each of which has the centroids in memory meanwhile
_ID_BYTES = 8  # of a vector in a list
_untyped: Any = faiss  # its type hints lack what its Python layer adds


def least_bytes(index: FaissIndex, count: int) -> int:
    """What an index of so many vectors takes at least: their codes, and their numbers."""
    size = 0
    for part in kinds.parts(index.faiss):
        storage = faiss.downcast_index(part.storage) if hasattr(part, "storage") else part
        ids = _ID_BYTES if isinstance(part, faiss.IndexIVF) else 0
        size += getattr(storage, "code_size", 0) + ids
    return size * count


def inverted_file(index: Any) -> Any:
    """The inverted file that an index is, behind a transformation or not; None if it is none.

    Nor is one whose lists cannot be merged: codes that are scanned in registers lie in blocks.
    """
    last = kinds.parts(index)[-1]
    if isinstance(last, faiss.IndexIVF) and not isinstance(last, faiss.IndexIVFFastScan):
        return last
    return None


class DiskIndex(FaissIndex):
    """An inverted file whose lists lie in a file of their own.

    Args:
        index: The Faiss index, trained; empty, or with lists on disk.
        empty: The same, empty, its lists in memory.
        kind: See ``FaissIndex``; likewise ``metric``.
        scratch: A folder for what is being made.
        block_bytes: How much of the lists may be in memory.
    """

    def __init__(
        self,
        index: Any,
        empty: Any,
        kind: str,
        metric: Metric,
        scratch: Path,
        block_bytes: int = _BLOCK_BYTES,
    ) -> None:
        super().__init__(index, kind, metric)
        self._scratch = scratch
        self._block = empty
        self._most = max(1, min(block_bytes, _BLOCK_BYTES) // least_bytes(self, 1))
        self._blocks: list[Path] = []
        self._parts: list[Any] = []  # lists of earlier blocks, on disk
        self._count = index.ntotal
        self._merges = 0

    @classmethod
    def trained(cls, index: FaissIndex, scratch: Path, block_bytes: int) -> "DiskIndex":
        """Of an index that is trained and empty, whose lists will lie on disk."""
        empty = faiss.clone_index(index.faiss)
        return cls(index.faiss, empty, index.kind, index.metric, scratch, block_bytes)

    @classmethod
    def to_change(cls, path: Path, kind: str, metric: Metric, scratch: Path) -> "DiskIndex":
        """Reads an index to be changed; its files stay as they are."""
        opened = FaissIndex.load(path, kind, metric, has_lists=True)
        with kinds.silenced():
            empty = faiss.read_index(str(path), _untyped.IO_FLAG_SKIP_IVF_DATA)
        file = inverted_file(empty)
        lists = faiss.ArrayInvertedLists(file.nlist, file.code_size)
        file.replace_invlists(lists, True)
        _disown(lists)
        _set_count(empty, 0)
        return cls(opened.faiss, empty, kind, metric, scratch)

    def __len__(self) -> int:
        return self._count

    @property
    def bytes(self) -> int:
        """Size of both files when written."""
        self._merge()
        return super().bytes + Path(self._lists().filename).stat().st_size

    def add(self, vectors: np.ndarray) -> None:
        """See ``FaissIndex``."""
        for start in range(0, len(vectors), self._most):
            part = vectors[start : start + self._most]
            self._make_room(len(part))
            self._block.add_with_ids(part, np.arange(self._count, self._count + len(part)))
            self._count += len(part)

    def search(
        self, queries: np.ndarray, k: int, among: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """See ``FaissIndex``."""
        self._merge()
        return super().search(queries, k, among)

    def vectors(self, rows: np.ndarray) -> np.ndarray:
        """See ``FaissIndex``."""
        self._merge()
        return super().vectors(rows)

    def save(self, path: Path) -> None:
        """Writes the index but for its lists, which ``move_lists`` has put beside it.

        Raises:
            OSError: If it cannot be written.
        """
        self._merge()
        super().save(path)

    def move_lists(self, path: Path) -> None:
        """Moves the file of the lists; the index goes on reading it."""
        self._merge()
        lists = self._lists()
        shutil.move(lists.filename, path)
        lists.filename = str(path)

    def _only(self, rows: np.ndarray) -> FaissIndex:
        self._merge()
        if not len(rows):  # and no file can be mapped
            return FaissIndex(self._block, self.kind, self.metric)
        places = np.full(len(self), -1)
        places[rows] = np.arange(len(rows))
        file, lists = inverted_file(self.faiss), self._lists()
        for cell in range(file.nlist):
            size = lists.list_size(cell)
            if not size:
                continue
            ids = _untyped.rev_swig_ptr(lists.get_ids(cell), size)
            codes = _untyped.rev_swig_ptr(lists.get_codes(cell), size * file.code_size)
            kept = places[ids] >= 0
            self._add_codes(cell, places[ids][kept], codes.reshape(size, -1)[kept])
        self._count = len(rows)
        self._replace_lists([])
        return self

    def _add_codes(self, cell: int, rows: np.ndarray, codes: np.ndarray) -> None:
        if not len(rows):
            return
        self._make_room(len(rows))
        lists = inverted_file(self._block).invlists
        codes = np.ascontiguousarray(codes)
        lists.add_entries(cell, len(rows), _untyped.swig_ptr(rows), _untyped.swig_ptr(codes))
        _set_count(self._block, self._block.ntotal + len(rows))

    def _make_room(self, count: int) -> None:
        """Writes the block if there is no room in it for so many vectors more."""
        if self._block.ntotal and self._block.ntotal + count > self._most:
            self._write_block()

    def _write_block(self) -> None:
        path = self._scratch / f"block-{len(self._blocks)}.faiss"
        FaissIndex(self._block, self.kind, self.metric).save(path)
        self._blocks.append(path)
        self._block.reset()
        if len(self._blocks) == _MERGED_TOGETHER:
            self._parts.append(self._merge_blocks([]))

    def _lists(self) -> Any:
        """On disk; None where nothing was merged yet."""
        lists = faiss.downcast_InvertedLists(inverted_file(self.faiss).invlists)
        return lists if isinstance(lists, faiss.OnDiskInvertedLists) else None

    def _merge(self) -> None:
        """Merges what was added into a new file."""
        if self._block.ntotal or self._blocks or self._parts:
            so_far = self._lists()
            self._replace_lists([] if so_far is None else [so_far])

    def _replace_lists(self, others: list[Any]) -> None:
        """Replaces the lists by others and those of all that was added, merged."""
        self._map_directly(_untyped.DirectMap.NoMap)
        if self._block.ntotal:
            self._write_block()
        file, before = inverted_file(self.faiss), self._lists()
        unused = [Path(lists.filename) for lists in self._parts]
        if before is not None and Path(before.filename).parent == self._scratch:
            unused.append(Path(before.filename))
        merged = self._merge_blocks([*others, *self._parts])
        self._parts = []
        file.replace_invlists(merged, True)
        _disown(merged)
        _set_count(self.faiss, self._count)
        for path in unused:
            path.unlink()

    def _merge_blocks(self, others: list[Any]) -> Any:
        """Other lists and those of the blocks, merged in a new file; removes the blocks."""
        blocks = [faiss.read_index(str(path), faiss.IO_FLAG_MMAP) for path in self._blocks]
        pointers = _untyped.InvertedListsPtrVector()
        for lists in [*others, *(inverted_file(block).invlists for block in blocks)]:
            pointers.push_back(lists)
        self._merges += 1
        file, path = inverted_file(self.faiss), self._scratch / f"merged-{self._merges}.ivfdata"
        merged = _untyped.OnDiskInvertedLists(file.nlist, file.code_size, str(path))
        with kinds.silenced():
            merged.merge_from_multiple(pointers.data(), pointers.size(), False)
        for block in self._blocks:
            block.unlink()
        self._blocks = []
        return merged


def _disown(lists: Any) -> None:
    """Leaves lists to the index that they were given to."""
    lists.this.disown()


def _set_count(index: Any, count: int) -> None:
    for part in kinds.parts(index):
        part.ntotal = count
