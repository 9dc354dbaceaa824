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
from tqdm import tqdm

from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.data import records
from pipeline.data.inspection import inspect_photographs
from pipeline.data.records import Photograph
from pipeline.data.sources import CitySource, FolderSource, Skipped, Source
from pipeline.data.synthetic_city import CitySettings
from pipeline.progress import logger, progress_bar

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
    validation_fraction: float = setting(
        "Share of the landmarks held out as the split 'validation', the others being 'train'; "
        "with 0, or where no landmark is known, there is one split, 'index'.",
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
        ours = {records.MANIFEST, *records.DESCRIPTION, *shards}
    others = sorted({path.name for path in output.iterdir()} - ours - _WORTHLESS)
    if others:
        raise ValueError(
            f"{output} holds other things ({others[0]}), which would be lost; name another "
            "--output."
        )


def _write(folder: Path, settings: Settings, source: Source) -> None:
    with progress_bar("Writing records", unit="photographs", total=len(source)) as bar:
        recorder = _Recorder(source, bar)
        splits = {
            split: recorder.photographs(names)
            for split, names in split_landmarks(
                source.landmarks, settings.validation_fraction, settings.seed
            ).items()
        }
        begun = {split: _begin(photographs) for split, photographs in splits.items()}
        filled = {split: photographs for split, photographs in begun.items() if photographs}
        if not filled:
            first = recorder.skipped[0]
            raise ValueError(
                f"None of the {len(recorder.skipped)} files read is a usable photograph (the "
                f"first, {first.name}: {first.reason}); name a folder of JPEG or PNG files."
            )
        records.write_shards(filled, folder, settings.shards)
    _write_manifest(folder, settings, source, recorder)


def _begin(photographs: Iterator[Photograph]) -> Iterator[Photograph] | None:
    """The same photographs, or None if there is not one."""
    first = next(photographs, None)
    return None if first is None else itertools.chain([first], photographs)


def split_landmarks(
    landmarks: tuple[str, ...], validation_fraction: float, seed: int
) -> dict[str, list[str]]:
    """Divides landmarks into splits; photographs without a landmark go with the first.

    Returns:
        Names of landmarks by split: train, and validation where the fraction makes one landmark
        or more but not all; index alone where none is to be held out or known.
    """
    if not landmarks or not validation_fraction:
        return {"index": ["", *landmarks]}
    held_out = min(round(validation_fraction * len(landmarks)), len(landmarks) - 1)
    order = np.random.default_rng(seed).permutation(len(landmarks))
    chosen = {landmarks[i] for i in order[:held_out]}
    splits = {"train": ["", *(name for name in landmarks if name not in chosen)]}
    if chosen:
        splits["validation"] = sorted(chosen)
    return splits


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


class _Recorder:
    """Passes sound photographs on, each once, and remembers what it left out."""

    def __init__(self, source: Source, bar: "tqdm[Any]") -> None:
        self.counts: dict[str, int] = {}
        self.skipped: list[Skipped] = []
        self._source = source
        self._bar = bar
        self._labels = {name: label for label, name in enumerate(source.landmarks)}
        self._seen: dict[str, str] = {}

    def photographs(self, landmarks: list[str]) -> Iterator[Photograph]:
        for item in inspect_photographs(self._source.photographs(landmarks), self._labels):
            self._bar.update()
            if isinstance(item, Skipped):
                self.skipped.append(item)
            elif item.id in self._seen:
                reason = f"the same bytes as {self._seen[item.id]}"
                self.skipped.append(Skipped(name=item.title, reason=reason))
            else:
                self._seen[item.id] = item.title
                self.counts[item.landmark] = self.counts.get(item.landmark, 0) + 1
                yield item


def _write_manifest(folder: Path, settings: Settings, source: Source, recorder: _Recorder) -> None:
    for skipped in recorder.skipped:
        logger.warning("Skipped %s: %s.", skipped.name, skipped.reason)
    content: dict[str, Any] = {
        "settings": manifest.settings_as_json(settings),
        "source": source.fingerprint,
        "photographs": sum(recorder.counts.values()),
        "landmarks": dict(sorted(recorder.counts.items())),
        "skipped": [dataclasses.asdict(skipped) for skipped in recorder.skipped],
        "shards": {
            shard.path.name: {
                "split": shard.split,
                "photographs": shard.count,
                "sha256": manifest.fingerprint_files(folder, [shard.path]),
            }
            for shard in records.list_shards(folder)
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
