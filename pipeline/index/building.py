"""Builds an index from embeddings, a block in memory at a time, and measures it."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from pipeline.embeddings.files import StoredEmbeddings
from pipeline.index import disk_index, kinds, loss, measurement, metric
from pipeline.index.disk_index import DiskIndex
from pipeline.index.faiss_index import FaissIndex
from pipeline.index.loss import Loss
from pipeline.index.measurement import OperatingPoint, Tunable
from pipeline.index.metric import Metric
from pipeline.index.truth import Nearest, Truth
from pipeline.progress import progress_bar

IndexType = TypeVar("IndexType", bound=Tunable)

_K = 10  # results whose recall is measured
_TRUTH = 100  # of the exact ranking; deeper than _K, since equal vectors are equally right
_HELD_OUT = 1000
_HELD_OUT_SHARE = 10  # one of so many at most
_EXPLAINED = 200  # queries that tell why an index misses what it misses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Built(Generic[IndexType]):
    """An index and how it does.

    Attributes:
        index: At the effort that was chosen.
        order: int ``(photographs,)``, which of the embeddings each row is of.
        factory: What Faiss calls such an index.
        k: Of the recall that is measured.
        recall: Against exact search, of queries that tuned nothing and were not in the index.
        milliseconds_alone: Of a query that is asked alone.
        milliseconds: Of one among many.
        tried: The efforts that were tried.
        seconds: What training and adding took.
        loss: What it misses.
        empty_bytes: Of its size, what centroids and code books take; 0 where that is not known.
    """

    index: IndexType
    order: np.ndarray
    factory: str
    k: int
    recall: float
    milliseconds_alone: float
    milliseconds: float
    tried: list[OperatingPoint]
    seconds: float
    loss: Loss
    empty_bytes: int = 0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """Which embeddings go into an index when.

    Attributes:
        first: int ``(n,)``, those that it is filled with, ascending.
        last: int ``(m,)``, those that are held out and added in the end, ascending.
        queries: float32 ``(queries, dim)``, those that are held out or, of few, one that is not.
    """

    first: np.ndarray
    last: np.ndarray
    queries: np.ndarray

    @property
    def order(self) -> np.ndarray:
        """Of the embeddings in the index."""
        return np.concatenate([self.first, self.last])


@dataclasses.dataclass(frozen=True, kw_only=True)
class Room:
    """What building may take.

    Attributes:
        scratch: A folder for inverted files that are larger than memory.
        bytes: Of memory.
    """

    scratch: Path
    bytes: int


def build(
    stored: StoredEmbeddings,
    kind: str,
    metric_name: Metric = "cosine",
    *,
    least_recall: float = 0.95,
    room: Room | None = None,
) -> Built[FaissIndex]:
    """Trains an index of Faiss, fills it, and tunes how hard it looks.

    Some photographs are held out, at most a thousand: they are the queries that tuning and
    measuring ask with, half of them each, and are added in the end. Memory is taken by the
    index, the vectors that it is trained on and one block; an inverted file that has no room is
    merged on disk.

    Args:
        stored: The embeddings.
        kind: One of ``kinds.KINDS`` or a factory string of Faiss.
        metric_name: What vectors are compared by.
        least_recall: The recall@10 against exact search to tune for.
        room: What building may take; None for all memory.

    Raises:
        ValueError: If there are too few vectors, they are none that an index takes, or the index
            has no room and is no inverted file.
    """
    generator = np.random.default_rng(0)
    parts = split(stored, metric_name, generator, least=kinds.fewest_vectors(kind))
    factory = kinds.factory_string(kind, len(parts.first), stored.dimension)
    start = time.perf_counter()
    index = FaissIndex(kinds.empty_index(factory, stored.dimension), kind, metric_name)
    if metric_name == "euclidean" and index.is_angular:
        raise ValueError(
            f"--kind={kind} compares directions, not distances; use --metric=cosine with vectors "
            "of unit length, or another kind."
        )
    _train(index, stored, parts.first, metric_name, generator)
    seconds = time.perf_counter() - start
    empty_bytes = index.bytes
    if room is not None and disk_index.least_bytes(index, len(stored)) > room.bytes:
        index = _on_disk(index, len(stored), room)
    nearest, adding_seconds = fill(index.add, stored, parts, metric_name)
    built = measured(index, factory, parts, nearest, least_recall, seconds + adding_seconds)
    if len(parts.last):
        index.add(parts.queries)
    return dataclasses.replace(built, empty_bytes=empty_bytes)


def _on_disk(index: FaissIndex, count: int, room: Room) -> DiskIndex:
    """The same index, its lists in a file."""
    if disk_index.inverted_file(index.faiss) is None:
        least = disk_index.least_bytes(index, count)
        raise ValueError(
            f"--kind={index.kind} of {count} vectors takes at least {least / 1e9:.3g} GB, and "
            f"{room.bytes / 1e9:.3g} GB may be taken. Raise --build_memory, or use a kind that is "
            f"merged on disk: ivf, ivfsq8, ivfpq or rabitq; or --kind={kinds.MILVUS}."
        )
    return DiskIndex.trained(index, room.scratch, room.bytes)


def split(
    stored: StoredEmbeddings, metric_name: Metric, generator: np.random.Generator, least: int = 1
) -> Parts:
    """Chooses which embeddings are held out.

    Args:
        stored: The embeddings.
        metric_name: What vectors are compared by.
        generator: What chooses.
        least: How many have to be left.

    Raises:
        ValueError: If there are no embeddings, or they are none that an index takes.
    """
    if not len(stored):
        raise ValueError("An index of no photographs cannot be built; embed some first.")
    order = generator.permutation(len(stored))
    spare = max(0, len(stored) - least)
    held_out = np.sort(order[: min(_HELD_OUT, len(stored) // _HELD_OUT_SHARE, spare)])
    rest = np.sort(order[len(held_out) :])
    asking = held_out if len(held_out) else rest[:1]  # too few photographs: one asks for itself
    queries = np.concatenate(list(checked(stored, asking, metric_name)))
    return Parts(first=rest, last=held_out, queries=queries)


def fill(
    add: Callable[[np.ndarray], None], stored: StoredEmbeddings, parts: Parts, metric_name: Metric
) -> tuple[Nearest, float]:
    """Adds vectors to an index, block by block.

    Returns:
        What is truly nearest to the queries, and the seconds that adding took.

    Raises:
        ValueError: If they are none that an index takes.
    """
    truth = Truth(parts.queries, min(_TRUTH, len(parts.first)))
    seconds = 0.0
    with progress_bar("Adding", unit="vectors", total=len(parts.first)) as bar:
        for block in checked(stored, parts.first, metric_name):
            start = time.perf_counter()
            add(block)
            seconds += time.perf_counter() - start
            truth.show(block)
            bar.update(len(block))
    distances, rows = truth.nearest()
    return Nearest(distances, rows, min(_K, rows.shape[1])), seconds


def measured(
    index: IndexType,
    factory: str,
    parts: Parts,
    nearest: Nearest,
    least_recall: float,
    seconds: float,
) -> Built[IndexType]:
    """Tunes how hard a filled index looks, and measures it.

    Args:
        index: What was filled.
        factory: What Faiss calls such an index.
        parts: What it was filled with.
        nearest: What is truly nearest to its queries.
        least_recall: The recall@10 against exact search to tune for.
        seconds: What training and adding took.
    """
    queries = parts.queries
    tuning, measuring = slice(0, None, 2), slice(1 if len(queries) > 1 else 0, None, 2)
    tried = measurement.tune(index, queries[tuning], nearest.of(tuning), least_recall)
    point = measurement.at_present(index, queries[measuring], nearest.of(measuring))
    alone = measurement.milliseconds_per_query(index, queries[measuring], nearest.k)
    explained = slice(measuring.start, measuring.start + 2 * _EXPLAINED, 2)
    missed = loss.measure(index, queries[explained], nearest.of(explained))
    return Built(
        index=index,
        order=parts.order,
        factory=factory,
        k=nearest.k,
        recall=point.recall,
        milliseconds_alone=alone,
        milliseconds=point.milliseconds,
        tried=tried,
        seconds=seconds,
        loss=missed,
    )


def checked(
    stored: StoredEmbeddings, rows: np.ndarray, metric_name: Metric
) -> Iterator[np.ndarray]:
    """The vectors of some rows, ascending, in blocks, after a check that an index takes them.

    Raises:
        ValueError: If one does not.
    """
    for block in stored.take(rows):
        yield metric.checked(block, stored.dimension, metric_name, "An embedding")


def _train(
    index: FaissIndex,
    stored: StoredEmbeddings,
    rows: np.ndarray,
    metric_name: Metric,
    generator: np.random.Generator,
) -> None:
    count = kinds.training_vectors(index.faiss, len(rows))
    if count:
        chosen = np.sort(generator.choice(rows, count, replace=False))
        try:
            index.faiss.train(np.concatenate(list(checked(stored, chosen, metric_name))))
        except RuntimeError as error:
            raise ValueError(
                f"Faiss cannot train {index.kind} on {count} vectors: {kinds.reason(error)}."
            ) from error
