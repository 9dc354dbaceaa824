"""``manifest.json`` of a record folder: how it was made, what it holds, what was left out."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import manifest
from pipeline.data import record_rows, records
from pipeline.data.record_rows import ShardRows
from pipeline.data.records import Shard
from pipeline.data.sources.source import Skipped
from pipeline.progress import logger
from pipeline.text_table import Side, format_table

_LOGGED = 100  # photographs left out that are named while building; the manifest names all


def is_finished(settings: Any, source: str) -> bool:
    """Whether ``settings.output`` holds what these settings make of the same source.

    Args:
        settings: The settings dataclass of the stage.
        source: The fingerprint of what it reads.

    Raises:
        ValueError: If the output was made with other settings.
    """
    path = settings.output / records.MANIFEST
    if not manifest.made_with(path, settings):
        return False
    if manifest.read_json(path, records.BUILD_COMMAND).get("source") == source:
        logger.info("%s is finished; --overwrite makes it anew.", settings.output)
        return True
    logger.info("What %s was made of has changed since.", settings.output)
    return False


def write_record_manifest(
    folder: Path,
    settings: Any,
    *,
    source: str,
    landmarks: Mapping[str, int],
    skipped: Sequence[Skipped],
    **more: Any,
) -> None:
    """Writes the manifest of finished shards, and names what was left out.

    Args:
        folder: The shards and their description.
        settings: The settings dataclass of the stage.
        source: The fingerprint of what it has read.
        landmarks: Photographs of every landmark, by its name.
        skipped: What was left out.
        more: What else the manifest is to tell.
    """
    for one in skipped[:_LOGGED]:
        logger.warning("Skipped %s: %s.", one.name, one.reason)
    if len(skipped) > _LOGGED:
        logger.warning("Skipped %d more; %s names all.", len(skipped) - _LOGGED, records.MANIFEST)
    shards = records.list_shards(folder)
    read = record_rows.read_rows(folder, [shard.path for shard in shards])
    content = {
        "settings": manifest.settings_as_json(settings),
        "source": source,
        "photographs": sum(landmarks.values()),
        "splits": _counts(shards, read),
        "landmarks": dict(sorted(landmarks.items())),
        **more,
        "skipped": [dataclasses.asdict(one) for one in skipped],
        "shards": {
            shard.path.name: {
                "split": shard.split,
                "photographs": shard.count,
                "sha256": rows.sha256,
            }
            for shard, rows in zip(shards, read, strict=True)
        },
    }
    manifest.write_json(folder / records.MANIFEST, content)


def _counts(shards: Sequence[Shard], read: Sequence[ShardRows]) -> dict[str, dict[str, int]]:
    """Photographs and landmarks of every split."""
    labels: dict[str, list[np.ndarray]] = {}
    for shard, rows in zip(shards, read, strict=True):
        labels.setdefault(shard.split, []).append(rows.labels)
    joined = {split: np.concatenate(parts) for split, parts in labels.items()}
    return {
        split: {"photographs": len(found), "landmarks": len(np.unique(found[found >= 0]))}
        for split, found in joined.items()
    }


def describe_records(folder: Path) -> str:
    """A table of the splits, and a line of totals."""
    content = manifest.read_json(folder / records.MANIFEST, records.BUILD_COMMAND)
    columns: dict[str, Side] = {"split": "<", "photographs": ">", "landmarks": ">"}
    rows = [
        (split, f"{counts['photographs']:,}", f"{counts['landmarks']:,}")
        for split, counts in content["splits"].items()
    ]
    line = (
        f"{folder}: {content['photographs']} photographs of "
        f"{len(content['landmarks'].keys() - {''})} landmarks in {len(content['shards'])} shards, "
        f"{sum(content.get('transcoded', {}).values())} transcoded, "
        f"{len(content['skipped'])} skipped"
    )
    return f"{format_table(columns, rows)}\n{line}"
