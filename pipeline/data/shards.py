"""Random access into TFRecord files, and what can still be had from damaged ones.

Each record is framed by its length (uint64, little endian), a checksum of that (4 bytes), the
bytes, and their checksum (4 bytes): https://www.tensorflow.org/tutorials/load_data/tfrecord.
The checksums are CRC-32C, rotated by 15 bits and shifted by a constant. Knowing where records
start lets an epoch be any order of them, a resumed run skip without reading, and the page show
one photograph without reading the others.
"""

import dataclasses
import os
import struct
from collections.abc import Sequence
from pathlib import Path

import google_crc32c
import numpy as np

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_FRAME_BYTES = _HEADER.size + _CHECKSUM.size  # what a record takes beside its own bytes
_SEARCH_BYTES = 2**20
# Above the lengths that are looked for where one was lost: it makes their upper half zero, which
# few places within a photograph are.
_LONGEST = 2**32


@dataclasses.dataclass(frozen=True, kw_only=True)
class Damage:
    """Bytes of a record file in which there is no whole record.

    Attributes:
        path: The file.
        offset: Where they start.
        reason: What is wrong.
    """

    path: Path
    offset: int
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scan:
    """Where the records of a file are.

    Attributes:
        offsets: int64 ``(records,)``, where each starts.
        damage: What lies between them or after the last.
    """

    offsets: np.ndarray
    damage: tuple[Damage, ...]


class DamagedRecordError(ValueError):
    """A record that cannot be had.

    Attributes:
        reason: What is wrong, without where.
    """

    def __init__(self, path: Path, offset: int, reason: str) -> None:
        super().__init__(f"{path}, byte {offset}: {reason}.")
        self.reason = reason


def scan_records(path: Path) -> Scan:
    """Finds the whole records of a file by reading the frames only.

    Where a length is damaged the next frame is searched for, so one flipped bit costs one record,
    and a file that was cut off yields every whole record before the cut. The records' own bytes
    are checked when they are read.

    Raises:
        FileNotFoundError: If the file is missing.
    """
    offsets: list[int] = []
    damage: list[Damage] = []
    size = path.stat().st_size
    position = 0
    with path.open("rb", buffering=0) as file:
        while position < size:
            length = _length(os.pread(file.fileno(), _HEADER.size, position))
            if length is None:
                found = _next_frame(file.fileno(), position + 1, size)
                reason = f"no record starts here, and {found - position} bytes are lost"
                damage.append(Damage(path=path, offset=position, reason=reason))
                position = found
                continue
            end = position + _FRAME_BYTES + length
            if end > size:
                reason = f"the file ends {end - size} bytes before the record does"
                damage.append(Damage(path=path, offset=position, reason=reason))
                break
            offsets.append(position)
            position = end
    return Scan(offsets=np.asarray(offsets, np.int64), damage=tuple(damage))


def _length(header: bytes) -> int | None:
    """The length that a frame's header tells; None if its checksum is wrong or it was cut."""
    if len(header) < _HEADER.size:
        return None
    length, checksum = _HEADER.unpack(header)
    return length if _masked_checksum(header[:8]) == checksum else None


def _masked_checksum(content: bytes) -> int:
    checksum = google_crc32c.value(content)
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _next_frame(descriptor: int, position: int, size: int) -> int:
    """Where the next frame's header lies at or after ``position``; ``size`` if nowhere."""
    while position < size:
        block = os.pread(descriptor, _SEARCH_BYTES + _HEADER.size, position)
        for start in _possible_headers(block):
            length = _length(block[start : start + _HEADER.size])
            if length is not None and length < _LONGEST:
                return position + start
        position += _SEARCH_BYTES
    return size


def _possible_headers(block: bytes) -> list[int]:
    """Positions whose length would be below ``_LONGEST``: bytes 4 to 7 are zero.

    The checksum after them is not, so that a hole in the file is passed over quickly.
    """
    if len(block) < _HEADER.size:
        return []
    words = np.lib.stride_tricks.sliding_window_view(np.frombuffer(block, np.uint8), 4)
    zero = np.logical_not(np.any(words, axis=1))
    return np.flatnonzero(zero[4:-4] & ~zero[8:]).tolist()


def read_record(path: Path, offset: int) -> bytes:
    """The bytes of the record that starts at ``offset``.

    Raises:
        FileNotFoundError: If the file is gone.
        DamagedRecordError: If no record starts there, it was cut off, or its checksum is wrong.
    """
    with path.open("rb", buffering=0) as file:
        length = _length(os.pread(file.fileno(), _HEADER.size, offset))
        if length is None:
            reason = "no record starts here; the file was cut or replaced"
            raise DamagedRecordError(path, offset, reason)
        start = offset + _HEADER.size
        record = os.pread(file.fileno(), length, start)
        checksum = os.pread(file.fileno(), _CHECKSUM.size, start + length)
    if len(record) < length or len(checksum) < _CHECKSUM.size:
        raise DamagedRecordError(path, offset, "the file ends within the record")
    if _CHECKSUM.pack(_masked_checksum(record)) != checksum:
        raise DamagedRecordError(path, offset, "its checksum is wrong")
    return record


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordFiles:
    """Record files seen as one long list of records.

    Attributes:
        paths: The files.
        file: int32 ``(records,)``, which of them holds each record.
        offset: int64 ``(records,)``, where in it the record starts.
        damage: Where the files hold no whole record.
    """

    paths: tuple[Path, ...]
    file: np.ndarray
    offset: np.ndarray
    damage: tuple[Damage, ...] = ()

    @classmethod
    def open(cls, paths: Sequence[Path]) -> "RecordFiles":
        """Finds every record of the files.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If a file holds no whole record.
        """
        scans = [scan_records(path) for path in paths]
        for path, scan in zip(paths, scans, strict=True):
            if not len(scan.offsets):
                raise ValueError(f"{path} holds no whole TFRecord; copy or build it again.")
        counts = [len(scan.offsets) for scan in scans]
        return cls(
            paths=tuple(paths),
            file=np.repeat(np.arange(len(paths), dtype=np.int32), counts),
            offset=np.concatenate([scan.offsets for scan in scans]),
            damage=tuple(damage for scan in scans for damage in scan.damage),
        )

    def __len__(self) -> int:
        return len(self.offset)

    def read(self, number: int) -> bytes:
        """The bytes of one record.

        Raises:
            FileNotFoundError: If its file is gone.
            DamagedRecordError: If it is damaged.
        """
        return read_record(self.paths[self.file[number]], int(self.offset[number]))

    def read_all(self, numbers: np.ndarray) -> np.ndarray:
        """The bytes of many records, object, of the shape of ``numbers``.

        They are empty where ``read`` would raise, which then tells why.
        """
        found = np.empty(numbers.size, object)
        for place, number in enumerate(numbers.flat):
            try:
                found[place] = self.read(number)
            except (DamagedRecordError, OSError):
                found[place] = b""
        return found.reshape(numbers.shape)

    def where(self, number: int) -> str:
        """Names a record for a message."""
        return f"{self.paths[self.file[number]]}, byte {self.offset[number]}"
