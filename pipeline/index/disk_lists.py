"""Inverted files larger than memory: filled block by block, merged in a file, searched there.

An index is trained in memory as ever. Its vectors go into copies of it, each as large as memory
allows and written to a scratch folder; the lists of all are then merged cell by cell into one file
that searching maps into memory.
"""

import shutil
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from pipeline.index import kinds
from pipeline.index.faiss_index import FaissIndex

_ID_BYTES = 8  # of a vector in a list
_untyped: Any = faiss  # its type hints lack what its Python layer adds


def least_bytes(index: FaissIndex, count: int) -> int:
    """What an index of so many vectors takes at least."""
    ids = 0 if inverted_file(index.faiss) is None else _ID_BYTES
    return count * (index.faiss.sa_code_size() + ids)


def inverted_file(index: Any) -> Any:
    """The inverted file that an index is, behind a transformation or not; None if it is none.

    Nor is one whose lists cannot be merged: codes that are scanned in registers lie in blocks.
    """
    last = kinds.parts(index)[-1]
    if isinstance(last, faiss.IndexIVF) and not isinstance(last, faiss.IndexIVFFastScan):
        return last
    return None


class MergedOnDisk:
    """An inverted file that is being filled.

    Args:
        index: Trained and empty; it holds the merged lists in the end.
        scratch: A folder, in which they are then too.
        block_bytes: How much of them is in memory.
    """

    def __init__(self, index: FaissIndex, scratch: Path, block_bytes: int) -> None:
        self._index = index
        self._scratch = scratch
        self._most = max(1, block_bytes // max(1, least_bytes(index, 1)))
        self._block = faiss.clone_index(index.faiss)
        self._paths: list[Path] = []
        self._count = 0

    def add(self, vectors: np.ndarray) -> None:
        """Adds vectors, float32 ``(n, dim)``, in the rows that follow."""
        for start in range(0, len(vectors), self._most):
            part = vectors[start : start + self._most]
            if self._block.ntotal and self._block.ntotal + len(part) > self._most:
                self._write_block()
            rows = np.arange(self._count, self._count + len(part))
            self._block.add_with_ids(part, rows)
            self._count += len(part)

    def merge(self) -> None:
        """Merges what was added; nothing more can be."""
        self._write_block()
        blocks = [faiss.read_index(str(path), faiss.IO_FLAG_MMAP) for path in self._paths]
        file = inverted_file(self._index.faiss)
        path = self._scratch / "merged.ivfdata"
        merged = _untyped.OnDiskInvertedLists(file.nlist, file.code_size, str(path))
        pointers = _untyped.InvertedListsPtrVector()
        for block in blocks:
            pointers.push_back(inverted_file(block).invlists)
        with kinds.silenced():
            count = merged.merge_from_multiple(pointers.data(), pointers.size(), False)
        file.replace_invlists(merged, True)
        merged.this.disown()
        for part in kinds.parts(self._index.faiss):
            part.ntotal = count
        del blocks
        for block_path in self._paths:
            block_path.unlink()

    def _write_block(self) -> None:
        path = self._scratch / f"block-{len(self._paths)}.faiss"
        FaissIndex(self._block, self._index.kind, self._index.metric).save(path)
        self._paths.append(path)
        self._block.reset()


def lists_path(index: FaissIndex) -> Path | None:
    """The file that the lists of an index lie in; None where they are in the index's own."""
    lists = _on_disk(index)
    return None if lists is None else Path(lists.filename)


def move_lists(index: FaissIndex, path: Path) -> None:
    """Moves that file; the index goes on reading it."""
    lists = _on_disk(index)
    shutil.move(lists.filename, path)
    lists.filename = str(path)


def _on_disk(index: FaissIndex) -> Any:
    file = inverted_file(index.faiss)
    lists = None if file is None else faiss.downcast_InvertedLists(file.invlists)
    return lists if isinstance(lists, faiss.OnDiskInvertedLists) else None
