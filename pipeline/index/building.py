"""Builds a Faiss index from embeddings, a block in memory at a time, and measures it."""

import dataclasses
import time
from collections.abc import Iterator

import numpy as np

from pipeline.embeddings.files import StoredEmbeddings
from pipeline.index import kinds, loss, measurement, metric
from pipeline.index.faiss_index import FaissIndex
from pipeline.index.loss import Loss
from pipeline.index.measurement import OperatingPoint, Truth
from pipeline.index.metric import Metric
from pipeline.progress import progress_bar

_K = 10  # results whose recall is measured
_HELD_OUT = 1000
_HELD_OUT_SHARE = 10  # one of so many at most
_EXPLAINED = 200  # queries that tell why an index misses what it misses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Built:
    """An index and how it does.

    Attributes:
        index: At the effort that was chosen.
        order: int ``(photographs,)``, which of the embeddings each row is of.
        factory: What Faiss calls the index.
        k: Of the recall that is measured.
        recall: Against exact search, of queries that tuned nothing and were not in the index.
        milliseconds_alone: Of a query that is asked alone.
        milliseconds: Of one among many.
        tried: The efforts that were tried.
        seconds: What training and adding took.
        loss: What it misses.
    """

    index: FaissIndex
    order: np.ndarray
    factory: str
    k: int
    recall: float
    milliseconds_alone: float
    milliseconds: float
    tried: list[OperatingPoint]
    seconds: float
    loss: Loss

    def explanation(self, least_recall: float) -> str:
        """Why it misses what it misses, see ``loss.explanation``."""
        return loss.explanation(self.index, self.factory, self.loss, least_recall)


def build(
    stored: StoredEmbeddings,
    kind: str,
    *,
    metric_name: Metric = "cosine",
    least_recall: float = 0.95,
) -> Built:
    """Trains an index, fills it, and tunes how hard it looks.

    Some photographs are held out, at most a thousand: they are the queries that tuning and
    measuring ask with, half of them each, and are added in the end. Memory is taken by the
    index, the vectors that it is trained on and one block.

    Args:
        stored: The embeddings.
        kind: One of ``kinds.KINDS`` or a factory string of Faiss.
        metric_name: What vectors are compared by.
        least_recall: The recall@10 against exact search to tune for.

    Raises:
        ValueError: If there are too few vectors, or they are none that an index takes.
    """
    if not len(stored):
        raise ValueError("An index of no photographs cannot be built; embed some first.")
    generator = np.random.default_rng(0)
    order = generator.permutation(len(stored))
    spare = max(0, len(stored) - kinds.fewest_vectors(kind))
    held_out = np.sort(order[: min(_HELD_OUT, len(stored) // _HELD_OUT_SHARE, spare)])
    rest = np.sort(order[len(held_out) :])
    queries = np.concatenate(
        [*checked(stored, held_out, metric_name), np.zeros((0, stored.dimension), np.float32)]
    )
    if not len(held_out):  # too few photographs: they ask for themselves
        queries = np.concatenate(list(checked(stored, rest[:1], metric_name)))
    factory = kinds.factory_string(kind, len(rest), stored.dimension)
    start = time.perf_counter()
    index = FaissIndex(kinds.empty_index(factory, stored.dimension), kind, metric_name)
    if metric_name == "euclidean" and index.is_angular:
        raise ValueError(
            f"--kind={kind} compares directions, not distances; use --metric=cosine with vectors "
            "of unit length, or another kind."
        )
    _train(index, stored, rest, metric_name, generator)
    truth = Truth(queries, min(loss.DEPTH, len(rest)))
    seconds = time.perf_counter() - start
    with progress_bar("Adding", unit="vectors", total=len(rest)) as bar:
        for block in checked(stored, rest, metric_name):
            start = time.perf_counter()
            index.add(block)
            seconds += time.perf_counter() - start
            truth.show(block)
            bar.update(len(block))
    distances, ranking = truth.nearest()
    k = min(_K, len(rest))
    nearest = ranking[:, :k]
    tuning, measuring = slice(0, None, 2), slice(1 if len(queries) > 1 else 0, None, 2)
    tried = measurement.tune(index, queries[tuning], nearest[tuning], least_recall)
    point = measurement.at_present(index, queries[measuring], nearest[measuring])
    alone = measurement.milliseconds_per_query(index, queries[measuring], k)
    asked = np.arange(len(queries))[measuring][:_EXPLAINED]
    lost = loss.measure(index, queries[asked], distances[asked], ranking[asked], k)
    if len(held_out):
        index.add(queries)
    return Built(
        index=index,
        order=np.concatenate([rest, held_out]),
        factory=factory,
        k=k,
        recall=point.recall,
        milliseconds_alone=alone,
        milliseconds=point.milliseconds,
        tried=tried,
        seconds=seconds,
        loss=lost,
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
