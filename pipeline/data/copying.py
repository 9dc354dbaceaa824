"""What the stages that copy records share: their settings, and when there is nothing to do."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.data import record_copies, record_folder, record_manifest
from pipeline.data.record_copies import ShardSize
from pipeline.data.record_table import RecordTable, open_records


@dataclasses.dataclass(frozen=True, kw_only=True)
class CopySettings:
    """Which records to copy where, in which shards."""

    records: Path = setting("Folder of records, tfrecords/NAME.")
    output: Path = setting("Folder for the copy, tfrecords/OTHER.")
    shards: int | None = setting("Shards a split; or name --shard_megabytes.", default=None)
    shard_megabytes: float = setting(
        "About how large a shard is, in 10^6 bytes, where --shards is not named.",
        default=record_copies.SHARD_MEGABYTES,
    )
    overwrite: bool = setting("Replace finished records.", default=False)

    def __post_init__(self) -> None:
        """Checks ranges, and that the two folders lie apart."""
        command_line.require_at_least(self, shards=1, shard_megabytes=0.001)
        record_copies.require_apart(self.records, self.output)


def copy_chosen(settings: CopySettings, choose: Callable[[RecordTable], np.ndarray]) -> Path:
    """Copies records, unless the copy is there already and the records are as they were.

    Args:
        settings: What to copy where.
        choose: From the records of all splits, the numbers of those to copy, ascending.

    Returns:
        The folder, as ``build_records`` describes it.

    Raises:
        FileNotFoundError: If the records are missing.
        ValueError: If none is sound, a split has fewer photographs than shards, or the output
            was made with other settings or holds other things.
    """
    table = open_records(settings.records)
    if record_manifest.is_finished(settings, record_copies.fingerprint(table)):
        return settings.output
    record_folder.require_nothing_else(settings.output)
    size = ShardSize(shards=settings.shards, megabytes=settings.shard_megabytes)
    numbers = choose(table)

    def write(folder: Path) -> None:
        record_copies.write_copy(settings.records, table, numbers, folder, size, settings)

    manifest.write_atomically(settings.output, write)
    return settings.output
