"""Reads every record of a data set, several at a time, and keeps a few bytes of each."""

import collections
import concurrent.futures
import dataclasses
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tqdm

from pipeline import manifest
from pipeline.data import record_rows, records
from pipeline.data.checks.data_set import MOST_DOUBTFUL, DataSet, Photographs, ScannedShard
from pipeline.data.checks.finding import Finding, Kind
from pipeline.data.checks.photograph_look import (
    DamagedPhotographError,
    Decoded,
    Look,
    decode_all,
    encoded_bytes,
    look_at,
)
from pipeline.data.checks.shard_list import PromisedShard, find_shards
from pipeline.data.perceptual_hash import THUMBNAIL_SIDE, has_detail, perceptual_hashes
from pipeline.data.record_fields import TYPES, Fields, parse_fields
from pipeline.data.record_rows import ShardRows
from pipeline.data.shards import DamagedRecordError, read_record
from pipeline.progress import progress_bar

_BATCH = 64  # records
_BATCH_BYTES = 2**24  # about; a batch ends with the record that reaches it


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Batch:
    """What was seen of some records of a shard."""

    photographs: Photographs
    names: set[tuple[int, str]]
    findings: list[Finding]


def scan_data_set(folder: Path) -> DataSet:
    """Reads and decodes all that a folder holds; damage is found, not raised.

    The shards are read twice, the first time for their checksums; what that tells replaces
    ``records.parquet``, so that it is not believed where a disk has changed a file unseen.

    Raises:
        FileNotFoundError: If the folder holds no record file.
    """
    shards, findings = find_shards(folder)
    described = all(finding.shard != records.DESCRIPTION[0] for finding in findings)
    manifest.remove(folder / record_rows.FILE)
    rows = record_rows.read_rows(folder, [shard.path for shard in shards])
    built = _built(folder)
    collected = _Collected(findings)
    total = sum(read.state[0] for read in rows)
    with progress_bar(f"Checking {folder.name}", unit="B", total=total) as bar:
        for number, (shard, read) in enumerate(zip(shards, rows, strict=True)):
            collected.add_shard(number, shard, read, built.get(shard.path.name), bar)
    return DataSet(
        folder=folder,
        described=described,
        shards=tuple(
            ScannedShard(
                path=shard.path,
                split=shard.split,
                promised=shard.promised,
                readable=len(read.offsets),
                damaged=len(read.damage),
                size=read.state[0],
                sha256=read.sha256,
            )
            for shard, read in zip(shards, rows, strict=True)
        ),
        photographs=Photographs.joined([Photographs.none(), *collected.parts]),
        names=collected.names,
        findings=tuple(collected.findings),
        doubtful=dict(collected.doubtful),
    )


