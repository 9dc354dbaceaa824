"""Shards described one after the other, while the next are read and decoded."""

import collections
import concurrent.futures
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.data import batching
from pipeline.descriptors import Descriptor
from pipeline.embeddings import files
from pipeline.embeddings.photographs import Keys, Photographs, Shard
from pipeline.progress import logger

_TOGETHER = 2  # batches: one has the cores that the other leaves idle, as between two layers


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescribedShard:
    """What one shard gives.

    Attributes:
        place: Which of the shards.
        vectors: float32 ``(n, dim)``, unit length.
        rows: A table of the schema ``METADATA``, a row for every vector.
        skipped: Photographs left out as they are damaged: where each is, and why.
    """

    place: int
    vectors: np.ndarray
    rows: pa.Table
    skipped: list[dict[str, str]]

    def entry(self, pair: int, photographs: Photographs, model_fingerprint: str) -> dict[str, Any]:
        """What the pair of files of this shard is to say of itself."""
        shard = photographs.shards[self.place]
        return {
            "pair": pair,
            "shard": shard.name,
            "source": photographs.source,
            "sha256": shard.fingerprint,
            "model_fingerprint": model_fingerprint,
            "photographs": len(self.vectors),
            "skipped": self.skipped,
        }


def describe_shards(
    photographs: Photographs, places: Sequence[int], descriptor: Descriptor, batch: int
) -> Iterator[int | DescribedShard]:
    """Describes shards in order, in one stream: no shard waits for the one before to be written.

    A batch never holds photographs of two shards, so that a shard's vectors are the same to the
    bit whatever is described before and after it.

    Args:
        photographs: Where the shards are.
        places: Which of the shards.
        descriptor: The model.
        batch: Photographs a batch.

    Yields:
        How many photographs a batch was of, and after a shard's last batch the shard.
    """
    numbers = [photographs.shards[place].numbers for place in places]
    parts = [batching.in_batches(of_shard, batch) for of_shard in numbers]
    prepared = batching.stored_batches(
        photographs,
        [part for shard in parts for part in shard],
        photographs.parse,
        descriptor.prepare,
    )
    stream = _described(prepared, descriptor)
    order = np.concatenate([np.zeros(0, np.int64), *numbers])
    for place, of_shard, batches in zip(places, numbers, parts, strict=True):
        vectors = [np.zeros((0, descriptor.dimension), np.float32)]
        rows = [files.METADATA.empty_table()]
        described = [np.zeros(0, np.int64)]
        for part in batches:
            kept, of_batch, keys = next(stream)
            found = order[kept]
            if len(found):
                vectors.append(of_batch)
                rows.append(photographs.rows(found, keys))
            described.append(found)
            yield len(part)
        missing = np.setdiff1d(of_shard, np.concatenate(described))
        yield DescribedShard(
            place=place,
            vectors=np.concatenate(vectors),
            rows=pa.concat_tables(rows),
            skipped=_damaged(photographs, photographs.shards[place], missing),
        )


def _described(
    prepared: Iterable[Any], descriptor: Descriptor
) -> Iterator[tuple[np.ndarray, np.ndarray, Keys]]:
    """Describes batches, several at a time.

    Yields:
        Of each, in order, the positions of what is sound, its vectors and its further keys.
    """

    def describe(kept: np.ndarray, images: Any) -> np.ndarray:
        if not len(kept):  # of none, some networks cannot say anything
            return np.zeros((0, descriptor.dimension), np.float32)
        return descriptor.describe_prepared(images)

    waiting: collections.deque[tuple[np.ndarray, concurrent.futures.Future[np.ndarray], Keys]] = (
        collections.deque()
    )
    with concurrent.futures.ThreadPoolExecutor(_TOGETHER) as threads:
        for _, kept, images, keys in prepared:
            positions = kept.numpy()
            waiting.append((positions, threads.submit(describe, positions, images), keys))
            if len(waiting) == _TOGETHER:
                first, vectors, its_keys = waiting.popleft()
                yield first, vectors.result(), its_keys
        for positions, vectors, keys in waiting:
            yield positions, vectors.result(), keys


def describe_shard(
    photographs: Photographs, place: int, descriptor: Descriptor, batch: int
) -> DescribedShard:
    """Describes one shard."""
    (described,) = (
        one
        for one in describe_shards(photographs, [place], descriptor, batch)
        if isinstance(one, DescribedShard)
    )
    return described


def _damaged(photographs: Photographs, shard: Shard, missing: np.ndarray) -> list[dict[str, str]]:
    """Why each photograph is missing.

    Raises:
        OSError: If one that could not be read before can be now: it is not damaged.
    """
    skipped = []
    for where, reason in photographs.damage(missing):
        logger.warning("Left out the photograph at %s: %s.", where, reason)
        skipped.append({"photograph": where, "reason": reason})
    if len(skipped) < len(missing):
        raise OSError(
            f"{len(missing) - len(skipped)} photographs of {shard.name} could not be read for a "
            "while; once the file system is there, run the command again: it goes on."
        )
    return skipped
