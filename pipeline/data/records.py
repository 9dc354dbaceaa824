"""Record shards: their schema, how they are written, found and parsed.

Written and described with tensorflow-datasets, so that ``tfds.builder_from_directory`` reads
them without this code; keys and types are those of DELF's Google Landmarks v2 records.
"""

import contextlib
import dataclasses
import io
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds
from google.protobuf.json_format import ParseError

MANIFEST = "manifest.json"
DESCRIPTION = ("dataset_info.json", "features.json")  # by tensorflow-datasets
BUILD_COMMAND = "python -m pipeline.build_records --photos=DIR --output={folder}"

FEATURES = tfds.features.FeaturesDict(
    {
        "image": {
            "encoded": tf.string,  # the file's own bytes, but where provenance says otherwise
            "format": tf.string,
            "colorspace": tf.string,
            "height": tf.int64,  # after EXIF orientation
            "width": tf.int64,
            "channels": tf.int64,
            "id": tf.string,
            "sha256": tf.string,  # of the photograph as it was found, hexadecimal
            "provenance": tf.string,  # what was done to the bytes; empty: they are the file's own
            "class": {"label": tf.int64, "text": tf.string},  # -1 and empty where unknown
            "attribution": {
                "author": tf.string,
                "license": tf.string,
                "url": tf.string,
                "title": tf.string,
            },
        }
    }
)
ATTRIBUTION = ("author", "license", "url", "title")

_SHARD_BYTES = 200_000_000  # at most; by default a shard has half of it at least

_KEYS = {
    "image/encoded": tf.io.FixedLenFeature([], tf.string),
    "image/id": tf.io.FixedLenFeature([], tf.string),
    "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    "image/class/text": tf.io.FixedLenFeature([], tf.string, ""),
    **{f"image/attribution/{key}": tf.io.FixedLenFeature([], tf.string, "") for key in ATTRIBUTION},
}
_TRIPLET_KEYS = {
    key: tf.io.FixedLenFeature([], tf.string)
    for key in ("anchor_img", "positive_img", "negative_img")
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Photograph:
    """One photograph as a record holds it; sizes are upright pixels."""

    id: str
    sha256: str
    encoded: bytes
    format: str
    height: int
    width: int
    provenance: str = ""
    landmark: str = ""
    label: int = -1
    author: str = ""
    license: str = ""
    url: str = ""
    title: str = ""

    def example(self) -> dict[str, object]:
        """The photograph in the shape of ``FEATURES``."""
        return {
            "image": {
                "encoded": self.encoded,
                "format": self.format,
                "colorspace": "RGB",
                "height": self.height,
                "width": self.width,
                "channels": 3,
                "id": self.id,
                "sha256": self.sha256,
                "provenance": self.provenance,
                "class": {"label": self.label, "text": self.landmark},
                "attribution": {key: getattr(self, key) for key in ATTRIBUTION},
            }
        }


class _OrderedWriter(tfds.core.ExampleWriter):
    """Writes an example's keys in order, so that the same photographs make the same shards.

    Protocol buffers leave the order of a map open, and it differs from process to process.
    """

    def write(self, path: Path, examples: Iterable[tuple[Any, bytes]]) -> Any:
        ordered = (
            (key, tf.train.Example.FromString(example).SerializeToString(deterministic=True))
            for key, example in examples
        )
        return super().write(path, ordered)


class LandmarkRecords(tfds.core.GeneratorBasedBuilder):
    """Writes photographs as shuffled, sharded records.

    Args:
        splits: By name, the photographs of a split, which are iterated over once.
        data_dir: Where tensorflow-datasets builds.
    """

    VERSION = tfds.core.Version("1.0.0")

    def __init__(self, splits: Mapping[str, Iterable[Photograph]], data_dir: Path) -> None:
        self._splits = splits
        super().__init__(data_dir=str(data_dir))

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self, features=FEATURES, description="Photographs of landmarks."
        )

    def _example_writer(self) -> tfds.core.ExampleWriter:
        return _OrderedWriter(self.info.file_format)

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, object]]]]:
        del dl_manager
        return {name: self._generate_examples(split) for name, split in self._splits.items()}

    def _generate_examples(
        self, photographs: Iterable[Photograph]
    ) -> Iterator[tuple[str, dict[str, object]]]:
        for photograph in photographs:
            yield photograph.id, photograph.example()


def write_shards(
    splits: Mapping[str, Iterable[Photograph]], folder: Path, shards: int | None
) -> None:
    """Writes the shards of every split, and their description, into an empty folder.

    Args:
        splits: By name, the photographs of a split, at least one each, ids unique.
        folder: Made if missing.
        shards: Shards a split; None has them of 100 to 200 MB, or one smaller.

    Raises:
        ValueError: If a split has fewer photographs than shards.
    """
    build_shards(LandmarkRecords(splits, folder), folder, shards)


