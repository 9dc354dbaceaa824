"""A few real photographs to measure a model with: those it was trained on, or rendered ones."""

import dataclasses
from pathlib import Path
from typing import Any

import tensorflow as tf

from models.serving import ServingModel
from pipeline.data import inputs
from pipeline.data.synthetic_city import CitySettings, city_photograph


@dataclasses.dataclass(frozen=True, kw_only=True)
class MeasuredPhotographs:
    """Photographs as a model sees them.

    Attributes:
        images: What ``ServingModel.prepare`` gives, for every scale ``(count, ...)``.
        source: Where they are from, for the model's file.
    """

    images: tuple[tf.Tensor, ...]
    source: str

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.images[0])


def measured_photographs(
    model: ServingModel, training: dict[str, Any], count: int
) -> MeasuredPhotographs:
    """The first sound photographs of the training records that are still there.

    Where there are none, as many buildings of the synthetic city.

    Args:
        model: Says how they are prepared.
        training: What ``training.json`` holds.
        count: How many at most.
    """
    paths = [path for path in training["data"]["files"] if Path(path).is_file()]
    is_labelled = training["settings"]["records"] is not None
    parse = inputs.parse_labelled if is_labelled else inputs.parse_triplet
    recorded = tf.data.TFRecordDataset(tf.constant(paths, tf.string)).map(parse).unbatch()
    for images in _prepared(recorded, model, count):
        return MeasuredPhotographs(images=images, source=str(Path(paths[0]).parent))
    (images,) = _prepared(_rendered(count), model, count)
    return MeasuredPhotographs(images=images, source="the synthetic city")


def _prepared(encoded: tf.data.Dataset, model: ServingModel, count: int) -> tf.data.Dataset:
    """One batch, without what is damaged; none if nothing is sound."""
    return encoded.map(model.prepare).ignore_errors().take(count).batch(count)


def _rendered(count: int) -> tf.data.Dataset:
    city = CitySettings(landmarks=count, photographs_per_landmark=1)
    photographs = [city_photograph(city, landmark, 0).encoded for landmark in range(count)]
    return tf.data.Dataset.from_tensor_slices(photographs)
