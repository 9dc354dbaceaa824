"""Copies records from one folder to another as they are: the bytes, their splits, their order."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from tqdm import tqdm

from pipeline.data import record_companions, record_manifest, records, skip_list
from pipeline.data.record_table import RecordTable
from pipeline.data.shards import DamagedRecordError
from pipeline.data.sources.source import Skipped
from pipeline.progress import progress_bar

SHARD_MEGABYTES = 150.0  # between the 100 and 200 that build_records has by default


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardSize:
    """How large shards are to be: so many a split, or of about so many megabytes (10^6 bytes)."""

    shards: int | None
    megabytes: float = SHARD_MEGABYTES

    def count(self, photographs: int, total_bytes: float) -> int:
        """Shards of a split.

        Raises:
            ValueError: If it has fewer photographs than shards.
        """
        if self.shards is None:
            return min(photographs, max(1, round(total_bytes / (self.megabytes * 1e6))))
        if self.shards > photographs:
            raise ValueError(
                f"--shards={self.shards} cannot be: a split has {photographs} photographs; lower "
                "it."
            )
        return self.shards


@dataclasses.dataclass(kw_only=True)
class Copied:
    """What was copied: photographs by landmark, and what could not be read."""

    landmarks: Counter[str] = dataclasses.field(default_factory=Counter)
    skipped: list[Skipped] = dataclasses.field(default_factory=list)


def require_apart(source: Path, output: Path) -> None:
    """Checks that records are not written over, into or around those they are copied from.

    Raises:
        ValueError: If they would be.
    """
    one, other = source.resolve(), output.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise ValueError(
            f"--records={source} and --output={output} lie one within the other; name another "
            "--output."
        )


def write_copy(
    source: Path,
    table: RecordTable,
    numbers: np.ndarray,
    folder: Path,
    size: ShardSize,
    settings: Any,
) -> None:
    """Writes chosen records of a folder, and what belongs to them, as a record folder.

    Args:
        source: The folder.
        table: Its records, of all splits.
        numbers: Which of them, ascending.
        folder: Where to.
        size: How large shards are to be.
        settings: The settings dataclass of the stage.

    Raises:
        ValueError: If a split has fewer photographs than shards, or none can be read.
    """
    splits = split_of_records(table)[numbers]
    chosen = {
        split: numbers[splits == split] for split in records.split_names(source) if split in splits
    }
    copied = copy_records(table, chosen, folder, size)
    record_companions.copy_triplets(source, folder, table.ids[numbers])
    record_companions.copy_landmarks(source, folder, table.labels[numbers])
    record_manifest.write_record_manifest(
        folder,
        settings,
        source=fingerprint(table),
        landmarks=copied.landmarks,
        skipped=[*left_out(source, table), *copied.skipped],
    )


def split_of_records(table: RecordTable) -> np.ndarray:
    """The split of every record, text ``(records,)``."""
    return np.array([shard.split for shard in table.shards])[table.files.file]


def fingerprint(table: RecordTable) -> str:
    """SHA-256 over the shards, their names, and what is left out of them."""
    digest = hashlib.sha256()
    for shard, own in zip(table.shards, table.fingerprints, strict=True):
        digest.update(f"{shard.path.name}\0{own}\0".encode())
    return digest.hexdigest()


def left_out(folder: Path, table: RecordTable) -> list[Skipped]:
    """What the table leaves out of a folder: what is damaged, missing, or in the skip list."""
    skipped = [
        Skipped(name=f"{damage.path.name}, byte {damage.offset}", reason=damage.reason)
        for damage in table.files.damage
    ]
    for name, shard in sorted(skip_list.read_skip_list(folder).items()):
        skipped += [
            Skipped(name=f"{name}, byte {record.offset}", reason=record.reason)
            for record in shard.records
        ]
        if shard.lost:
            skipped.append(Skipped(name=name, reason=f"{shard.lost} of its records are lost"))
    # A cut file is damaged in one place, and as many records are missing as were behind it.
    missing = table.missing - len(table.files.damage)
    if missing > 0:
        skipped.append(Skipped(name=str(folder), reason=f"{missing} more records are missing"))
    return skipped


def copy_records(
    table: RecordTable, chosen: Mapping[str, np.ndarray], folder: Path, size: ShardSize
) -> Copied:
    """Writes chosen records into shards of another folder, described with tensorflow-datasets.

    Args:
        table: The records.
        chosen: By split, the numbers of its records, ascending, at least one each.
        folder: Made if missing.
        size: How large its shards are to be.

    Raises:
        ValueError: If a split has fewer photographs than shards, or none can be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    info = records.read_description(table.shards[0].path.parent)
    counts = {split: size.count(len(own), _bytes(table, own)) for split, own in chosen.items()}
    copied = Copied()
    names: dict[int, str] = {}
    split_infos = []
    total = sum(map(len, chosen.values()))
    with progress_bar("Copying records", unit="photographs", total=total) as bar:
        for split, numbers in chosen.items():
            template = _template(folder, info.name, split)
            lengths, written = [], 0
            for path, part in _cut(template, numbers, counts[split]):
                length, size_of_part = _copy_shard(table, part, path, names, copied, bar)
                lengths.append(length)
                written += size_of_part
            split_infos.append(_split_info(split, template, lengths, written))
    tfds.folder_dataset.write_metadata(
        data_dir=folder,
        features=info.features,
        split_infos=split_infos,
        version=str(info.version),
        description=info.description,
        check_data=False,
    )
    return copied


