"""Which records of a folder every later stage leaves out, as ``check_records`` has found.

``skip.json`` beside the shards names them by shard and byte, with the reason. It belongs to the
shards as they were: where one has changed it is refused.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline import manifest

FILE = "skip.json"
CHECK_COMMAND = "python -m pipeline.check_records --records={folder}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SkippedRecord:
    """A record to leave out: where it starts, its id ("" where it cannot be read), and why."""

    offset: int
    id: str
    reason: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardSkips:
    """What to leave out of a shard.

    Attributes:
        sha256: Of the shard it was found in.
        lost: Records that the shard should hold of which nothing is there, beside those below;
            known, so not complained of again.
        records: The records to leave out, damaged ones among them.
    """

    sha256: str
    lost: int = 0
    records: tuple[SkippedRecord, ...] = ()


def read_skip_list(folder: Path) -> dict[str, ShardSkips]:
    """What to leave out, by the shard's file name; nothing where there is no list.

    Raises:
        ValueError: If the list is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return {}
    command = CHECK_COMMAND.format(folder=folder)
    content = manifest.read_json(path, command)
    try:
        return {name: _parse(shard) for name, shard in content["shards"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged; make it again with `{command}`.") from error


def _parse(shard: dict[str, Any]) -> ShardSkips:
    skipped = tuple(SkippedRecord(**record) for record in shard["records"])
    return ShardSkips(sha256=shard["sha256"], lost=shard["lost"], records=skipped)


def write_skip_list(folder: Path, shards: Mapping[str, ShardSkips]) -> None:
    """Writes the list, with the shards that have something to leave out."""
    named = {
        name: dataclasses.asdict(skips)
        for name, skips in shards.items()
        if skips.records or skips.lost
    }
    manifest.write_json(folder / FILE, {"shards": named})


def require_current(folder: Path, name: str, skips: ShardSkips, sha256: str) -> None:
    """Checks that a shard is the one that the list was made for.

    Raises:
        ValueError: If it is not.
    """
    if skips.sha256 != sha256:
        raise ValueError(
            f"{folder / name} has changed since {folder / FILE} was made; check the records again "
            f"with `{CHECK_COMMAND.format(folder=folder)}`, or remove the list."
        )
