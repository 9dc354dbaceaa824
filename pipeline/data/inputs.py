"""Input pipelines: one visible chain for training, one for describing photographs."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from models.preprocessing import decode_photograph, resize
from pipeline.data import records
from pipeline.data.augmentation import augment
from pipeline.data.inspection import decoding_error
from pipeline.data.shards import RecordFiles
from pipeline.data.sources import content_id

# Splits one serialised record into its photographs, string (photographs,), and their labels.
Parse = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def parse_labelled(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One photograph a record: string ``(1,)`` and int64 ``(1,)``."""
    parsed = records.parse_photograph(record)
    return parsed["image/encoded"][None], parsed["image/class/label"][None]


def parse_triplet(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Three photographs a record, string ``(3,)``; their labels, -1, are not known."""
    return records.parse_triplet(record), tf.fill([3], tf.constant(-1, tf.int64))


def training_batches(
    files: RecordFiles,
    batches: np.ndarray,
    parse: Parse,
    *,
    size: int,
    seed: int | None,
    first: int = 0,
) -> tf.data.Dataset:
    """Augmented batches in the given order.

    Which record stands where is decided before anything is read, so encoded photographs are
    all that is ever reordered; reading and decoding then run in parallel, and the order is
    kept. A record that does not decode is left out: ``find_damaged`` names it.

    Args:
        files: The records.
        batches: int ``(batches, records a batch)`` of record numbers.
        parse: Splits a record into its photographs.
        size: Side of the images, pixels.
        seed: Chooses the augmentation, together with the position in ``batches``; None for
            none.
        first: Batches to leave out, when resuming.

    Returns:
        A data set of uint8 images ``(batch, size, size, 3)`` and int64 labels ``(batch,)``.
        Photographs of a record lie a batch apart: all anchors, all positives, all negatives.
    """
    records_a_batch = batches.shape[1]
    positions = tf.data.Dataset.range(first * records_a_batch, batches.size)
    order = tf.constant(batches.reshape(-1))

    def read(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        record = tf.numpy_function(files.read, [order[position]], tf.string, stateful=False)
        return tf.ensure_shape(record, ()), position

    def prepare(image: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        return resize(image, size) if seed is None else augment(image, size, [seed, number])

    def decode(record: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        encoded, labels = parse(record)
        images = [
            prepare(decode_photograph(one), 3 * position + number)
            for number, one in enumerate(tf.unstack(encoded))
        ]
        return tf.stack(images), labels

    def records_last(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        flat = tf.reshape(tf.transpose(images, [1, 0, 2, 3, 4]), (-1, size, size, 3))
        return flat, tf.reshape(tf.transpose(labels), [-1])

    return (
        positions.map(read, num_parallel_calls=tf.data.AUTOTUNE)
        .map(decode, num_parallel_calls=tf.data.AUTOTUNE)
        .ignore_errors()
        .batch(records_a_batch, drop_remainder=True)
        .map(records_last)
        .prefetch(2)
    )


def photograph_batches(path: Path, *, size: int, batch: int) -> tf.data.Dataset:
    """The photographs of one shard, in its order, resized.

    Args:
        path: A shard of labelled records.
        size: Side of the images, pixels.
        batch: Photographs a batch; the last may be smaller.

    Returns:
        A data set of ``(number, images, parsed)``: int64 ``(batch,)`` positions in the shard,
        uint8 ``(batch, size, size, 3)``, and the parsed keys without the bytes. A record that
        does not decode is left out, so its number is missing, and so is all that follows a
        record whose checksum is wrong.
    """

    def decode(
        number: tf.Tensor, record: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        parsed = records.parse_photograph(record)
        image = resize(decode_photograph(parsed.pop("image/encoded")), size)
        return number, image, parsed

    return (
        tf.data.TFRecordDataset(str(path), buffer_size=2**20)
        .enumerate()
        .map(decode, num_parallel_calls=tf.data.AUTOTUNE)
        .ignore_errors()
        .batch(batch)
        .prefetch(2)
    )


def find_damaged(
    files: RecordFiles, numbers: np.ndarray, parse: Parse
) -> Iterator[tuple[int, str]]:
    """Decodes records one by one and yields the number and the reason of each that fails."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def decode(record: tf.Tensor) -> list[tf.Tensor]:
        encoded, _ = parse(record)
        return [tf.shape(decode_photograph(one)) for one in tf.unstack(encoded)]

    for number in numbers:
        try:
            decode(tf.constant(files.read(number)))
        except ValueError as error:
            yield int(number), str(error)
        except tf.errors.InvalidArgumentError as error:
            yield int(number), decoding_error(error)


def read_triplet_ids(files: RecordFiles) -> np.ndarray:
    """The content ids of all photographs of triplets, bytes; damaged records are left out."""
    ids = []
    for number in range(len(files)):
        try:
            triplet = records.parse_triplet(tf.constant(files.read(number))).numpy()
        except tf.errors.InvalidArgumentError:
            continue  # training names it
        ids += [content_id(encoded) for encoded in triplet]
    return np.array(ids, bytes)


def read_ids_and_labels(files: RecordFiles) -> tuple[np.ndarray, np.ndarray]:
    """The id, as bytes, and the label, int64, of every record; each ``(records,)``.

    Raises:
        ValueError: If a file is damaged, or holds other records.
    """
    keys = {
        "image/id": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
    }
    ids, labels = [], []
    for path in files.paths:
        dataset = tf.data.TFRecordDataset(str(path)).batch(256)
        try:
            for parsed in dataset.map(lambda batch: tf.io.parse_example(batch, keys)):
                ids.append(parsed["image/id"].numpy().astype(bytes))
                labels.append(parsed["image/class/label"].numpy())
        except tf.errors.DataLossError as error:
            raise ValueError(f"{path} is damaged; copy it again or rebuild the records.") from error
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(
                f"{path} holds no labelled photographs ({', '.join(keys)})."
            ) from error
    return np.concatenate(ids), np.concatenate(labels)
