"""What reading a data set tells: a few bytes of every photograph, and what is wrong."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.data.checks.finding import Finding
from pipeline.data.perceptual_hash import WORDS

MOST_DOUBTFUL = 100_000  # findings that are kept one by one


@dataclasses.dataclass(frozen=True, kw_only=True)
class Photographs:
    """The sound photographs of a data set, in the order of its shards; all ``(photographs,)``.

    Attributes:
        shard: int32, the number of the shard.
        offset: int64, where the record starts in it.
        id: bytes.
        label: int64, -1 where unknown.
        content: uint64, the content id; equal for copies.
        hash: uint64 ``(photographs, 4)``, perceptual.
        detailed: bool, whether that says anything.
    """

    shard: np.ndarray
    offset: np.ndarray
    id: np.ndarray
    label: np.ndarray
    content: np.ndarray
    hash: np.ndarray
    detailed: np.ndarray

    def __len__(self) -> int:
        return len(self.shard)

    @classmethod
    def none(cls) -> "Photographs":
        """No photographs."""
        return cls(
            shard=np.zeros(0, np.int32),
            offset=np.zeros(0, np.int64),
            id=np.zeros(0, np.bytes_),
            label=np.zeros(0, np.int64),
            content=np.zeros(0, np.uint64),
            hash=np.zeros((0, WORDS), np.uint64),
            detailed=np.zeros(0, bool),
        )

    @classmethod
    def joined(cls, parts: Sequence["Photographs"]) -> "Photographs":
        """The photographs of all parts, at least one."""
        return cls(
            **{
                field.name: np.concatenate([getattr(part, field.name) for part in parts])
                for field in dataclasses.fields(cls)
            }
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScannedShard:
    """A shard that was read.

    Attributes:
        path: The file.
        split: The split it belongs to.
        promised: Records that its description promises; None where there is none.
        readable: Records that later stages find in it when nothing is left out.
        damaged: Places in it where there is no such record.
        size: Bytes.
        sha256: As ``record_rows.ShardRows``.
    """

    path: Path
    split: str
    promised: int | None
    readable: int
    damaged: int
    size: int
    sha256: str

    @property
    def lost(self) -> int:
        """Promised records of which nothing is there."""
        return max(0, (self.promised or 0) - self.readable - self.damaged)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSet:
    """What reading a data set told.

    Attributes:
        folder: Its folder.
        described: Whether other stages can open it.
        shards: Those that are there.
        photographs: The sound ones.
        names: By split, the pairs of a landmark's label and name.
        findings: What is wrong; at most ``MOST_DOUBTFUL`` of those that are but doubtful.
        doubtful: How many are doubtful, by cause.
    """

    folder: Path
    described: bool
    shards: tuple[ScannedShard, ...]
    photographs: Photographs
    names: dict[str, set[tuple[int, str]]]
    findings: tuple[Finding, ...]
    doubtful: dict[str, int]

    def splits(self) -> np.ndarray:
        """The split of every photograph, str ``(photographs,)``."""
        return np.array([shard.split for shard in self.shards], np.str_)[self.photographs.shard]