def _bytes(table: RecordTable, numbers: np.ndarray) -> float:
    """About how many bytes these records have: each the average of its shard."""
    present = np.bincount(table.files.file, minlength=len(table.shards))
    wanted = np.bincount(table.files.file[numbers], minlength=len(table.shards))
    sizes = np.array([path.stat().st_size for path in table.files.paths])
    return float(np.sum(sizes * wanted / np.maximum(present, 1)))


def _template(folder: Path, name: str, split: str) -> tfds.core.ShardedFileTemplate:
    return tfds.core.ShardedFileTemplate(
        data_dir=folder,
        dataset_name=name,
        split=split,
        filetype_suffix="tfrecord",
    )


def _cut(
    template: tfds.core.ShardedFileTemplate, numbers: np.ndarray, shards: int
) -> list[tuple[Path, np.ndarray]]:
    """Every shard's file with its records, as many in each as in the others, or one more."""
    bounds = [round(len(numbers) * shard / shards) for shard in range(1, shards)]
    return [
        (Path(template.sharded_filepath(shard_index=place, num_shards=shards)), part)
        for place, part in enumerate(np.split(numbers, bounds))
    ]


def _split_info(
    split: str, template: tfds.core.ShardedFileTemplate, lengths: list[int], written: int
) -> tfds.core.SplitInfo:
    if not sum(lengths):
        raise ValueError(f"No record of the split {split} can be read; copy the records again.")
    return tfds.core.SplitInfo(
        name=split, shard_lengths=lengths, num_bytes=written, filename_template=template
    )


def _copy_shard(
    table: RecordTable,
    numbers: np.ndarray,
    path: Path,
    names: dict[int, str],
    copied: Copied,
    bar: "tqdm[None]",
) -> tuple[int, int]:
    """Copies records into one shard; returns how many there are in it, and their bytes."""
    length = written = 0
    with tf.io.TFRecordWriter(str(path)) as writer:
        for number in map(int, numbers):
            bar.update()
            try:
                record = table.files.read(number)
            except DamagedRecordError as error:  # since the shards were read
                copied.skipped.append(Skipped(name=table.files.where(number), reason=error.reason))
                continue
            writer.write(record)
            label = int(table.labels[number])
            if label not in names:
                names[label] = _landmark(record, label)
            copied.landmarks[names[label]] += 1
            length += 1
            written += len(record)
    return length, written


def _landmark(record: bytes, label: int) -> str:
    """The name of a record's landmark; records of others may tell no more than its number."""
    text = records.landmark_name(record)
    return text or ("" if label < 0 else str(label))
