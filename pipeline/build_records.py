"""Writes photographs as records.

    python -m pipeline.build_records --photos=DIR --output=tfrecords/NAME

DIR holds one sub-folder a landmark, or unlabelled photographs all in one folder. Other sources
are ``--landmarks_v2=DIR`` (Google Landmarks v2 and Kaggle's sets of it, tars or unpacked),
``--triplets='DIR/**/train*.tfrec'`` (Kaggle's triplets), ``--delf_records='DIR/train-*-of-*'``
and ``--tfds=NAME`` (any tensorflow-datasets data set with an image and a label);
``--download=gldv2:index:0-9`` or ``--download=kaggle:HANDLE`` fetches first. Without any of
them a synthetic city is rendered.
"""

import csv
import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.data import record_folder, record_manifest, records, triplet_table
from pipeline.data.beam_records import Recorded, write_shards_on_beam
from pipeline.data.recorder import Recorder
from pipeline.data.records import Photograph
from pipeline.data.sources.kaggle_triplets import KaggleTripletsSource
from pipeline.data.sources.landmarks_v2 import LandmarksV2Source
from pipeline.data.sources.opening import SourceSettings, open_source, quick_fingerprint
from pipeline.data.sources.source import Skipped, Source, content_id
from pipeline.data.splits import SplitSettings, split_photographs
from pipeline.progress import progress_bar


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(SourceSettings):
    """What to write where."""

    output: Path = setting("Folder for the records, tfrecords/NAME.")
    split: tuple[str, ...] | None = setting(
        "Splits: some of train, validation, query, index. One takes everything. Train, validation "
        "and the other two share no landmark; query and index divide the photographs of theirs. "
        "No photograph is in two. By default train,validation; of --landmarks_v2=DIR "
        "--part=index or test, index alone. Where no landmark is known there is index alone.",
        default=None,
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
    beam_runner: str | None = setting(
        "Write on Apache Beam, by its runner's name (DirectRunner, FlinkRunner, SparkRunner, "
        "DataflowRunner); the workers must see the same folders.",
        default=None,
    )
    beam_options: tuple[str, ...] = setting(
        "Options of the runner, direct_num_workers=4,...", default=()
    )
    overwrite: bool = setting("Replace finished records.", default=False)

    def __post_init__(self) -> None:
        """Checks ranges, and that photographs and records lie apart."""
        super().__post_init__()
        _split_settings(self)
        command_line.require_at_least(self, shards=1)
        if self.beam_options and self.beam_runner is None:
            raise ValueError("--beam_options belongs to --beam_runner and does nothing here.")
        for folder in (self.photos, self.landmarks_v2):
            if folder is not None:
                _require_apart(folder.resolve(), self.output.resolve())


def build_records(settings: Settings) -> Path:
    """Writes the records that the settings describe, unless they are there already.

    Records of photographs that have changed since are built anew.

    Returns:
        The folder, with shards, their tensorflow-datasets description, and ``manifest.json``:
        settings, counts, what was skipped and why, a SHA-256 of every shard.

    Raises:
        OSError: If the photographs are missing or cannot be fetched.
        ValueError: If none of them is sound, they are of another layout, a split has fewer
            photographs than shards, or the output holds other things.
    """
    output = settings.output
    quick = quick_fingerprint(settings)
    if quick is not None and record_manifest.is_finished(settings, quick):
        return output
    source = open_source(settings)
    if quick is None and record_manifest.is_finished(settings, source.fingerprint):
        return output
    record_folder.require_nothing_else(output)
    manifest.write_atomically(output, lambda folder: _write(folder, settings, source))
    return output


def _require_apart(photos: Path, output: Path) -> None:
    if photos.is_relative_to(output) or output.is_relative_to(photos):
        raise ValueError(
            f"The records' folder, {output}, and that of the photographs, {photos}, lie one within "
            "the other; have the records elsewhere."
        )


def _split_settings(settings: Settings) -> SplitSettings:
    splits = settings.split
    if splits is None:
        splits = ("index",) if _is_of_index(settings) else ("train", "validation")
    return SplitSettings(
        splits=splits,
        validation_fraction=settings.validation_fraction,
        test_fraction=settings.test_fraction,
        query_fraction=settings.query_fraction,
        seed=settings.seed,
    )


def _is_of_index(settings: Settings) -> bool:
    """Whether the photographs are those that a search is to find, or that search."""
    fetched = (settings.download or "").split(":")[:2]
    return settings.part in ("index", "test") or fetched in (["gldv2", "index"], ["gldv2", "test"])


def _write(folder: Path, settings: Settings, source: Source) -> None:
    def distinct(numbers: np.ndarray) -> np.ndarray:
        return _first_of_each_content(source, numbers)

    planned = split_photographs(source.labels, _split_settings(settings), distinct)
    recorded: Recorder | Recorded
    if settings.beam_runner is None:
        recorded = _write_here(folder, settings, source, planned)
    else:
        recorded = write_shards_on_beam(
            source,
            planned,
            folder,
            settings.shards,
            runner=settings.beam_runner,
            options=settings.beam_options,
        )
    _write_beside(folder, source)
    record_manifest.write_record_manifest(
        folder,
        settings,
        source=source.fingerprint,
        landmarks=recorded.counts,
        skipped=recorded.skipped,
        transcoded=dict(recorded.transcoded),
    )


def _write_here(
    folder: Path, settings: Settings, source: Source, planned: dict[str, np.ndarray]
) -> Recorder:
    total = len(source.labels)
    with progress_bar("Writing records", unit="photographs", total=total) as bar:
        recorder = Recorder(source, bar)
        begun = {
            split: _begin(recorder.photographs(split, numbers))
            for split, numbers in planned.items()
        }
        filled = {split: photographs for split, photographs in begun.items() if photographs}
        if not filled:
            raise ValueError(_nothing_sound(recorder.skipped))
        records.write_shards(filled, folder, settings.shards)
    return recorder


def _begin(photographs: Iterator[Photograph]) -> Iterator[Photograph] | None:
    """The same photographs, or None if there is not one."""
    first = next(photographs, None)
    return None if first is None else itertools.chain([first], photographs)


def _nothing_sound(skipped: list[Skipped]) -> str:
    if not skipped:
        return "The source holds no photographs; name another."
    return (
        f"None of the {len(skipped)} files read is a usable photograph (the first, "
        f"{skipped[0].name}: {skipped[0].reason}); name a source of photographs."
    )


def _first_of_each_content(source: Source, numbers: np.ndarray) -> np.ndarray:
    """Of photographs with the same bytes the first; those that cannot be read are left out."""
    first: dict[str, int] = {}
    for number, item in zip(numbers, source.read(numbers), strict=True):
        if not isinstance(item, Skipped):
            first.setdefault(content_id(item.encoded), int(number))
    return np.array(list(first.values()), np.int64)


def _write_beside(folder: Path, source: Source) -> None:
    """Writes what some sources know besides: triplets, the hierarchy of landmarks."""
    if isinstance(source, KaggleTripletsSource):
        ids = np.array([f"{content:016x}" for content in source.contents.tolist()])
        triplet_table.write_triplets(folder, ids[source.triplets])
    if isinstance(source, LandmarksV2Source) and source.landmarks:
        rows = [
            {"label": label, "name": source.names[label], **dataclasses.asdict(row)}
            for label, row in source.landmarks.items()
        ]
        with (folder / record_folder.LANDMARKS).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def main(settings: Settings) -> None:
    """Builds the records and prints what they hold."""
    print(record_manifest.describe_records(build_records(settings)))


if __name__ == "__main__":
    command_line.run(main, Settings)
