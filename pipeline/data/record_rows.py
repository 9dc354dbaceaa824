"""Reads every record of the shards once, and keeps what it told in ``records.parquet``."""

import collections
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf

from pipeline import manifest
from pipeline.data.record_fields import parse_fields
from pipeline.data.shards import Damage, DamagedRecordError, read_record, scan_records
from pipeline.data.sources.source import content_id
from pipeline.progress import logger, progress_bar

FILE = "records.parquet"
_SHARDS = b"shards"  # key, in the file's metadata, of what was told of each shard as a whole
_BATCH = 256
_COLUMNS = ("offset", "id", "content", "label", "license")
_KEYS = {
    "image/id": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    "image/sha256": tf.io.FixedLenFeature([], tf.string, ""),
    "image/attribution/license": tf.io.FixedLenFeature([], tf.string, ""),
}
_ENCODED = {"image/encoded": tf.io.FixedLenFeature([], tf.string)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardRows:
    """What reading a shard told.

    Attributes:
        state: By what the shard is known again without reading it: size in bytes, time of change.
        sha256: As ``manifest.fingerprint_files``.
        damage: Where it holds no sound record.
        offsets: Where each sound record starts, int64 ``(records,)``.
        ids: bytes ``(records,)``.
        contents: Content ids, of the photographs as they were found, bytes ``(records,)``.
        labels: int64 ``(records,)``, -1 where unknown.
        licenses: How many records state which licence; "" stands for none.
    """

    state: tuple[int, int]
    sha256: str
    damage: tuple[Damage, ...]
    offsets: np.ndarray
    ids: np.ndarray
    contents: np.ndarray
    labels: np.ndarray
    licenses: dict[str, int]


def read_rows(folder: Path, paths: Sequence[Path]) -> list[ShardRows]:
    """What the shards tell, from the file where they are as they were, else from reading them."""
    known = _load(folder)
    stale = [path for path in paths if not _is_current(known.get(path.name), path)]
    if stale:
        total = sum(path.stat().st_size for path in stale)
        with progress_bar("Reading shards", unit="B", total=total) as bar:
            for path in stale:
                known[path.name] = _read_shard(path)
                bar.update(path.stat().st_size)
        _save(folder, known)
    return [known[path.name] for path in paths]


def _is_current(rows: ShardRows | None, path: Path) -> bool:
    return rows is not None and rows.state == _state(path)


def _state(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _read_shard(path: Path) -> ShardRows:
    state = _state(path)
    scan = scan_records(path)
    damage = list(scan.damage)
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for start in range(0, len(scan.offsets), _BATCH):
        for name, values in _read_some(path, scan.offsets[start : start + _BATCH], damage).items():
            columns[name].extend(values)
    return ShardRows(
        state=state,
        sha256=manifest.fingerprint_files(path.parent, [path]),
        damage=tuple(sorted(damage, key=lambda one: one.offset)),
        offsets=np.array(columns["offset"], np.int64),
        ids=np.array(columns["id"], np.bytes_),
        contents=np.array(columns["content"], np.bytes_),
        labels=np.array(columns["label"], np.int64),
        licenses=dict(collections.Counter(columns["license"])),
    )


def _read_some(path: Path, offsets: np.ndarray, damage: list[Damage]) -> dict[str, list[Any]]:
    """The rows of some records; what is wrong with the others is added to ``damage``."""
    read: dict[int, bytes] = {}
    for offset in map(int, offsets):
        try:
            read[offset] = read_record(path, offset)
        except DamagedRecordError as error:
            damage.append(Damage(path=path, offset=offset, reason=error.reason))
    try:
        return _parse(list(read), list(read.values()))
    # A message that repeats a record's bytes may be no text.
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError):
        if len(read) == 1:
            ((offset, record),) = read.items()
            damage.append(Damage(path=path, offset=offset, reason=_schema_error(record)))
            return _parse([], [])
    rows: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for offset in read:  # one of them is of another schema: which?
        for name, values in _read_some(path, np.array([offset]), damage).items():
            rows[name].extend(values)
    return rows


def _schema_error(record: bytes) -> str:
    """What is wrong with a record that TensorFlow does not parse."""
    try:
        parse_fields(record)
    except ValueError as error:
        return f"no record of a labelled photograph: {error}"
    return "no record that TensorFlow parses"


def _parse(offsets: list[int], records: list[bytes]) -> dict[str, list[Any]]:
    serialised = tf.constant(records, tf.string)
    parsed = {key: values.numpy() for key, values in tf.io.parse_example(serialised, _KEYS).items()}
    hashes = parsed["image/sha256"].tolist()
    if not all(hashes):  # records of others do not tell it
        encoded = tf.io.parse_example(serialised, _ENCODED)["image/encoded"].numpy()
        hashes = [
            told or content_id(photograph).encode()
            for told, photograph in zip(hashes, encoded, strict=True)
        ]
    return {
        "offset": offsets,
        "id": parsed["image/id"].tolist(),
        "content": [told[:16] for told in hashes],
        "label": parsed["image/class/label"].tolist(),
        "license": [
            told.decode(errors="replace") for told in parsed["image/attribution/license"].tolist()
        ],
    }


def _save(folder: Path, shards: Mapping[str, ShardRows]) -> None:
    told = {
        name: {
            "state": rows.state,
            "sha256": rows.sha256,
            "damage": [[one.offset, one.reason] for one in rows.damage],
            "records": len(rows.offsets),
            "licenses": rows.licenses,
        }
        for name, rows in shards.items()
    }
    columns = {
        "offset": np.concatenate([rows.offsets for rows in shards.values()]),
        "id": np.concatenate([rows.ids for rows in shards.values()]),
        "content": np.concatenate([rows.contents for rows in shards.values()]),
        "label": np.concatenate([rows.labels for rows in shards.values()]),
    }
    table = pa.table(columns).replace_schema_metadata({_SHARDS: json.dumps(told)})
    try:
        manifest.write_atomically(folder / FILE, lambda path: pq.write_table(table, path))
    except OSError as error:  # records that are somebody else's are read each time
        logger.info("%s cannot be kept (%s).", folder / FILE, error.strerror)


def _load(folder: Path) -> dict[str, ShardRows]:
    """What the file tells of every shard; nothing where there is no such file or it is damaged."""
    if not (folder / FILE).is_file():
        return {}
    try:
        table = pq.read_table(folder / FILE)
        told = json.loads(table.schema.metadata[_SHARDS])
    except (pa.ArrowInvalid, KeyError, TypeError, ValueError):
        return {}  # it is made again
    start = 0
    shards = {}
    for name, shard in told.items():
        if "licenses" not in shard:  # of an earlier version
            return {}
        rows = table.slice(start, shard["records"])
        start += shard["records"]
        shards[name] = ShardRows(
            state=tuple(shard["state"]),
            sha256=shard["sha256"],
            damage=tuple(
                Damage(path=folder / name, offset=offset, reason=reason)
                for offset, reason in shard["damage"]
            ),
            offsets=rows["offset"].to_numpy(),
            ids=_as_bytes(rows["id"]),
            contents=_as_bytes(rows["content"]),
            labels=rows["label"].to_numpy(),
            licenses=shard["licenses"],
        )
    return shards


def _as_bytes(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(column.to_pylist(), bytes)
