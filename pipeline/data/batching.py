"""Batches of what is stored: read, decoded several at a time, and without what is damaged."""

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from models.preprocessing import load_photograph
from pipeline.data import records
from pipeline.data.shards import RecordFiles


class Stored(Protocol):
    """Photographs, or records of them, read by their numbers."""

    def read_all(self, numbers: np.ndarray) -> np.ndarray:
        """Their bytes, object, of the shape of ``numbers``; empty where they cannot be had."""
        ...


# From what is stored, a string scalar, to an encoded photograph and further keys.
ParseOne = Callable[[tf.Tensor], tuple[tf.Tensor, dict[str, tf.Tensor]]]
# Batches of numbers, one behind the other or as one array.
Batches = Sequence[np.ndarray] | np.ndarray
# From the bytes of a photograph, a string scalar, to the images to be seen of it.
Prepare = Callable[[tf.Tensor], Any]
# From the records of an example, string (records,), and its position to its tensors.
Decode = Callable[[tf.Tensor, tf.Tensor], tuple[Any, ...]]

_PHOTOGRAPHS_AT_A_TIME = 256  # bounds what is decoded and not yet asked for


@functools.lru_cache(maxsize=8)
def square_loading(size: int) -> Prepare:
    """``load_photograph`` of a size, traced once however many data sets load with it.

    To trace it takes as long as to load hundreds of photographs.
    """

    def load(encoded: tf.Tensor) -> tf.Tensor:
        return load_photograph(encoded, size)

    return tf.function(load, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)


def photograph_batches(
    files: RecordFiles, numbers: np.ndarray, prepare: Prepare, *, batch: int
) -> tf.data.Dataset:
    """Labelled photographs in the given order, prepared, with all that their records say.

    Args:
        files: Labelled records.
        numbers: int ``(n,)``, which of them.
        prepare: Decodes one, as ``square_loading`` or a model's own way.
        batch: Photographs a batch; the last may be smaller.

    Returns:
        As ``stored_batches``, with the parsed keys.
    """
    return stored_batches(files, in_batches(numbers, batch), records.split_photograph, prepare)


def in_batches(numbers: np.ndarray, batch: int) -> list[np.ndarray]:
    """Cuts ``(n,)`` into parts of a batch; the last may be smaller."""
    return [numbers[start : start + batch] for start in range(0, len(numbers), batch)]


def stored_batches(
    stored: Stored, batches: Sequence[np.ndarray], parse: ParseOne, prepare: Prepare
) -> tf.data.Dataset:
    """Photographs, wherever they are stored, prepared batch by batch.

    Args:
        stored: Where they are read.
        batches: int ``(n,)`` each, the numbers of a batch, in whatever sizes.
        parse: Splits what is stored.
        prepare: Decodes a photograph.

    Returns:
        A data set of ``(number, kept, images, keys)``: the batch's number, int64; positions of
        what is sound among the numbers of all batches, int64 ``(kept,)``; what ``prepare`` gives,
        batched; and the further keys.
    """

    def decode(one: tf.Tensor, position: tf.Tensor) -> tuple[Any, dict[str, tf.Tensor]]:
        del position
        encoded, keys = parse(one[0])
        return prepare(encoded), keys

    return decoded_batches(stored, [batch[:, None] for batch in batches], decode)


def decoded_batches(
    stored: Stored,
    batches: Batches,
    decode: Decode,
    *,
    first: int = 0,
    taken: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Reads a batch at once, decodes its examples, and leaves out what does not decode.

    Every batch is a small data set of its own and gives one element, even if nothing in it is
    sound: so a batch keeps its number and its members whatever is damaged elsewhere. Several are
    decoded at a time.

    Args:
        stored: Where records are read.
        batches: int ``(examples, records)`` each, of record numbers.
        decode: Turns the records of one example into tensors.
        first: Batches to leave out.
        taken: bool ``(batches, examples)``, the examples to read; all where None.

    Returns:
        A data set of ``(number, positions, *tensors)``, batched but for the number; positions are
        those of examples among all of all batches.
    """
    sizes = [len(batch) for batch in batches]
    largest = max(sizes, default=1)
    width = batches[0].shape[1] if len(batches) else 1
    starts = np.cumsum([0, *sizes])
    cores = os.cpu_count() or 1
    together = max(2, min(cores, _PHOTOGRAPHS_AT_A_TIME // largest))
    threads = max(2, -(-cores // together))  # one reads on while another decodes

    def read(number: np.int64) -> tuple[np.ndarray, np.ndarray]:
        examples = np.arange(sizes[number])
        if taken is not None:
            examples = examples[taken[number]]
        return starts[number] + examples, stored.read_all(batches[int(number)][examples])

    @tf.autograph.experimental.do_not_convert  # which is of no use here, and takes a while
    def one_batch(number: tf.Tensor) -> tf.data.Dataset:
        positions, of_batch = tf.numpy_function(
            read, [number], (tf.int64, tf.string), stateful=False
        )
        positions = tf.ensure_shape(positions, (None,))
        of_batch = tf.ensure_shape(of_batch, (None, width))
        whole = _sound(of_batch, positions, decode, batch=largest, threads=threads)
        return whole.map(lambda *tensors: (number, *tensors))

    return (
        tf.data.Dataset.range(first, len(batches))
        .interleave(
            one_batch, cycle_length=together, num_parallel_calls=together, deterministic=True
        )
        .prefetch(2)
        .with_options(_options())
    )


def _options() -> tf.data.Options:
    """Without the tuner: nothing is left to it, and it holds up its iterator's end.

    For it sleeps ever longer, seconds after a few, and TensorFlow 2.21 waits till it wakes.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return options


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
