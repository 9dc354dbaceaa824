"""What a record folder holds, record by record, without reading the photographs again.

``records.parquet`` beside the shards has a row for every whole record: where it lies, its id,
its content's hash and its landmark. It is made by reading each shard once, checksums included, and
made again for a shard that has changed, so that training on millions of photographs starts at
once.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.data import records, skip_list
from pipeline.data.record_rows import ShardRows, read_rows
from pipeline.data.records import Shard
from pipeline.data.shards import Damage, RecordFiles
from pipeline.data.skip_list import ShardSkips
from pipeline.progress import logger


@dataclasses.dataclass(frozen=True, kw_only=True)
class RecordTable:
    """The records of a folder, or of one split, but for those that its skip list names.

    Attributes:
        shards: The record files.
        files: The records. Their damage is what the skip list does not know of.
        ids: The id of every record, bytes ``(records,)``.
        contents: The content id of every record, bytes ``(records,)``.
        labels: The landmark of every record, int64 ``(records,)``, -1 where unknown.
        fingerprints: Of every shard: SHA-256 over it and the sound records left out of it.
        missing: Records that the shards should hold and do not, and the skip list does not know.
        left_out: Records that the skip list names, damaged and lost ones among them.
    """

    shards: tuple[Shard, ...]
    files: RecordFiles
    ids: np.ndarray
    contents: np.ndarray
    labels: np.ndarray
    fingerprints: tuple[str, ...]
    missing: int
    left_out: int

    def __len__(self) -> int:
        return len(self.files)

    def of_shard(self, number: int) -> np.ndarray:
        """The numbers of a shard's records, int64, ascending."""
        return np.flatnonzero(self.files.file == number)


def open_records(folder: Path, split: str | None = None) -> RecordTable:
    """Opens the records of a folder, of one split or of all, in the order of the shards.

    Raises:
        FileNotFoundError: If the folder holds no described records, or a shard is gone.
        ValueError: If it has no such split, no whole record or records of another schema, or its
            skip list is of other shards.
    """
    shards = records.list_shards(folder, split)
    rows = read_rows(folder, [shard.path for shard in shards])
    if not any(len(read.offsets) for read in rows):
        damage = next(damage for read in rows for damage in read.damage)
        raise ValueError(
            f"{folder} holds no sound record of a labelled photograph; copy it again or rebuild "
            f"it. The first, in {damage.path.name}: {damage.reason}."
        )
    listed = skip_list.read_skip_list(folder)
    skips = [
        listed.get(shard.path.name, ShardSkips(sha256=read.sha256))
        for shard, read in zip(shards, rows, strict=True)
    ]
    for shard, read, skipped in zip(shards, rows, skips, strict=True):
        skip_list.require_current(folder, shard.path.name, skipped, read.sha256)
    table = _table(shards, rows, skips)
    if table.left_out:
        logger.info("%s: %d left out, as its skip.json says.", folder, table.left_out)
    return table


def _table(
    shards: Sequence[Shard], rows: Sequence[ShardRows], skips: Sequence[ShardSkips]
) -> RecordTable:
    skipped = [np.array([one.offset for one in skip.records], np.int64) for skip in skips]
    kept = [~np.isin(read.offsets, offsets) for read, offsets in zip(rows, skipped, strict=True)]
    found = sum(len(read.offsets) for read in rows)
    known = sum(
        skip.lost + int((~np.isin(offsets, read.offsets)).sum())
        for read, skip, offsets in zip(rows, skips, skipped, strict=True)
    )
    return RecordTable(
        shards=tuple(shards),
        files=RecordFiles(
            paths=tuple(shard.path for shard in shards),
            file=np.repeat(np.arange(len(rows), dtype=np.int32), [int(k.sum()) for k in kept]),
            offset=_joined([read.offsets for read in rows], kept),
            damage=_unknown(rows, skipped),
        ),
        ids=_joined([read.ids for read in rows], kept),
        contents=_joined([read.contents for read in rows], kept),
        labels=_joined([read.labels for read in rows], kept),
        fingerprints=tuple(map(_fingerprint, rows, kept)),
        missing=sum(shard.count for shard in shards) - found - known,
        left_out=known + sum(int((~mask).sum()) for mask in kept),
    )


def _joined(columns: Sequence[np.ndarray], kept: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([column[mask] for column, mask in zip(columns, kept, strict=True)])


def _unknown(rows: Sequence[ShardRows], skipped: Sequence[np.ndarray]) -> tuple[Damage, ...]:
    return tuple(
        damage
        for read, offsets in zip(rows, skipped, strict=True)
        for damage in read.damage
        if damage.offset not in offsets
    )


def _fingerprint(read: ShardRows, kept: np.ndarray) -> str:
    """Of a shard and the sound records left out of it; damaged ones never were in the table."""
    if kept.all():
        return read.sha256
    offsets = ",".join(map(str, read.offsets[~kept]))
    return hashlib.sha256(f"{read.sha256} but for {offsets}".encode()).hexdigest()
