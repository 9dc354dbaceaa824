"""Describes every photograph of a data set with an exported model.

    python -m pipeline.embed --model=exported/MODEL --records=tfrecords/NAME

Writes ``exported/MODEL/embeddings/NAME``, one pair of files a record shard. An interrupted run
goes on with the first shard that is not finished.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from tqdm import tqdm

from pipeline import command_line, embeddings, manifest, model_folder
from pipeline.command_line import setting
from pipeline.data import inputs, records
from pipeline.data.damage import DamageCount
from pipeline.data.record_table import RecordTable, open_records
from pipeline.descriptors import Descriptor
from pipeline.progress import progress_bar


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which model describes which records."""

    model: Path = setting("Folder of an exported model, exported/MODEL.")
    records: Path = setting("Folder of records, tfrecords/NAME.")
    batch_size: int = setting("Photographs a batch; affects speed only.", default=32)
    max_damaged: float = setting(
        "Share of the photographs that may be damaged; they are left out and named.", default=0.01
    )
    overwrite: bool = setting("Describe again what is finished.", default=False)

    def __post_init__(self) -> None:
        """Checks ranges."""
        command_line.require_at_least(self, batch_size=1, max_damaged=0)


def embed(settings: Settings) -> Path:
    """Describes the photographs of all shards that are not finished yet.

    Returns:
        The embeddings' folder.

    Raises:
        FileNotFoundError: If the model or the records are missing.
        ValueError: If another model, or records of the same name elsewhere, have begun these
            embeddings, or a shard is damaged.
    """
    table = open_records(settings.records)
    descriptor = Descriptor(settings.model)
    name = settings.records.resolve().name  # of "." too
    output = settings.model / model_folder.EMBEDDINGS / name
    damage = DamageCount.of(table, settings.max_damaged)
    entries = []
    with progress_bar(f"Describing {name}", unit="photographs", total=len(table)) as bar:
        for number in range(len(table.shards)):
            entry = None if settings.overwrite else _finished(output, number, table, descriptor)
            if entry is None:
                entry = _embed_shard(
                    output, number, table, descriptor, damage, settings.batch_size, bar
                )
            else:
                bar.update(len(table.of_shard(number)))
                _count(entry, damage)
            entries.append(entry)
    embeddings.remove_shards_from(output, len(table.shards))
    _write_manifest(output, settings, descriptor, entries, len(damage) + table.left_out)
    return output


def _finished(
    output: Path, number: int, table: RecordTable, descriptor: Descriptor
) -> dict[str, Any] | None:
    """What the finished files of a shard say of themselves; None if they are to be made.

    Raises:
        ValueError: If another model made them, or they are of records elsewhere.
    """
    shard = table.shards[number]
    entry = embeddings.read_entry(output, number)
    if entry is None:
        return None
    if entry["model_fingerprint"] != descriptor.fingerprint:
        raise ValueError(
            f"{output} was made by the model {entry['model_fingerprint'][:12]}, not by "
            f"{descriptor.folder}, {descriptor.fingerprint[:12]}; pass --overwrite to describe "
            "the photographs anew, or keep the models in two folders."
        )
    described = Path(entry["shard"])
    moved = described.resolve() != shard.path.resolve()
    if moved and described.is_file():
        raise ValueError(
            f"{output} describes {described.parent}, not {shard.path.parent}; give one of the two "
            "another name, or pass --overwrite to describe this one instead."
        )
    same = entry["sha256"] == table.fingerprints[number]
    return entry if same and not moved else None


def _count(entry: dict[str, Any], damage: DamageCount) -> None:
    for skipped in entry["skipped"]:
        damage.add(f"{entry['shard']}, byte {skipped['offset']}", skipped["reason"])


def _embed_shard(
    output: Path,
    number: int,
    table: RecordTable,
    descriptor: Descriptor,
    damage: DamageCount,
    batch_size: int,
    bar: "tqdm[None]",
) -> dict[str, Any]:
    """Describes one shard: one file in, one pair of files out, the metadata last."""
    numbers = table.of_shard(number)
    vectors = [np.zeros((0, descriptor.dimension), np.float32)]
    rows = [embeddings.METADATA.empty_table()]
    described = np.zeros(len(numbers), bool)
    for _, kept, images, parsed in inputs.photograph_batches(
        table.files, numbers, descriptor.prepare, batch=batch_size
    ):
        if len(kept):
            vectors.append(descriptor.describe_prepared(images))
            rows.append(_metadata(table, number, numbers[kept], parsed))
        described[kept] = True
        bar.update(len(kept))
    skipped = [
        {"offset": int(table.files.offset[record]), "reason": reason}
        for record, reason in inputs.find_damaged(
            table.files, numbers[~described], inputs.parse_labelled
        )
    ]
    entry = {
        "shard": str(table.shards[number].path),
        "sha256": table.fingerprints[number],
        "model_fingerprint": descriptor.fingerprint,
        "photographs": int(described.sum()),
        "skipped": skipped,
    }
    _count(entry, damage)
    bar.update(len(skipped))
    # From here on what the manifest tells of is not all that is there.
    manifest.remove(output / embeddings.MANIFEST)
    embeddings.write_shard(output, number, np.concatenate(vectors), pa.concat_tables(rows), entry)
    return entry


def _metadata(
    table: RecordTable, shard: int, numbers: np.ndarray, parsed: dict[str, tf.Tensor]
) -> pa.Table:
    def texts(key: str) -> list[str]:
        return [text.decode() for text in parsed[f"image/{key}"].numpy()]

    columns = {
        "id": texts("id"),
        "content": [content.decode() for content in table.contents[numbers].tolist()],
        "label": parsed["image/class/label"].numpy(),
        "landmark": texts("class/text"),
        "shard": [str(table.shards[shard].path)] * len(numbers),
        "offset": table.files.offset[numbers],
        **{key: texts(f"attribution/{key}") for key in records.ATTRIBUTION},
    }
    return pa.table(columns, schema=embeddings.METADATA)


def _write_manifest(
    output: Path,
    settings: Settings,
    descriptor: Descriptor,
    entries: list[dict[str, Any]],
    skipped: int,
) -> None:
    content = {
        "model_fingerprint": descriptor.fingerprint,
        "dimension": descriptor.dimension,
        "records": str(settings.records),
        "photographs": sum(entry["photographs"] for entry in entries),
        "skipped": skipped,
        "shards": entries,
    }
    manifest.write_json(output / embeddings.MANIFEST, content)


def main(settings: Settings) -> None:
    """Describes the photographs and prints how many."""
    output = embed(settings)
    content = embeddings.read_manifest(output)
    print(
        f"{output}: {content['photographs']} vectors of {content['dimension']}, "
        f"{content['skipped']} photographs skipped"
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
