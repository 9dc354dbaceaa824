"""The shards of a folder and what is promised of them, whatever state the folder is in."""

import dataclasses
import re
from pathlib import Path

from pipeline.data import records
from pipeline.data.checks.finding import Finding

MISSING = "the shard is missing"
_SHARD = re.compile(r"\.tfrec(ord)?s?\b")
_SPLIT = re.compile(r"train|validation|query|index|test")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PromisedShard:
    """A record file.

    Attributes:
        path: The file.
        split: The split it belongs to; where nothing describes it, the one its name tells.
        promised: Records that its description promises; None where there is none.
    """

    path: Path
    split: str
    promised: int | None


def find_shards(folder: Path) -> tuple[list[PromisedShard], list[Finding]]:
    """The shards that are there, in the order of their description, and what is wrong with it.

    Without a description every file named ``*.tfrecord*`` or ``*.tfrec*`` is taken for a shard.

    Raises:
        FileNotFoundError: If the folder holds no record file at all.
    """
    files = {path.name: path for path in sorted(folder.glob("*.tfrec*")) if _is_shard(path)}
    if not files and not records.is_record_folder(folder):
        command = records.BUILD_COMMAND.format(folder=folder)
        raise FileNotFoundError(f"{folder} holds no records; make them with `{command}`.")
    try:
        described = _described(folder)
    except (ValueError, OSError) as error:
        finding = _undescribed(folder, error)
        return [_undescribed_shard(path) for path in files.values()], [finding]
    shards = [shard for shard in described if shard.path.is_file()]
    findings = [_missing(shard, folder) for shard in described if not shard.path.is_file()]
    listed = {shard.path.name for shard in shards}
    findings.extend(_unlisted(name) for name in files if name not in listed)
    return shards, findings


def _described(folder: Path) -> list[PromisedShard]:
    return [
        PromisedShard(path=Path(path), split=split.name, promised=count)
        for split in records.read_description(folder).splits.values()
        for path, count in zip(split.filepaths, split.shard_lengths, strict=True)
    ]


def _is_shard(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and bool(_SHARD.search(path.name))


def _undescribed_shard(path: Path) -> PromisedShard:
    split = _SPLIT.search(path.name)
    return PromisedShard(path=path, split=split.group() if split else "unknown", promised=None)


def _undescribed(folder: Path, error: Exception) -> Finding:
    missing = (
        f"it is missing, so that no other stage opens the folder; copy "
        f"{' and '.join(records.DESCRIPTION)} again, or build the records anew"
    )
    return Finding(
        shard=records.DESCRIPTION[0],
        offset=None,
        kind="damaged",
        cause="no description of the shards",
        detail=str(error).rstrip(".") if records.is_record_folder(folder) else missing,
        records=0,
    )


def _missing(shard: PromisedShard, folder: Path) -> Finding:
    return Finding(
        shard=shard.path.name,
        offset=None,
        kind="damaged",
        cause=MISSING,
        detail=f"copy it back or rebuild {folder}; until then no other stage opens its split",
        records=shard.promised or 0,
    )


def _unlisted(name: str) -> Finding:
    return Finding(
        shard=name,
        offset=None,
        kind="doubtful",
        cause="the file is no part of the description",
        detail="no stage reads it; remove it if it is left over",
        records=0,
    )
