"""Writes photographs as records.

    python -m pipeline.build_records --photos=DIR --output=tfrecords/NAME

DIR holds one sub-folder a landmark, or unlabelled photographs all in one folder. Without
``--photos`` a synthetic city is rendered.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.data import record_rows, records, skip_list, triplet_table
from pipeline.data.recorder import Recorder
from pipeline.data.records import Photograph
from pipeline.data.sources.city import CitySource
from pipeline.data.sources.folder import FolderSource
from pipeline.data.sources.source import Skipped, Source, content_id
from pipeline.data.splits import SplitSettings, split_photographs
from pipeline.data.synthetic_city import CitySettings
from pipeline.progress import logger, progress_bar

# What this stage and check_records write beside the shards.
_BESIDE = (record_rows.FILE, triplet_table.FILE, skip_list.FILE)
_WORTHLESS = {".DS_Store"}  # what a look at a folder may leave there


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to write where."""

    output: Path = setting("Folder for the records, tfrecords/NAME.")
    photos: Path | None = setting(
        "Folder of photographs, one sub-folder a landmark or all in one; without it a "
        "synthetic city is rendered.",
        default=None,
    )
    split: tuple[str, ...] = setting(
        "Splits: some of train, validation, query, index. One takes everything. Train, validation "
        "and the other two share no landmark; query and index divide the photographs of theirs. "
        "No photograph is in two. Where no landmark is known there is index alone.",
        default=("train", "validation"),
    )
    validation_fraction: float = setting("Share of the landmarks for validation.", default=0.2)
    test_fraction: float = setting(
        "Share of the landmarks for query and index; all of them where there is no train.",
        default=0.2,
    )
    query_fraction: float = setting(
        "Share of each of those landmarks' photographs for query.", default=0.2
    )
    shards: int | None = setting(
        "Shards a split; by default so that one has 100 to 200 MB.", default=None
    )
    seed: int = setting("Chooses the splits, and the city.", default=0)
    city_landmarks: int = setting("Landmarks of the synthetic city.", default=40)
    city_photographs: int = setting("Photographs a landmark of the city.", default=16)
    city_distractors: int = setting("Photographs of streets without a landmark.", default=0)
    city_size: int = setting("Side of the city's photographs, pixels.", default=256)
    overwrite: bool = setting("Replace finished records.", default=False)

    def __post_init__(self) -> None:
        """Checks ranges."""
        _split_settings(self)
        command_line.require_at_least(self, shards=1, seed=0)
        if self.photos is not None:
            _require_apart(self.photos.resolve(), self.output.resolve())
        if self.photos is None and not self.city_landmarks + self.city_distractors:
            raise ValueError("--city_landmarks and --city_distractors are both 0; raise one.")


def build_records(settings: Settings) -> Path:
    """Writes the records that the settings describe, unless they are there already.

    Records of a folder whose files have changed since are built anew.

    Returns:
        The folder, with shards, their tensorflow-datasets description, and ``manifest.json``:
        settings, counts, what was skipped and why, a SHA-256 of every shard.

    Raises:
        FileNotFoundError: If the folder of photographs is missing.
        ValueError: If none of its files is a photograph, a split has fewer photographs than
            shards, or the output holds other things.
    """
    output, described = settings.output, settings.output / records.MANIFEST
    source = _source(settings)
    if manifest.made_with(described, settings):
        if manifest.read_json(described, records.BUILD_COMMAND)["source"] == source.fingerprint:
            logger.info("%s is finished; --overwrite makes it anew.", output)
            return output
        logger.info("%s has changed since its records were built.", settings.photos)
    _require_nothing_else(output)
    manifest.write_atomically(output, lambda folder: _write(folder, settings, source))
    return output


def _require_apart(photos: Path, output: Path) -> None:
    if photos.is_relative_to(output) or output.is_relative_to(photos):
        raise ValueError(
            f"The records' folder, {output}, and that of the photographs, {photos}, lie one within "
            "the other; have the records elsewhere."
        )


