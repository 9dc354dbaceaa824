"""Looks at a photograph before it becomes a record: does it decode, and how large is it?"""

import collections
import concurrent.futures
import dataclasses
import functools
import os
from collections.abc import Iterable, Iterator

import tensorflow as tf

from models.preprocessing import decode_photograph
from pipeline.data.records import Photograph
from pipeline.data.sources import SourcePhotograph

# What TensorFlow decodes, by the bytes each format begins with.
_FORMATS = {b"\xff\xd8": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"BM": "BMP"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Skipped:
    """A photograph left out, and why."""

    name: str
    reason: str


def inspect_photographs(
    photographs: Iterable[SourcePhotograph], labels: dict[str, int]
) -> Iterator[Photograph | Skipped]:
    """Decodes every photograph, several at a time, and yields them in order.

    Args:
        photographs: What the source found.
        labels: The label of every landmark's name.

    Yields:
        The photograph ready to be written, or what was wrong with it.
    """
    workers = os.cpu_count() or 1
    waiting: collections.deque[concurrent.futures.Future[Photograph | Skipped]]
    waiting = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for photograph in photographs:
            waiting.append(pool.submit(_inspect, photograph, labels))
            if len(waiting) > 4 * workers:  # bounds the photographs held in memory
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _inspect(found: SourcePhotograph, labels: dict[str, int]) -> Photograph | Skipped:
    format_name = image_format(found.encoded)
    if format_name is None:
        return Skipped(name=found.name, reason="not a JPEG, PNG, GIF or BMP file")
    try:
        height, width = (int(side) for side in _upright_size()(tf.constant(found.encoded)))
    except tf.errors.InvalidArgumentError as error:
        reason = error.message.split(" [Op")[0].splitlines()[0]
        return Skipped(name=found.name, reason=f"damaged {format_name}: {reason}")
    return Photograph(
        id=found.content_id,
        encoded=found.encoded,
        format=format_name,
        height=height,
        width=width,
        landmark=found.landmark,
        label=labels.get(found.landmark, -1),
        title=found.name,
    )


def image_format(encoded: bytes) -> str | None:
    """The format that the first bytes announce; None if TensorFlow decodes no such format."""
    return next((name for start, name in _FORMATS.items() if encoded.startswith(start)), None)


@functools.cache
def _upright_size() -> tf.types.experimental.GenericFunction:
    """Compiled once for all threads: height and width after decoding, int32 (2,)."""
    return tf.function(
        lambda encoded: tf.shape(decode_photograph(encoded))[:2],
        input_signature=[tf.TensorSpec([], tf.string)],
    )
