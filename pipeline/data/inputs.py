"""Input pipelines: records in a given order become batches of images.

The order is decided before anything is read (``pipeline.data.samplers``), so that it is true to its
seed however large the data set is: only the numbers of the records are in memory, encoded
photographs are read where they lie, and a batch's number is all there is to say where a run is.
"""

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from models.preprocessing import decode_photograph, load_photograph
from pipeline.data import records
from pipeline.data.augmentation import Augmentation, augmented_photograph
from pipeline.data.damage import DamageCount
from pipeline.data.inspection import decoding_error
from pipeline.data.shards import DamagedRecordError, RecordFiles
from pipeline.data.sources.source import content_id

# Splits one serialised record into its photographs, string (photographs,), and their labels.
Parse = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
# From the records of an example, string (records,), and its position to its tensors.
Decode = Callable[[tf.Tensor, tf.Tensor], tuple[Any, ...]]

_PHOTOGRAPHS_AT_A_TIME = 256  # bounds what is decoded and not yet asked for


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
    seed: int = 0,
    augmentation: Augmentation | None = None,
    first: int = 0,
) -> tf.data.Dataset:
    """Augmented batches in the given order.

    Args:
        files: The records.
        batches: int ``(batches, examples, records)``: the record numbers of each example, which
            is a photograph (one record), a pair (two) or a triplet (three, or one of Kaggle's).
        parse: Splits a record into its photographs.
        size: Side of the images, pixels.
        seed: Chooses the changes, together with the position in ``batches``.
        augmentation: How photographs are changed; None for not at all.
        first: Batches to leave out, when resuming.

    Returns:
        A data set of ``(number, kept, images, labels)``, one for every batch: its number, int64;
        which of its examples are sound, int64 ``(kept,)``; uint8 ``(kept * photographs, size,
        size, 3)`` and int64 ``(kept * photographs,)``. The photographs of an example lie
        ``kept`` apart: all anchors, all positives, all negatives. An example with a record that
        does not decode is left out whole; ``name_damaged`` tells which that was.
    """
    examples = batches.shape[1]

    def load(encoded: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        if augmentation is None:
            return load_photograph(encoded, size)
        return augmented_photograph(encoded, size, tf.stack([seed, number]), augmentation)

    def decode(records_of_example: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        parsed = [parse(record) for record in tf.unstack(records_of_example)]
        encoded = [one for photographs, _ in parsed for one in tf.unstack(photographs)]
        first_number = len(encoded) * position
        images = [load(one, first_number + place) for place, one in enumerate(encoded)]
        return tf.stack(images), tf.concat([labels for _, labels in parsed], axis=0)

    order = batches.reshape(-1, batches.shape[2])
    return _in_batches(files, order, decode, batch=examples, first=first).map(
        lambda number, positions, images, labels: (
            number,
            positions % examples,
            *_photographs_first(images, labels),
        )
    )


def _photographs_first(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Lays out ``(examples, photographs, ...)`` as all the first photographs, all the second.

    Returns:
        ``(photographs * examples, height, width, 3)`` and ``(photographs * examples,)``.
    """
    if images.shape[1] > 1:  # where each lies alone the order is right already
        images, labels = tf.transpose(images, [1, 0, 2, 3, 4]), tf.transpose(labels)
    return tf.reshape(images, (-1, *images.shape[2:])), tf.reshape(labels, [-1])


def photograph_batches(
    files: RecordFiles, numbers: np.ndarray, *, size: int, batch: int
) -> tf.data.Dataset:
    """Labelled photographs in the given order, resized, with all that their records say.

    Args:
        files: Labelled records.
        numbers: int ``(n,)``, which of them.
        size: Side of the images, pixels.
        batch: Photographs a batch; the last may be smaller.

    Returns:
        A data set of ``(number, kept, images, parsed)``: the batch's number, int64; positions in
        ``numbers`` of what is sound, int64 ``(kept,)``; uint8 ``(kept, size, size, 3)``; and the
        parsed keys without the bytes.
    """

    def decode(record: tf.Tensor, position: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        del position
        parsed = records.parse_photograph(record[0])
        return load_photograph(parsed.pop("image/encoded"), size), parsed

    return _in_batches(files, numbers[:, None], decode, batch=batch)


def _in_batches(
    files: RecordFiles, order: np.ndarray, decode: Decode, *, batch: int, first: int = 0
) -> tf.data.Dataset:
    """Reads a batch at once, decodes its examples, and leaves out what does not decode.

    Every batch is a small data set of its own and gives one element, even if nothing in it is
    sound: so a batch keeps its number and its members whatever is damaged elsewhere. Several are
    decoded at a time.

    Args:
        files: The records.
        order: int ``(examples, records)`` of record numbers.
        decode: Turns the records of one example into tensors.
        batch: Examples a batch.
        first: Batches to leave out.

    Returns:
        A data set of ``(number, positions, *tensors)``, batched but for the number.
    """
    cores = os.cpu_count() or 1
    together = max(2, min(cores, _PHOTOGRAPHS_AT_A_TIME // batch))
    threads = max(2, -(-cores // together))  # one reads on while another decodes

    def read(number: np.ndarray) -> np.ndarray:
        return files.read_all(order[number * batch : (number + 1) * batch])

    def one_batch(number: tf.Tensor) -> tf.data.Dataset:
        of_batch = tf.numpy_function(read, [number], tf.string, stateful=False)
        of_batch = tf.ensure_shape(of_batch, (None, order.shape[1]))
        positions = number * batch + tf.range(tf.shape(of_batch, tf.int64)[0])
        whole = _sound(of_batch, positions, decode, batch=batch, threads=threads)
        return whole.map(lambda *tensors: (number, *tensors))

    return (
        tf.data.Dataset.range(first, -(-len(order) // batch))
        .interleave(
            one_batch, cycle_length=together, num_parallel_calls=together, deterministic=True
        )
        .prefetch(2)
    )


def _sound(
    records_of_batch: tf.Tensor,
    positions: tf.Tensor,
    decode: Decode,
    *,
    batch: int,
    threads: int,
) -> tf.data.Dataset:
    """One element: the positions and tensors of the examples that decode, or of none."""
    examples = tf.data.Dataset.from_tensor_slices((positions, records_of_batch))
    whole = (
        examples.map(
            lambda position, example: (position, *decode(example, position)),
            num_parallel_calls=threads,
        )
        .ignore_errors()
        .batch(batch)
    )
    nothing = tf.nest.map_structure(
        lambda spec: tf.zeros((0, *spec.shape[1:]), spec.dtype), whole.element_spec
    )
    return whole.concatenate(tf.data.Dataset.from_tensors(nothing)).take(1)


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
        encoded, _ = parse(record)
        return [tf.shape(decode_photograph(one)) for one in tf.unstack(encoded)]

    for number in numbers:
        try:
            decode(tf.constant(files.read(number)))
        except DamagedRecordError as error:
            yield int(number), error.reason
        except tf.errors.InvalidArgumentError as error:
            yield int(number), decoding_error(error)


def read_triplet_ids(files: RecordFiles) -> np.ndarray:
    """The content ids of all photographs of triplets, bytes; damaged records are left out."""
    ids = []
    for number in range(len(files)):
        try:
            triplet = records.parse_triplet(tf.constant(files.read(number))).numpy()
        except (tf.errors.InvalidArgumentError, DamagedRecordError):
            continue  # training names it
        ids += [content_id(encoded) for encoded in triplet]
    return np.array(ids, bytes)
