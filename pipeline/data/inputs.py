"""Input pipelines: records in a given order become batches of images.

The order is decided before anything is read (``pipeline.data.samplers``), so that it is true to its
seed however large the data set is: only the numbers of the records are in memory, encoded
photographs are read where they lie, and a batch's number is all there is to say where a run is.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from models.preprocessing import decode_photograph
from pipeline.data import records
from pipeline.data.augmentation import Augmentation, augmented_loading
from pipeline.data.batching import decoded_batches, square_loading
from pipeline.data.damage import DamageCount
from pipeline.data.inspection import decoding_error
from pipeline.data.shards import DamagedRecordError, RecordFiles
from pipeline.data.sources.source import content_id

# From one serialised record to its photographs, string (photographs,).
Parse = Callable[[tf.Tensor], tf.Tensor]


def parse_labelled(record: tf.Tensor) -> tf.Tensor:
    """One photograph a record: string ``(1,)``."""
    return records.parse_photograph(record)["image/encoded"][None]


def parse_triplet(record: tf.Tensor) -> tf.Tensor:
    """Three photographs a record, string ``(3,)``: anchor, positive, negative."""
    return records.parse_triplet(record)


def training_batches(
    files: RecordFiles,
    batches: np.ndarray,
    parse: Parse,
    labels: np.ndarray,
    *,
    size: int,
    seed: int = 0,
    augmentation: Augmentation | None = None,
    offset: int = 0,
    first: int = 0,
    taken: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Augmented batches in the given order.

    Args:
        files: The records.
        batches: int ``(batches, examples, records)``: the record numbers of each example, which
            is a photograph (one record), a pair (two) or a triplet (three, or one of Kaggle's).
        parse: Splits a record into its photographs.
        labels: int64 ``(records, photographs)``: the landmark of every photograph of a record.
        size: Side of the images, pixels.
        seed: Chooses the changes, together with the position in the run.
        augmentation: How photographs are changed; None for not at all.
        offset: Batches of the run that were before these.
        first: Batches to leave out, when resuming.
        taken: bool ``(batches, examples)``, the examples to read, where other workers read the
            rest; all where None.

    Returns:
        A data set of ``(number, kept, images, labels)``, one for every batch: its number, int64;
        which of its examples are sound, int64 ``(kept,)``; uint8 ``(kept * photographs, size,
        size, 3)`` and int64 ``(kept * photographs,)``. The photographs of an example lie
        ``kept`` apart: all anchors, all positives, all negatives. An example with a record that
        does not decode is left out whole; ``name_damaged`` tells which that was.
    """
    examples = batches.shape[1]
    order = batches.reshape(-1, batches.shape[2])

    def load(encoded: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        if augmentation is None:
            return square_loading(size)(encoded)
        return augmented_loading(size, augmentation)(encoded, tf.stack([seed, number]))

    def decode(records_of_example: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor]:
        parsed = [parse(record) for record in tf.unstack(records_of_example)]
        encoded = [one for photographs in parsed for one in tf.unstack(photographs)]
        first_number = len(encoded) * (offset * examples + position)
        images = [load(one, first_number + place) for place, one in enumerate(encoded)]
        return (tf.stack(images),)

    def labels_of(positions: np.ndarray) -> np.ndarray:
        return labels[order[positions]].reshape(len(positions), order.shape[1] * labels.shape[1])

    def complete(number: tf.Tensor, positions: tf.Tensor, images: tf.Tensor) -> tuple[Any, ...]:
        known = tf.numpy_function(labels_of, [positions], tf.int64, stateful=False)
        known = tf.ensure_shape(known, (None, images.shape[1]))
        return number, positions % examples, *_photographs_first(images, known)

    return decoded_batches(files, batches, decode, first=first, taken=taken).map(complete)


def _photographs_first(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Lays out ``(examples, photographs, ...)`` as all the first photographs, all the second.

    Returns:
        ``(photographs * examples, height, width, 3)`` and ``(photographs * examples,)``.
    """
    if images.shape[1] > 1:  # where each lies alone the order is right already
        images, labels = tf.transpose(images, [1, 0, 2, 3, 4]), tf.transpose(labels)
    return tf.reshape(images, (-1, *images.shape[2:])), tf.reshape(labels, [-1])


def name_damaged(
    files: RecordFiles, missing: np.ndarray, damage: DamageCount, parse: Parse = parse_labelled
) -> None:
    """Counts those of the records that were left out which are damaged.

    Args:
        files: The records.
        missing: int, the numbers of the records of what was left out.
        damage: What has been found so far.
        parse: Splits a record into its photographs.

    Raises:
        FileNotFoundError: If a record file is gone.
        ValueError: If the damage is too much.
    """
    for number, reason in find_damaged(files, np.unique(missing), parse):
        damage.add(files.where(number), reason)


def find_damaged(
    files: RecordFiles, numbers: np.ndarray, parse: Parse
) -> Iterator[tuple[int, str]]:
    """Decodes records one by one and yields the number and the reason of each that fails."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def decode(record: tf.Tensor) -> list[tf.Tensor]:
        return [tf.shape(decode_photograph(one)) for one in tf.unstack(parse(record))]

    for number in numbers:
        try:
            decode(tf.constant(files.read(number)))
        except DamagedRecordError as error:
            yield int(number), error.reason
        except tf.errors.InvalidArgumentError as error:
            yield int(number), decoding_error(error)


def read_triplet_ids(files: RecordFiles) -> tuple[np.ndarray, np.ndarray]:
    """The content ids of the photographs of triplets; damaged records are left out.

    Returns:
        The numbers of the sound records, int64 ``(sound,)``, and the content ids of their
        anchors, positives and negatives, bytes ``(sound, 3)``.
    """
    numbers, ids = [], []
    for number in range(len(files)):
        try:
            triplet = records.parse_triplet(tf.constant(files.read(number))).numpy()
        except (tf.errors.InvalidArgumentError, DamagedRecordError):
            continue  # training names it
        numbers.append(number)
        ids.append([content_id(encoded) for encoded in triplet])
    return np.array(numbers, np.int64), np.array(ids, bytes).reshape(-1, 3)
