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
from pipeline.data.records import Shard
from pipeline.data.shards import RecordFiles, record_offsets
from pipeline.descriptors import Descriptor
from pipeline.progress import logger, progress_bar


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which model describes which records."""

    model: Path = setting("Folder of an exported model, exported/MODEL.")
    records: Path = setting("Folder of records, tfrecords/NAME.")
    batch_size: int = setting("Photographs a batch; affects speed only.", default=32)
    overwrite: bool = setting("Describe again what is finished.", default=False)

    def __post_init__(self) -> None:
        """Checks ranges."""
        command_line.require_at_least(self, batch_size=1)


def embed(settings: Settings) -> Path:
    """Describes the photographs of all shards that are not finished yet.

    Returns:
        The embeddings' folder.

    Raises:
        FileNotFoundError: If the model or the records are missing.
        ValueError: If another model, or records of the same name elsewhere, have begun these
            embeddings, or a shard is damaged.
    """
    shards = records.list_shards(settings.records)
    descriptor = Descriptor(settings.model)
    name = settings.records.resolve().name  # of "." too
    output = settings.model / model_folder.EMBEDDINGS / name
    total = sum(shard.count for shard in shards)
    entries = []
    with progress_bar(f"Describing {name}", unit="photographs", total=total) as bar:
        for number, shard in enumerate(shards):
            entry = None if settings.overwrite else _finished(output, number, shard, descriptor)
            if entry is None:
                entry = _embed_shard(
                    output, number, shard, descriptor, batch_size=settings.batch_size, bar=bar
                )
            else:
                bar.update(shard.count)
            entries.append(entry)
    embeddings.remove_shards_from(output, len(shards))
    _write_manifest(output, settings, descriptor, entries)
    return output


def _finished(
    output: Path, number: int, shard: Shard, descriptor: Descriptor
) -> dict[str, Any] | None:
    """What the finished files of a shard say of themselves; None if they are to be made.

    Raises:
        ValueError: If another model made them, or they are of records elsewhere.
    """
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
    same = entry["sha256"] == manifest.fingerprint_files(shard.path.parent, [shard.path])
    return entry if same and not moved else None


def _embed_shard(
    output: Path,
    number: int,
    shard: Shard,
    descriptor: Descriptor,
    *,
    batch_size: int,
    bar: "tqdm[Any]",
) -> dict[str, Any]:
    """Describes one shard: one file in, one pair of files out, the metadata last."""
    offsets = record_offsets(shard.path)
    if len(offsets) != shard.count:
        raise ValueError(
            f"{shard.path} holds {len(offsets)} whole records of {shard.count}; "
            "copy it again or rebuild the records."
        )
    vectors, rows, described = [], [], []
    for positions, images, parsed in inputs.photograph_batches(
        shard.path, size=descriptor.input_size, batch=batch_size
    ):
        vectors.append(descriptor.describe_images(images))
        described.append(positions.numpy())
        rows.append(_metadata(shard, offsets[positions.numpy()], parsed))
        bar.update(len(positions))
    skipped = _reasons(shard, set(range(shard.count)).difference(*described))
    if not vectors:
        raise ValueError(f"No photograph of {shard.path} can be decoded; rebuild the records.")
    bar.update(len(skipped))
    entry = {
        "shard": str(shard.path),
        "sha256": manifest.fingerprint_files(shard.path.parent, [shard.path]),
        "model_fingerprint": descriptor.fingerprint,
        "photographs": shard.count - len(skipped),
        "skipped": skipped,
    }
    # From here on what the manifest tells of is not all that is there.
    manifest.remove(output / embeddings.MANIFEST)
    embeddings.write_shard(output, number, np.concatenate(vectors), pa.concat_tables(rows), entry)
    return entry


def _reasons(shard: Shard, missing: set[int]) -> list[dict[str, Any]]:
    """Why these records of a shard were not described.

    Raises:
        ValueError: If one of them decodes: then a wrong checksum before it ended the reading.
    """
    files = RecordFiles.open([shard.path])
    found = inputs.find_damaged(files, np.array(sorted(missing), int), inputs.parse_labelled)
    skipped = [{"record": number, "reason": reason} for number, reason in found]
    if len(skipped) < len(missing):
        raise ValueError(
            f"{shard.path} is damaged: the checksum of a record is wrong; copy it again or "
            "rebuild the records."
        )
    for entry in skipped:
        logger.warning("Skipped %s, record %d: %s.", shard.path, *entry.values())
    return skipped


def _metadata(shard: Shard, offsets: np.ndarray, parsed: dict[str, tf.Tensor]) -> pa.Table:
    def texts(key: str) -> list[str]:
        return [text.decode() for text in parsed[f"image/{key}"].numpy()]

    columns = {
        "id": texts("id"),
        "label": parsed["image/class/label"].numpy(),
        "landmark": texts("class/text"),
        "shard": [str(shard.path)] * len(offsets),
        "offset": offsets,
        **{key: texts(f"attribution/{key}") for key in records.ATTRIBUTION},
    }
    return pa.table(columns, schema=embeddings.METADATA)


def _write_manifest(
    output: Path, settings: Settings, descriptor: Descriptor, entries: list[dict[str, Any]]
) -> None:
    content = {
        "model_fingerprint": descriptor.fingerprint,
        "dimension": descriptor.dimension,
        "records": str(settings.records),
        "photographs": sum(entry["photographs"] for entry in entries),
        "skipped": sum(len(entry["skipped"]) for entry in entries),
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
