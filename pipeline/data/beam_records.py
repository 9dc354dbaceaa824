"""Writes record shards on Apache Beam: many machines read, inspect and write at the same time.

The photographs of a source are cut into ranges, and each worker reads and inspects whole ranges.
What it found is known by its id and its content. Only photographs that share one with others go
to a single worker, which decides in the order of a local run, so that the records are the same.
tensorflow-datasets shuffles and writes them. The workers share the disk with the program that
starts them; nothing else passes between the machines.

https://www.tensorflow.org/datasets/beam_datasets tells of runners and their options.
"""

import dataclasses
import functools
import json
import pickle
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from pipeline.data import records
from pipeline.data.inspection import inspect_photographs
from pipeline.data.recorded_once import RecordedOnce
from pipeline.data.records import LandmarkRecords, Photograph
from pipeline.data.sources.source import Skipped, Source

_RANGE = 500  # photographs a worker reads at a time: 100 MB or so, and enough ranges for many
_BESIDE = "beam"  # folder for what the workers tell beside the shards


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recorded:
    """What became of a source's photographs, as a ``Recorder`` tells it.

    Attributes:
        counts: Photographs of every landmark, by its name.
        skipped: What was left out, in the order of the source.
        transcoded: Photographs that Pillow rewrote, by what was done to them.
    """

    counts: Counter[str]
    skipped: list[Skipped]
    transcoded: Counter[str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Range:
    """Photographs that one worker reads; ``first`` is the rank of the first of them."""

    split: str
    first: int
    numbers: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Found:
    """What was read; ``rank`` orders it as a local run does."""

    rank: int
    split: str
    photograph: Photograph | Skipped


@dataclasses.dataclass(frozen=True, order=True)
class _Known:
    """By what a photograph is known, without its bytes."""

    rank: int
    split: str
    name: str
    id: str
    sha256: str
    label: int


def write_shards_on_beam(
    source: Source,
    splits: Mapping[str, np.ndarray],
    folder: Path,
    shards: int | None,
    *,
    runner: str,
    options: Sequence[str] = (),
) -> Recorded:
    """Writes the shards of a source's photographs, and their description, into an empty folder.

    Args:
        source: The photographs. It is pickled, and unpickled by every worker.
        splits: By name, the numbers of a split's photographs, ascending; where a photograph
            stands in several the first keeps it. A split without a sound one is left out.
        folder: Made if missing; every worker must see it, and the source's files, at this path.
        shards: Shards a split, or a little fewer; None has them of 100 to 200 MB.
        runner: Name of Beam's runner: DirectRunner, FlinkRunner, SparkRunner, DataflowRunner.
        options: Its options, ``direct_num_workers=4``.

    Raises:
        ValueError: If Apache Beam is not installed, or no photograph is sound.
    """
    beam = _require_beam()
    filled = [name for name, numbers in splits.items() if _has_sound(source, numbers)]
    if not filled:
        raise ValueError("The source holds no usable photograph; name another.")
    beside = folder / _BESIDE
    beside.mkdir(parents=True)
    (beside / "source").write_bytes(pickle.dumps(source))
    builder = BeamLandmarkRecords(_ranges(splits), filled, beside, folder)
    flags = [option if option.startswith("-") else f"--{option}" for option in options]
    beam_options = beam.options.pipeline_options.PipelineOptions(flags)
    records.build_shards(builder, folder, shards, beam_runner=runner, beam_options=beam_options)
    recorded = _read_beside(beside, source)
    shutil.rmtree(beside)
    return recorded


def _require_beam() -> Any:
    try:
        import apache_beam  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise ValueError(
            "--beam_runner needs Apache Beam; install it with: pip install '.[beam]' "
            "(or: pip install apache-beam)."
        ) from error
    return apache_beam


def _has_sound(source: Source, numbers: np.ndarray) -> bool:
    """Whether there is one sound photograph: tensorflow-datasets refuses a split without."""
    inspected = inspect_photographs(source.read(numbers))
    return any(isinstance(item, Photograph) for item in inspected)


def _ranges(splits: Mapping[str, np.ndarray]) -> list[_Range]:
    ranges = []
    first = 0
    for split, numbers in splits.items():
        for start in range(0, len(numbers), _RANGE):
            part = numbers[start : start + _RANGE]
            ranges.append(_Range(split=split, first=first + start, numbers=part))
        first += len(numbers)
    return ranges


class BeamLandmarkRecords(LandmarkRecords, skip_registration=True):  # type: ignore[call-arg]
    """``LandmarkRecords`` on Apache Beam: the same records in the same order.

    Args:
        ranges: All photographs of the source.
        filled: The splits to write.
        beside: Folder with the pickled source, for what is told of the photographs.
        data_dir: Where tensorflow-datasets builds.
    """

    name = LandmarkRecords.name

    def __init__(
        self, ranges: Sequence[_Range], filled: Sequence[str], beside: Path, data_dir: Path
    ) -> None:
        self._ranges = ranges
        self._filled = filled
        self._beside = beside
        super().__init__({}, data_dir)

    def _split_generators(  # type: ignore[override]  # with it tensorflow-datasets runs on Beam
        self, dl_manager: tfds.download.DownloadManager, pipeline: Any
    ) -> dict[str, Any]:
        """The examples of every split, as collections of one Beam pipeline."""
        del dl_manager
        beam = _require_beam()
        found = (
            pipeline
            | "Ranges" >> beam.Create(self._ranges)
            | "Distribute" >> beam.Reshuffle()
            | "Inspect" >> beam.FlatMap(_inspect_range, self._beside / "source")
        )
        once = found | "Once" >> beam.Map(_once, beam.pvalue.AsDict(_superfluous(beam, found)))
        _tell(beam, once, self._beside)
        return {
            split: once
            | f"Of {split}" >> beam.Filter(_is_of_split, split)
            | f"Examples of {split}" >> beam.Map(_example)
            for split in self._filled
        }


def _inspect_range(part: _Range, source: Path) -> Iterator[_Found]:
    inspected = inspect_photographs(_unpickle_source(source).read(part.numbers))
    for rank, item in enumerate(inspected, start=part.first):
        yield _Found(rank=rank, split=part.split, photograph=item)


@functools.lru_cache(maxsize=1)
def _unpickle_source(path: Path) -> Source:
    """Once a worker, whose threads share it."""
    return pickle.loads(path.read_bytes())


def _superfluous(beam: Any, found: Any) -> Any:
    """By rank, why a photograph is not to be recorded, decided among those that share something."""
    known = found | "Known" >> beam.FlatMap(_known)
    shared = [
        known
        | f"By {key}" >> beam.Map(lambda one, key: (getattr(one, key), one), key)
        | f"Group by {key}" >> beam.GroupByKey()
        | f"Shared {key}" >> beam.FlatMap(_if_several)
        for key in ("id", "sha256")
    ]
    return (
        shared
        | "Shared" >> beam.Flatten()
        | "Together" >> beam.combiners.ToList()
        | "Decide" >> beam.FlatMap(_decide)
    )


def _known(found: _Found) -> Iterator[_Known]:
    photograph = found.photograph
    if isinstance(photograph, Photograph):
        name = photograph.title or photograph.id
        yield _Known(
            rank=found.rank,
            split=found.split,
            name=name,
            id=photograph.id,
            sha256=photograph.sha256,
            label=photograph.label,
        )


def _if_several(key_and_group: tuple[str, Iterable[_Known]]) -> list[_Known]:
    group = list(key_and_group[1])
    return group if len(group) > 1 else []


def _decide(shared: list[_Known]) -> Iterator[tuple[int, str]]:
    """Goes through them as a local run does; some stand there twice."""
    recorded = RecordedOnce()
    for one in sorted(set(shared)):
        reason = recorded.superfluous(
            split=one.split, name=one.name, id=one.id, sha256=one.sha256, label=one.label
        )
        if reason:
            yield one.rank, reason


def _once(found: _Found, superfluous: Mapping[int, str]) -> _Found:
    photograph = found.photograph
    if isinstance(photograph, Skipped) or found.rank not in superfluous:
        return found
    name = photograph.title or photograph.id
    skipped = Skipped(name=name, reason=superfluous[found.rank])
    return dataclasses.replace(found, photograph=skipped)


def _is_of_split(found: _Found, split: str) -> bool:
    return found.split == split and isinstance(found.photograph, Photograph)


def _example(found: _Found) -> tuple[str, dict[str, object]]:
    photograph = found.photograph
    if isinstance(photograph, Skipped):
        raise TypeError(f"expected a photograph. Received: {photograph}.")
    return photograph.id, photograph.example()


def _tell(beam: Any, once: Any, beside: Path) -> None:
    """Writes what the manifest tells: lines of JSON in files ``counts-*`` and ``skipped-*``."""
    _ = (
        once
        | "Count" >> beam.FlatMap(_countable)
        | "Sum" >> beam.CombinePerKey(sum)
        | "Counts" >> beam.Map(json.dumps)
        | "Write counts" >> beam.io.WriteToText(str(beside / "counts"))
    )
    _ = (
        once
        | "Left out" >> beam.FlatMap(_left_out)
        | "Skips" >> beam.Map(json.dumps)
        | "Write skips" >> beam.io.WriteToText(str(beside / "skipped"))
    )


def _countable(found: _Found) -> Iterator[tuple[tuple[str, str], int]]:
    if isinstance(found.photograph, Photograph):
        yield ("counts", found.photograph.landmark), 1
        if found.photograph.provenance:
            yield ("transcoded", found.photograph.provenance), 1


def _left_out(found: _Found) -> Iterator[tuple[int, str, str]]:
    if isinstance(found.photograph, Skipped):
        yield found.rank, found.photograph.name, found.photograph.reason


def _read_beside(beside: Path, source: Source) -> Recorded:
    counters: dict[str, Counter[str]] = {"counts": Counter(), "transcoded": Counter()}
    for (kind, name), count in _read_lines(beside, "counts"):
        counters[kind][name] += count
    skipped = [
        Skipped(name=name, reason=reason)
        for _, name, reason in sorted(_read_lines(beside, "skipped"))
    ]
    return Recorded(skipped=[*source.left_out, *skipped], **counters)


def _read_lines(beside: Path, name: str) -> list[Any]:
    files = sorted(beside.glob(f"{name}-*"))
    return [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
