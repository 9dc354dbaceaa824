"""Writes the same records into another number of shards.

    python -m pipeline.reshard --records=tfrecords/NAME --output=tfrecords/OTHER --shards=16

The records stay as they are, byte for byte, in the same splits and the same order. Those that
are damaged, or that the skip list of ``check_records`` names, are left out.
"""

import dataclasses
from pathlib import Path

import numpy as np

from pipeline import command_line
from pipeline.data import record_manifest
from pipeline.data.copying import CopySettings, copy_chosen


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(CopySettings):
    """What to write where, in which shards."""


def reshard(settings: Settings) -> Path:
    """Writes all records into other shards, as ``copy_chosen`` does."""
    return copy_chosen(settings, lambda table: np.arange(len(table)))


def main(settings: Settings) -> None:
    """Writes the shards and prints what they hold."""
    print(record_manifest.describe_records(reshard(settings)))


if __name__ == "__main__":
    command_line.run(main, Settings)
