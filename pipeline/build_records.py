"""Writes photographs as records.

    python -m pipeline.build_records --photos=DIR --output=tfrecords/NAME

DIR holds one sub-folder a landmark, or unlabelled photographs all in one folder. Without
``--photos`` a synthetic city is rendered.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.data import records
from pipeline.data.inspection import Skipped, inspect_photographs
from pipeline.data.records import Photograph
from pipeline.data.sources import CitySource, FolderSource, Source
from pipeline.data.synthetic_city import CitySettings
from pipeline.progress import logger, progress


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to write where."""

    output: str = setting("Folder for the records, tfrecords/NAME.")
    photos: str | None = setting(
        "Folder of photographs, one sub-folder a landmark or all in one; without it a "
        "synthetic city is rendered.",
        default=None,
    )
    validation_fraction: float = setting(
        "Share of the landmarks held out as the split 'validation'; with 0, or where no "
        "landmark is known, there is one split, 'index'.",
        default=0.2,
    )
    shards: int | None = setting("Shards a split; by default chosen by size.", default=None)
    seed: int = setting("Chooses the held-out landmarks, and the city.", default=0)
    city_landmarks: int = setting("Landmarks of the synthetic city.", default=40)
    city_photographs: int = setting("Photographs a landmark of the city.", default=16)
    city_distractors: int = setting("Photographs of streets without a landmark.", default=0)
    city_size: int = setting("Side of the city's photographs, pixels.", default=256)
    overwrite: bool = setting("Replace finished records.", default=False)

    def __post_init__(self) -> None:
        """Checks ranges."""
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(
                f"--validation_fraction is 0 to below 1. Received: {self.validation_fraction}."
            )


def build_records(settings: Settings) -> Path:
    """Writes the records that the settings describe, unless they are there already.

    Returns:
        The folder, with shards, their tensorflow-datasets description, and ``manifest.json``:
        settings, counts, what was skipped and why, a SHA-256 of every shard.

    Raises:
        FileNotFoundError: If the folder of photographs is missing.
        ValueError: If none of its files is a photograph, or the output holds other things.
    """
    output = Path(settings.output)
    if manifest.is_finished(output, records.MANIFEST, settings):
        logger.info("%s is finished; --overwrite makes it anew.", output)
        return output
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ValueError(f"{output} exists and holds no records; name another --output.")
    source = _source(settings)
    recorder = _Recorder(source)
    splits = {
        name: lambda names=names: recorder.photographs(names)
        for name, names in split_landmarks(
            source.landmarks, settings.validation_fraction, settings.seed
        ).items()
    }

    def write(folder: Path) -> None:
        records.write_shards(splits, folder, settings.shards)
        _write_manifest(folder, settings, recorder)

    manifest.write_atomically(output, write)
    return output


def split_landmarks(
    landmarks: tuple[str, ...], validation_fraction: float, seed: int
) -> dict[str, list[str]]:
    """Divides landmarks into splits; photographs without a landmark go with the first.

    Returns:
        Names of landmarks by split: train and validation where at least one landmark is held
        out and one is left, otherwise index alone.
    """
    held_out = round(validation_fraction * len(landmarks))
    if not 0 < held_out < len(landmarks):
        return {"index": ["", *landmarks]}
    order = np.random.default_rng(seed).permutation(len(landmarks))
    chosen = {landmarks[i] for i in order[:held_out]}
    return {
        "train": ["", *(name for name in landmarks if name not in chosen)],
        "validation": sorted(chosen),
    }


def _source(settings: Settings) -> Source:
    if settings.photos is not None:
        return FolderSource(Path(settings.photos))
    return CitySource(
        CitySettings(
            landmarks=settings.city_landmarks,
            photographs_per_landmark=settings.city_photographs,
            distractors=settings.city_distractors,
            size=settings.city_size,
            seed=settings.seed,
        )
    )


class _Recorder:
    """Passes sound photographs on, each once, and remembers what it left out."""

    def __init__(self, source: Source) -> None:
        self.counts: dict[str, int] = {}
        self.skipped: list[Skipped] = []
        self._source = source
        self._labels = {name: label for label, name in enumerate(source.landmarks)}
        self._seen: dict[str, str] = {}

    def photographs(self, landmarks: list[str]) -> Iterator[Photograph]:
        written = 0
        found = self._source.photographs(landmarks)
        inspected = inspect_photographs(found, self._labels)
        for item in progress(inspected, "Writing records", unit="photographs"):
            if isinstance(item, Skipped):
                self.skipped.append(item)
            elif item.id in self._seen:
                reason = f"the same bytes as {self._seen[item.id]}"
                self.skipped.append(Skipped(name=item.title, reason=reason))
            else:
                self._seen[item.id] = item.title
                self.counts[item.landmark] = self.counts.get(item.landmark, 0) + 1
                written += 1
                yield item
        if not written:
            first = self.skipped[0]
            raise ValueError(
                f"None of the {len(self.skipped)} files read is a usable photograph (the first, "
                f"{first.name}: {first.reason}); name a folder of JPEG or PNG files."
            )


def _write_manifest(folder: Path, settings: Settings, recorder: _Recorder) -> None:
    shards = records.list_shards(folder)
    for skipped in recorder.skipped:
        logger.warning("Skipped %s: %s.", skipped.name, skipped.reason)
    content: dict[str, Any] = {
        "settings": manifest.settings_as_json(settings),
        "photographs": sum(recorder.counts.values()),
        "landmarks": dict(sorted(recorder.counts.items())),
        "skipped": [dataclasses.asdict(skipped) for skipped in recorder.skipped],
        "shards": {
            shard.path.name: {
                "split": shard.split,
                "photographs": shard.count,
                "sha256": manifest.fingerprint_files(folder, [shard.path]),
            }
            for shard in shards
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