def _require_nothing_else(output: Path) -> None:
    """Checks that only what this stage has made would be replaced.

    Raises:
        ValueError: If the folder holds anything else.
    """
    if not output.exists():
        return
    if not output.is_dir():
        raise ValueError(f"{output} is a file; name another --output.")
    ours: set[str] = set()
    if (output / records.MANIFEST).is_file() and records.is_record_folder(output):
        shards = manifest.read_json(output / records.MANIFEST, records.BUILD_COMMAND)["shards"]
        ours = {records.MANIFEST, *records.DESCRIPTION, *_BESIDE, *shards}
    others = sorted({path.name for path in output.iterdir()} - ours - _WORTHLESS)
    if others:
        raise ValueError(
            f"{output} holds other things ({others[0]}), which would be lost; name another "
            "--output."
        )


def _write(folder: Path, settings: Settings, source: Source) -> None:
    def distinct(numbers: np.ndarray) -> np.ndarray:
        return _first_of_each_content(source, numbers)

    planned = split_photographs(source.labels, _split_settings(settings), distinct)
    total = len(source.labels)
    with progress_bar("Writing records", unit="photographs", total=total) as bar:
        recorder = Recorder(source, bar)
        begun = {
            split: _begin(recorder.photographs(split, numbers))
            for split, numbers in planned.items()
        }
        filled = {split: photographs for split, photographs in begun.items() if photographs}
        if not filled:
            first = recorder.skipped[0]
            raise ValueError(
                f"None of the {len(recorder.skipped)} files read is a usable photograph (the "
                f"first, {first.name}: {first.reason}); name a folder of photographs."
            )
        records.write_shards(filled, folder, settings.shards)
    _write_manifest(folder, settings, source, recorder)


def _begin(photographs: Iterator[Photograph]) -> Iterator[Photograph] | None:
    """The same photographs, or None if there is not one."""
    first = next(photographs, None)
    return None if first is None else itertools.chain([first], photographs)


def _first_of_each_content(source: Source, numbers: np.ndarray) -> np.ndarray:
    """Of photographs with the same bytes the first; those that cannot be read are left out."""
    first: dict[str, int] = {}
    for number, item in zip(numbers, source.read(numbers), strict=True):
        if not isinstance(item, Skipped):
            first.setdefault(content_id(item.encoded), int(number))
    return np.array(list(first.values()), np.int64)


def _split_settings(settings: Settings) -> SplitSettings:
    return SplitSettings(
        splits=settings.split,
        validation_fraction=settings.validation_fraction,
        test_fraction=settings.test_fraction,
        query_fraction=settings.query_fraction,
        seed=settings.seed,
    )


def _source(settings: Settings) -> Source:
    if settings.photos is not None:
        return FolderSource(settings.photos)
    return CitySource(
        CitySettings(
            landmarks=settings.city_landmarks,
            photographs_per_landmark=settings.city_photographs,
            distractors=settings.city_distractors,
            size=settings.city_size,
            seed=settings.seed,
        )
    )


def _write_manifest(folder: Path, settings: Settings, source: Source, recorder: Recorder) -> None:
    for skipped in recorder.skipped:
        logger.warning("Skipped %s: %s.", skipped.name, skipped.reason)
    shards = records.list_shards(folder)
    read = record_rows.read_rows(folder, [shard.path for shard in shards])
    content: dict[str, Any] = {
        "settings": manifest.settings_as_json(settings),
        "source": source.fingerprint,
        "photographs": sum(recorder.counts.values()),
        "landmarks": dict(sorted(recorder.counts.items())),
        "transcoded": dict(recorder.transcoded),
        "skipped": [dataclasses.asdict(skipped) for skipped in recorder.skipped],
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


def main(settings: Settings) -> None:
    """Builds the records and prints what they hold."""
    output = build_records(settings)
    content = manifest.read_json(output / records.MANIFEST, "python -m pipeline.build_records")
    print(
        f"{output}: {content['photographs']} photographs of "
        f"{len(content['landmarks'].keys() - {''})} landmarks in {len(content['shards'])} shards, "
        f"{len(content['skipped'])} skipped"
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