class _Collected:
    """Gathers what the batches tell."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.parts: list[Photographs] = []
        self.names: dict[str, set[tuple[int, str]]] = {}
        self.findings: list[Finding] = []
        self.doubtful: collections.Counter[str] = collections.Counter()
        self._add(findings)

    def add_shard(
        self,
        number: int,
        shard: PromisedShard,
        read: ShardRows,
        built: str | None,
        bar: "tqdm.tqdm[None]",
    ) -> None:
        """Looks at all records of a shard."""
        known = {damage.offset: damage.reason for damage in read.damage}
        self._add(_shard_findings(shard, read, built))
        names = self.names.setdefault(shard.split, set())
        parts = [Photographs.none()]
        done = 0
        for batch, end in _look_at_all(number, shard.path, read, known):
            parts.append(batch.photographs)
            names |= batch.names
            self._add(batch.findings)
            bar.update(end - done)
            done = end
        bar.update(read.state[0] - done)
        self.parts.append(Photographs.joined(parts))

    def _add(self, findings: Sequence[Finding]) -> None:
        for finding in findings:
            if finding.kind == "doubtful":
                self.doubtful[finding.cause] += 1
                if self.doubtful.total() > MOST_DOUBTFUL:
                    continue
            self.findings.append(finding)


def _built(folder: Path) -> dict[str, str]:
    """SHA-256 of the shards as they were built, by name; of those of others nothing is known."""
    try:
        shards = manifest.read_json(folder / records.MANIFEST, records.BUILD_COMMAND)["shards"]
        return {name: shard["sha256"] for name, shard in shards.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}  # no manifest, or one that is not of our stages


def _shard_findings(shard: PromisedShard, read: ShardRows, built: str | None) -> list[Finding]:
    """Whether it is the shard that was built, with as many records, damaged ones included."""
    whole = len(read.offsets) + len(read.damage)
    if shard.promised is None or whole == shard.promised:
        if built in (None, read.sha256) or read.damage:
            return []
        return [
            Finding(
                shard=shard.path.name,
                offset=None,
                kind="damaged",
                cause="another file than was built",
                detail=f"its records are sound but not those that {records.MANIFEST} tells of; "
                "copy it again or rebuild the records",
                records=len(read.offsets),
            )
        ]
    fewer = whole < shard.promised
    return [
        Finding(
            shard=shard.path.name,
            offset=None,
            kind="damaged" if fewer else "doubtful",
            cause="fewer records than promised" if fewer else "more records than promised",
            detail=f"{whole:,} of {shard.promised:,}, those counted that are damaged",
            records=abs(shard.promised - whole),
        )
    ]


def _look_at_all(
    number: int, path: Path, read: ShardRows, known: dict[int, str]
) -> Iterator[tuple[_Batch, int]]:
    """Batches in order, and where in the file each ends; a few are looked at at a time."""
    offsets = np.sort(np.concatenate([read.offsets, np.array(list(known), np.int64)])).tolist()
    starts = _batch_starts(offsets)
    batches = [offsets[one:other] for one, other in itertools.pairwise([*starts, len(offsets)])]
    ends = [offsets[start] for start in starts[1:]] + [read.state[0]]
    workers = os.cpu_count() or 1
    waiting: collections.deque[concurrent.futures.Future[_Batch]] = collections.deque()
    done = iter(ends)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for some in batches:
            waiting.append(pool.submit(_look_at_some, number, path, some, known))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result(), next(done)
        while waiting:
            yield waiting.popleft().result(), next(done)


def _batch_starts(offsets: Sequence[int]) -> list[int]:
    """Which records begin a batch."""
    starts: list[int] = []
    for number, offset in enumerate(offsets):
        first = starts[-1] if starts else None
        if first is None or number - first == _BATCH or offset - offsets[first] >= _BATCH_BYTES:
            starts.append(number)
    return starts


def _look_at_some(number: int, path: Path, offsets: Sequence[int], known: dict[int, str]) -> _Batch:
    findings: list[Finding] = []
    parsed = {
        offset: fields
        for offset in offsets
        if (fields := _read_fields(path, offset, known, findings)) is not None
    }
    decoded = decode_all([encoded_bytes(fields) for fields in parsed.values()])
    seen = [
        (offset, fields, look)
        for (offset, fields), one in zip(parsed.items(), decoded, strict=True)
        if (look := _look(path.name, offset, fields, one, findings)) is not None
    ]
    thumbnails = np.zeros((len(seen), THUMBNAIL_SIDE, THUMBNAIL_SIDE), np.uint8)
    for place, (_, _, look) in enumerate(seen):
        thumbnails[place] = look.thumbnail
    labels = [int(fields["image/class/label"]) for _, fields, _ in seen]
    return _Batch(
        photographs=Photographs(
            shard=np.full(len(seen), number, np.int32),
            offset=np.array([offset for offset, _, _ in seen], np.int64),
            id=np.array([fields["image/id"] for _, fields, _ in seen], np.bytes_),
            label=np.array(labels, np.int64),
            content=np.array([look.content for _, _, look in seen], np.uint64),
            hash=perceptual_hashes(thumbnails),
            detailed=has_detail(thumbnails),
        ),
        names={
            (label, bytes(fields.get("image/class/text", b"")).decode("utf-8", "replace"))
            for label, (_, fields, _) in zip(labels, seen, strict=True)
            if label >= 0
        },
        findings=findings,
    )


def _read_fields(
    path: Path, offset: int, known: dict[int, str], findings: list[Finding]
) -> Fields | None:
    """A record's fields; None if there is no sound one, which is then among the findings."""
    try:
        record = read_record(path, offset)
    except (DamagedRecordError, OSError) as error:
        told = error.reason if isinstance(error, DamagedRecordError) else str(error)
        reason = known.get(offset, told)
        findings.append(_finding(path.name, offset, {}, "damaged", "no sound record", reason))
        return None
    try:
        fields = parse_fields(record)
        if offset in known:  # protobuf forgives some that TensorFlow refuses
            raise ValueError(known[offset])
    except ValueError as error:
        cause = "a record of another schema"
        findings.append(_finding(path.name, offset, {}, "damaged", cause, str(error)))
        return None
    return fields


def _look(
    shard: str, offset: int, fields: Fields, decoded: Decoded | str, findings: list[Finding]
) -> Look | None:
    """What was seen of a photograph; None if it is damaged."""
    try:
        look = look_at(fields, decoded)
    except DamagedPhotographError as error:
        findings.append(_finding(shard, offset, fields, "damaged", error.cause, error.detail))
        return None
    doubts = list(look.doubts)
    lacking = [key for key in TYPES if key not in fields]
    if lacking:
        doubts.append(("keys that our records have are missing", ", ".join(lacking)))
    findings.extend(
        _finding(shard, offset, fields, "doubtful", cause, detail) for cause, detail in doubts
    )
    return look


def _finding(
    shard: str, offset: int, fields: Fields, kind: Kind, cause: str, detail: str
) -> Finding:
    name = bytes(fields.get("image/id", b"")).decode("utf-8", "replace")
    return Finding(shard=shard, offset=offset, id=name, kind=kind, cause=cause, detail=detail)
