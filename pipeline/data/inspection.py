"""Looks at a photograph before it becomes a record: does it decode, and how large is it?"""

import collections
import concurrent.futures
import functools
import hashlib
import os
import re
from collections.abc import Iterable, Iterator

import tensorflow as tf

from models.preprocessing import upright_size
from pipeline.data.records import Photograph
from pipeline.data.sources.source import Skipped, SourcePhotograph, content_id
from pipeline.data.transcoding import transcode


def inspect_photographs(
    photographs: Iterable[SourcePhotograph | Skipped],
) -> Iterator[Photograph | Skipped]:
    """Decodes every photograph, several at a time, and yields them in order.

    What is no JPEG or PNG that every reader decodes is transcoded, and says so in its provenance.

    Args:
        photographs: What the source found.

    Yields:
        The photograph ready to be written, or what was wrong with it.
    """
    workers = os.cpu_count() or 1
    waiting: collections.deque[concurrent.futures.Future[Photograph | Skipped]]
    waiting = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for photograph in photographs:
            waiting.append(pool.submit(_inspect, photograph))
            if len(waiting) > 4 * workers:  # bounds the photographs held in memory
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _inspect(found: SourcePhotograph | Skipped) -> Photograph | Skipped:
    if isinstance(found, Skipped):
        return found
    try:
        kept = transcode(found.encoded)
    except ValueError as error:
        return Skipped(name=found.name, reason=str(error))
    try:
        height, width = (int(side) for side in _upright_size()(tf.constant(kept.encoded)))
    except tf.errors.InvalidArgumentError as error:
        return Skipped(name=found.name, reason=f"damaged {kept.format}: {decoding_error(error)}")
    return Photograph(
        id=content_id(found.encoded) if found.id is None else found.id,
        sha256=hashlib.sha256(found.encoded).hexdigest(),
        encoded=kept.encoded,
        format=kept.format,
        height=height,
        width=width,
        provenance=kept.provenance,
        landmark=found.landmark,
        label=found.label,
        author=found.author,
        license=found.license,
        url=found.url,
        title=found.title,
    )


def decoding_error(error: tf.errors.OpError) -> str:
    """What TensorFlow's decoder says, without where in the graph it says so."""
    lines = re.sub(r"\{\{[^}]*\}\}\s*", "", error.message).splitlines()
    return [line for line in lines if line.strip() and not line.startswith("\t")][-1].rstrip(". ")


@functools.cache
def _upright_size() -> tf.types.experimental.GenericFunction:
    """Compiled once for all threads: height and width, int32 (2,), of what decodes."""
    return tf.function(upright_size, input_signature=[tf.TensorSpec([], tf.string)])