def build_shards(
    builder: tfds.core.GeneratorBasedBuilder, folder: Path, shards: int | None, **beam: Any
) -> None:
    """Has a builder write its shards, and their description, into the folder it builds in.

    Args:
        builder: What to build; its ``data_dir`` is within the folder.
        folder: Where the shards are to lie.
        shards: Shards a split; None has them of 100 to 200 MB, or one smaller.
        beam: ``beam_runner`` and ``beam_options`` of a builder that runs on Apache Beam.

    Raises:
        ValueError: If a split has fewer photographs than shards.
    """
    tfds.disable_progress_bar()  # the photographs' own progress is shown where they are read
    config = tfds.download.DownloadConfig(
        num_shards=shards, min_shard_size=_SHARD_BYTES // 2, max_shard_size=_SHARD_BYTES, **beam
    )
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it tells of a download; there is none
            builder.download_and_prepare(download_config=config)
    except AssertionError as error:  # how tensorflow-datasets refuses a number of shards
        if shards is None:
            raise
        raise ValueError(f"--shards={shards} cannot be: {error}; lower it.") from error
    for path in Path(builder.data_dir).iterdir():
        shutil.move(path, folder / path.name)
    for left_over in (builder.name, "downloads"):
        shutil.rmtree(folder / left_over)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Shard:
    """One record file and how many records its description promises."""

    path: Path
    split: str
    count: int


def is_record_folder(folder: Path) -> bool:
    """Whether records, described with tensorflow-datasets, lie in a folder."""
    return (folder / DESCRIPTION[0]).is_file()


def list_shards(folder: Path, split: str | None = None) -> list[Shard]:
    """The shards of a record folder, of one split or of all.

    Raises:
        FileNotFoundError: If the folder holds no described records, or a shard is gone.
        ValueError: If it has no such split.
    """
    splits = _splits(folder)
    if split is not None and split not in splits:
        raise ValueError(f"{folder} has the splits {', '.join(splits)}. Received: {split}.")
    shards = [
        Shard(path=Path(path), split=name, count=count)
        for name in ([split] if split else splits)
        for path, count in zip(splits[name].filepaths, splits[name].shard_lengths, strict=True)
    ]
    for shard in shards:
        if not shard.path.is_file():
            raise FileNotFoundError(f"{shard.path} is missing; copy it back or rebuild {folder}.")
    return shards


def split_names(folder: Path) -> tuple[str, ...]:
    """The splits of a record folder.

    Raises:
        FileNotFoundError: If the folder holds no described records.
    """
    return tuple(_splits(folder))


def read_description(folder: Path) -> tfds.core.DatasetInfo:
    """What tensorflow-datasets tells of records.

    Raises:
        FileNotFoundError: If the folder holds no described records.
        ValueError: If the description is damaged.
    """
    if not is_record_folder(folder):
        command = BUILD_COMMAND.format(folder=folder)
        raise FileNotFoundError(f"{folder} holds no records; make them with `{command}`.")
    try:
        return tfds.builder_from_directory(folder).info
    except (ParseError, ValueError, LookupError, TypeError, OSError) as error:
        told = str(error).strip().splitlines()
        raise ValueError(
            f"{' or '.join(DESCRIPTION)} in {folder} cannot be read "
            f"({told[0].rstrip('.') if told else type(error).__name__}); copy them again, or build "
            "the records anew."
        ) from error


def _splits(folder: Path) -> tfds.core.splits.SplitDict:
    return read_description(folder).splits


def parse_photograph(record: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parses one serialised record (string scalar) into scalars by key."""
    return tf.io.parse_single_example(record, _KEYS)


def split_photograph(record: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """The encoded photograph of a serialised record (string scalar), and its other keys."""
    keys = parse_photograph(record)
    return keys.pop("image/encoded"), keys


def landmark_name(record: bytes) -> str:
    """What the landmark of a serialised record is called; "" where none is told."""
    return parse_photograph(tf.constant(record))["image/class/text"].numpy().decode()


def parse_triplet(record: tf.Tensor) -> tf.Tensor:
    """Parses one record of the Kaggle Google Landmarks 2020 triplets.

    Layout: https://www.kaggle.com/datasets/mattbast/google-landmarks-2020-tfrecords.

    Args:
        record: string scalar.

    Returns:
        string ``(3,)``: JPEG bytes of anchor, positive and negative.
    """
    parsed = tf.io.parse_single_example(record, _TRIPLET_KEYS)
    return tf.stack([parsed[key] for key in _TRIPLET_KEYS])
