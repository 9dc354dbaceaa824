"""Random access into TFRecord files.

Each record is framed by its length (uint64, little endian), a checksum of that (4 bytes), the
bytes, and their checksum (4 bytes): https://www.tensorflow.org/tutorials/load_data/tfrecord.
Knowing where records start lets an epoch be any order of them, a resumed run skip without
reading, and the page show one photograph without reading the others.
"""

import dataclasses
import os
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_HEADER = struct.Struct("<QI")
_FOOTER_BYTES = 4


def record_offsets(path: Path) -> np.ndarray:
    """Where each whole record of a file starts, int64 ``(records,)``.

    Reads only the frames. A record cut off at the end of the file is not counted.
    """
    size = path.stat().st_size
    offsets = []
    position = 0
    with path.open("rb", buffering=_HEADER.size) as file:
        while position + _HEADER.size + _FOOTER_BYTES <= size:
            file.seek(position)
            length, _ = _HEADER.unpack(file.read(_HEADER.size))
            end = position + _HEADER.size + length + _FOOTER_BYTES
            if end > size:
                break
            offsets.append(position)
            position = end
    return np.asarray(offsets, np.int64)


def read_record(path: Path, offset: int) -> bytes:
    """The bytes of the record that starts at ``offset``.

    Raises:
        FileNotFoundError: If the file is gone.
        ValueError: If the file ends before the record does.
    """
    with path.open("rb", buffering=0) as file:
        header = os.pread(file.fileno(), _HEADER.size, offset)
        if len(header) == _HEADER.size:
            length, _ = _HEADER.unpack(header)
            start = offset + _HEADER.size
            if start + length <= path.stat().st_size:  # where no record starts, it is any number
                return os.pread(file.fileno(), length, start)
    raise ValueError(f"{path} ends within the record at byte {offset}; it was cut or replaced.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordFiles:
    """Record files seen as one long list of records.

    Attributes:
        paths: The files.
        file: int32 ``(records,)``, which of them holds each record.
        offset: int64 ``(records,)``, where in it the record starts.
    """

    paths: tuple[Path, ...]
    file: np.ndarray
    offset: np.ndarray

    @classmethod
    def open(cls, paths: Sequence[Path]) -> "RecordFiles":
        """Finds every record of the files.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If a file holds no whole record.
        """
        offsets = [record_offsets(path) for path in paths]
        for path, found in zip(paths, offsets, strict=True):
            if not len(found):
                raise ValueError(f"{path} holds no whole TFRecord; copy or build it again.")
        return cls(
            paths=tuple(paths),
            file=np.repeat(np.arange(len(paths), dtype=np.int32), [len(o) for o in offsets]),
            offset=np.concatenate(offsets),
        )

    def __len__(self) -> int:
        return len(self.offset)

    def read(self, number: int) -> bytes:
        """The bytes of one record."""
        return read_record(self.paths[self.file[number]], int(self.offset[number]))

    def where(self, number: int) -> str:
        """Names a record for a message."""
        return f"{self.paths[self.file[number]]}, byte {self.offset[number]}"
