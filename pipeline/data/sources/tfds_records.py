"""Any tensorflow-datasets data set with an image and a label."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from pipeline.data.sources.record_files import files_fingerprint
from pipeline.data.sources.source import Skipped, SourcePhotograph

Place = tuple[str, ...]  # of a feature: the keys that lead to it


class TfdsSource:
    """The photographs of one split, with the encoded bytes that the data set stores.

    Opening reads the split through for its labels, without the images. Where the data set holds
    several images or labels, those that it names itself for supervised learning are taken.

    Args:
        data: The data set's folder (that of a version, with ``dataset_info.json``) or its name,
            ``name`` or ``name/config:version``; a named one that is not there yet is fetched and
            prepared by tensorflow-datasets.
        split: One of its splits, or a slice such as ``train[:10%]``.
        data_dir: Where named data sets are; None for tensorflow-datasets' own place.

    Attributes:
        left_out: Nothing: a data set with a damaged file is refused.

    Raises:
        ValueError: If there is no such data set or split, it has not exactly one image and one
            label, a file is damaged, or it holds records of this system.
    """

    left_out: Sequence[Skipped] = ()

    def __init__(self, data: str, split: str, data_dir: Path | None = None) -> None:
        self._builder = _builder(data, data_dir)
        self._split = split
        self._where = f"{self._builder.info.full_name}, {split}"
        _require_split(self._builder.info.splits, split, data)
        self._image, self._label = _find_features(self._builder.info)
        wanted = tfds.decode.PartialDecoding(_nested({self._label: True}))
        labels = [_at(example, self._label) for example in self._examples(wanted)]
        self.labels = np.maximum(np.array(labels, np.int64), -1)

    @functools.cached_property
    def names(self) -> Mapping[int, str]:
        """The classes' names; their numbers where the data set has no names."""
        feature = _at(self._builder.info.features, self._label)
        present = [int(label) for label in np.unique(self.labels) if label >= 0]
        is_named = isinstance(feature, tfds.features.ClassLabel)
        return {label: feature.int2str(label) if is_named else str(label) for label in present}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every file's path, size and time of change."""
        return files_fingerprint(sorted(Path(self._builder.data_dir).iterdir()))

    def read(self, numbers: np.ndarray) -> Iterator[SourcePhotograph | Skipped]:
        """Reads the split as far as the last of these photographs."""
        wanted = tfds.decode.PartialDecoding(
            _nested({self._image: True}),
            decoders=_nested({self._image: tfds.decode.SkipDecoding()}),
        )
        examples = enumerate(self._examples(wanted))
        for number in map(int, numbers):
            example = next(example for place, example in examples if place == number)
            label = int(self.labels[number])
            name = f"{self._where}, example {number}"
            yield SourcePhotograph(
                name=name,
                encoded=_at(example, self._image),
                landmark=self.names.get(label, ""),
                label=label,
                title=name,
            )

    def _examples(self, wanted: tfds.decode.PartialDecoding) -> Iterator[dict[str, Any]]:
        """Every example in the order of the files, as NumPy values."""
        in_order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
        dataset = self._builder.as_dataset(
            split=self._split, decoders=wanted, read_config=in_order, shuffle_files=False
        )
        try:
            yield from tfds.as_numpy(dataset)
        except tf.errors.DataLossError as error:
            raise ValueError(
                f"{self._where} has a damaged file in {self._builder.data_dir}; delete that "
                "folder and fetch or build the data set again."
            ) from error


def _builder(data: str, data_dir: Path | None) -> tfds.core.DatasetBuilder:
    if Path(data).is_dir():
        if not (Path(data) / "dataset_info.json").is_file():
            raise ValueError(
                f"--tfds={data} holds no dataset_info.json; name the folder of one version, "
                "DATA_SET/VERSION."
            )
        return tfds.builder_from_directory(data)
    try:
        builder = tfds.builder(data, data_dir=data_dir and str(data_dir))
    except tfds.core.DatasetNotFoundError as error:
        raise ValueError(
            f"--tfds={data} is neither a folder nor a data set that tensorflow-datasets knows: "
            "https://www.tensorflow.org/datasets/catalog/overview."
        ) from error
    if not builder.is_prepared():
        builder.download_and_prepare()
    return builder


def _require_split(splits: tfds.core.splits.SplitDict, split: str, data: str) -> None:
    try:
        examples = splits[split].num_examples
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"{data} has the splits {', '.join(splits)}. Received: {split}."
        ) from error
    if not examples:
        raise ValueError(f"The split {split} of {data} is empty.")


def _find_features(info: tfds.core.DatasetInfo) -> tuple[Place, Place]:
    """Where the image and the label are."""
    features = dict(_leaves(info.features))
    if ("image", "encoded") in features and ("image", "class", "label") in features:
        raise ValueError(
            f"{info.full_name} holds records of this system; name its folder with --records where "
            "it is wanted, they need not be built again."
        )
    images = [place for place, feature in features.items() if _is_image(feature)]
    labels = [place for place, feature in features.items() if _is_class(feature)]
    labels = labels or [place for place, feature in features.items() if _is_number(feature)]
    for place in [(key,) for key in info.supervised_keys or () if isinstance(key, str)]:
        images = [place] if place in images else images
        labels = [place] if place in labels else labels
    if len(images) != 1 or len(labels) != 1:
        found = ", ".join(
            f"{'/'.join(place)} ({type(f).__name__})" for place, f in features.items()
        )
        raise ValueError(
            f"{info.full_name} has to have one image and one label, a ClassLabel or a whole "
            f"number; it has {len(images)} and {len(labels)} among: {found}."
        )
    return images[0], labels[0]


def _leaves(
    features: tfds.features.FeaturesDict, above: Place = ()
) -> Iterator[tuple[Place, tfds.features.FeatureConnector]]:
    for key, feature in features.items():
        if isinstance(feature, tfds.features.FeaturesDict):
            yield from _leaves(feature, (*above, key))
        else:
            yield (*above, key), feature


def _is_image(feature: tfds.features.FeatureConnector) -> bool:
    """Masks (LabeledImage) and floating-point images, whose bytes show nothing, are none."""
    return type(feature) is tfds.features.Image and feature.np_dtype in (np.uint8, np.uint16)


def _is_class(feature: tfds.features.FeatureConnector) -> bool:
    return isinstance(feature, tfds.features.ClassLabel)


def _is_number(feature: tfds.features.FeatureConnector) -> bool:
    is_single = isinstance(feature, tfds.features.Tensor) and feature.shape == ()
    return is_single and np.issubdtype(feature.np_dtype, np.integer)


def _nested(values: Mapping[Place, Any]) -> dict[str, Any]:
    """Nested dictionaries, as tensorflow-datasets asks for them, from places."""
    nested: dict[str, Any] = {}
    for place, value in values.items():
        inside = nested
        for key in place[:-1]:
            inside = inside.setdefault(key, {})
        inside[place[-1]] = value
    return nested


def _at(nested: Any, place: Place) -> Any:
    return functools.reduce(lambda inside, key: inside[key], place, nested)
