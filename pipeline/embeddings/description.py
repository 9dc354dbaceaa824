"""Shards described one after the other, while the next are read and decoded."""

import collections
import concurrent.futures
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from models.words.bags import Bags
from pipeline.data import batching
from pipeline.data.batching import Prepare
from pipeline.descriptions import Descriptions
from pipeline.descriptors import Descriptor, open_descriptor
from pipeline.embeddings.bag_files import COUNTED, entries_of
from pipeline.embeddings.pairs import METADATA
from pipeline.embeddings.photographs import Keys, Photographs, Shard
from pipeline.progress import logger

_TOGETHER = 2  # batches: one has the cores that the other leaves idle, as between two layers


# What is stored of a batch: elements of an array, and further columns of the rows.
Described = tuple[np.ndarray, dict[str, np.ndarray]]


class Describer(Protocol):
    """Makes of photographs what is stored of them."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over what decides it."""
        ...

    @property
    def prepare(self) -> Prepare:
        """From the bytes of a photograph, a string scalar, to what ``describe`` takes of it."""
        ...

    def describe(self, prepared: Any) -> Described:
        """Describes a batch of what ``prepare`` gives; several threads do so at a time."""
        ...

    def nothing(self) -> Described:
        """What is stored of no photographs."""
        ...


class VectorDescriber:
    """Makes the vectors of an exported model, float32 ``(n, dim)``, unit length; or its bags."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._descriptor = descriptor
        self.fingerprint = descriptor.fingerprint
        self.prepare: Prepare = descriptor.prepare

    @classmethod
    def open(cls, folder: Path) -> "VectorDescriber":
        """Loads the model of a folder; raises what ``open_descriptor`` does."""
        return cls(open_descriptor(folder))

    def describe(self, prepared: Any) -> Described:
        """See ``Describer``."""
        return stored(self._descriptor.describe_prepared(prepared))

    def nothing(self) -> Described:
        """See ``Describer``."""
        return stored(self._descriptor.none())


def stored(descriptions: Descriptions) -> Described:
    """What is stored of descriptions."""
    if isinstance(descriptions, Bags):
        return entries_of(descriptions), {COUNTED: descriptions.counts.astype(np.int32)}
    return descriptions, {}


@dataclasses.dataclass(frozen=True, kw_only=True)
class DescribedShard:
    """What one shard gives.

    Attributes:
        place: Which of the shards.
        array: What is stored of its photographs.
        rows: A table that begins with the columns of ``METADATA``, a row for every photograph.
        skipped: Photographs left out as they are damaged: where each is, and why.
    """

    place: int
    array: np.ndarray
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
            "photographs": len(self.rows),
            "skipped": self.skipped,
        }


def describe_shards(
    photographs: Photographs, places: Sequence[int], describer: Describer, batch: int
) -> Iterator[int | DescribedShard]:
    """Describes shards in order, in one stream: no shard waits for the one before to be written.

    A batch never holds photographs of two shards, so that what a shard gives is the same to
    the bit whatever is described before and after it.

    Args:
        photographs: Where the shards are.
        places: Which of the shards.
        describer: The model.
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
        describer.prepare,
    )
    stream = _described(prepared, describer)
    order = np.concatenate([np.zeros(0, np.int64), *numbers])
    for place, of_shard, batches in zip(places, numbers, parts, strict=True):
        nothing, no_columns = describer.nothing()
        arrays, rows = [nothing], [with_columns(METADATA.empty_table(), no_columns)]
        described = [np.zeros(0, np.int64)]
        for part in batches:
            kept, (array, columns), keys = next(stream)
            found = order[kept]
            if len(found):
                arrays.append(array)
                rows.append(with_columns(photographs.rows(found, keys), columns))
            described.append(found)
            yield len(part)
        missing = np.setdiff1d(of_shard, np.concatenate(described))
        yield DescribedShard(
            place=place,
            array=np.concatenate(arrays),
            rows=pa.concat_tables(rows),
            skipped=_damaged(photographs, photographs.shards[place], missing),
        )


def with_columns(rows: pa.Table, columns: dict[str, np.ndarray]) -> pa.Table:
    """Rows with further columns."""
    for name, values in columns.items():
        rows = rows.append_column(name, pa.array(values))
    return rows


def _described(
    prepared: Iterable[Any], describer: Describer
) -> Iterator[tuple[np.ndarray, Described, Keys]]:
    """Describes batches, several at a time.

    Yields:
        Of each, in order, the positions of what is sound, what is stored and further keys.
    """

    def describe(kept: np.ndarray, of_batch: Any) -> Described:
        # Of none, some networks cannot say anything.
        return describer.describe(of_batch) if len(kept) else describer.nothing()

    waiting: collections.deque[tuple[np.ndarray, concurrent.futures.Future[Described], Keys]] = (
        collections.deque()
    )
    with concurrent.futures.ThreadPoolExecutor(_TOGETHER) as threads:
        for _, kept, of_batch, keys in prepared:
            positions = kept.numpy()
            waiting.append((positions, threads.submit(describe, positions, of_batch), keys))
            if len(waiting) == _TOGETHER:
                first, described, its_keys = waiting.popleft()
                yield first, described.result(), its_keys
        for positions, last, keys in waiting:
            yield positions, last.result(), keys


def describe_shard(
    photographs: Photographs, place: int, describer: Describer, batch: int
) -> DescribedShard:
    """Describes one shard."""
    (described,) = (
        one
        for one in describe_shards(photographs, [place], describer, batch)
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
