"""Writes the same records into another number of shards.

    python -m pipeline.reshard --records=tfrecords/NAME --output=tfrecords/OTHER --shards=16

The records stay as they are, byte for byte, in the same splits and the same order. Those that
are damaged, or that the skip list of ``check_records`` names, are left out.
"""

import dataclasses
from pathlib import Path

import numpy as np

from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.data import record_copies, record_folder, record_manifest
from pipeline.data.record_copies import ShardSize
from pipeline.data.record_table import RecordTable, open_records


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to write where, in which shards."""

    records: Path = setting("Folder of records, tfrecords/NAME.")
    output: Path = setting("Folder for the same records, tfrecords/OTHER.")
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


def reshard(settings: Settings) -> Path:
    """Writes the shards, unless they are there already and the records as they were.

    Returns:
        The folder, as ``build_records`` describes it.

    Raises:
        FileNotFoundError: If the records are missing.
        ValueError: If none is sound, a split has fewer photographs than shards, or the output
            was made with other settings or holds other things.
    """
    table = open_records(settings.records)
    if not record_manifest.is_finished(settings, record_copies.fingerprint(table)):
        record_folder.require_nothing_else(settings.output)
        manifest.write_atomically(settings.output, lambda folder: _write(folder, settings, table))
    return settings.output


def _write(folder: Path, settings: Settings, table: RecordTable) -> None:
    size = ShardSize(shards=settings.shards, megabytes=settings.shard_megabytes)
    everything = np.arange(len(table))
    record_copies.write_copy(settings.records, table, everything, folder, size, settings)


def main(settings: Settings) -> None:
    """Writes the shards and prints what they hold."""
    print(record_manifest.describe_records(reshard(settings)))


if __name__ == "__main__":
    command_line.run(main, Settings)
