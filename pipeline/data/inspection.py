"""Looks at a photograph before it becomes a record: does it decode, and how large is it?"""

import collections
import concurrent.futures
import functools
import os
import re
from collections.abc import Iterable, Iterator

import tensorflow as tf

from models.preprocessing import decode_photograph
from pipeline.data.records import Photograph
from pipeline.data.sources import Skipped, SourcePhotograph, content_id

# What TensorFlow decodes, by the bytes each format begins with.
_FORMATS = {
    "JPEG": rb"\xff\xd8",
    "PNG": rb"\x89PNG",
    "GIF": rb"GIF8",
    "BMP": rb"BM",
    "WEBP": rb"RIFF....WEBP",
}


def inspect_photographs(
    photographs: Iterable[SourcePhotograph | Skipped], labels: dict[str, int]
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


def _inspect(found: SourcePhotograph | Skipped, labels: dict[str, int]) -> Photograph | Skipped:
    if isinstance(found, Skipped):
        return found
    format_name = image_format(found.encoded)
    if format_name is None:
        return Skipped(name=found.name, reason="not a JPEG, PNG, GIF, BMP or WebP file")
    try:
        height, width = (int(side) for side in _upright_size()(tf.constant(found.encoded)))
    except tf.errors.InvalidArgumentError as error:
        return Skipped(name=found.name, reason=f"damaged {format_name}: {decoding_error(error)}")
    return Photograph(
        id=content_id(found.encoded),
        encoded=found.encoded,
        format=format_name,
        height=height,
        width=width,
        landmark=found.landmark,
        label=labels.get(found.landmark, -1),
        title=found.name,
    )


def decoding_error(error: tf.errors.OpError) -> str:
    """What TensorFlow's decoder says, without where in the graph it says so."""
    lines = re.sub(r"\{\{[^}]*\}\}\s*", "", error.message).splitlines()
    return [line for line in lines if line.strip() and not line.startswith("\t")][-1].rstrip(". ")


def image_format(encoded: bytes) -> str | None:
    """The format that the first bytes announce; None if TensorFlow decodes no such format."""
    starts = (name for name, start in _FORMATS.items() if re.match(start, encoded, re.DOTALL))
    return next(starts, None)


@functools.cache
def _upright_size() -> tf.types.experimental.GenericFunction:
    """Compiled once for all threads: height and width after decoding, int32 (2,)."""
    return tf.function(
        lambda encoded: tf.shape(decode_photograph(encoded))[:2],
        input_signature=[tf.TensorSpec([], tf.string)],
    )
