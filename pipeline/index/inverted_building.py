"""Fills an inverted file with bags of words, and times it."""

import functools
import time

import numpy as np

from pipeline import descriptions
from pipeline.embeddings.files import StoredEmbeddings
from pipeline.index import measurement
from pipeline.index.building import Built
from pipeline.index.inverted_index import InvertedIndex
from pipeline.index.loss import Loss

_K = 10  # results of a query that is timed
_TIMED = 100  # queries


def build(stored: StoredEmbeddings) -> Built[InvertedIndex]:
    """Fills an inverted file, which finds all that a comparison with every photograph finds.

    It is made in memory: 8 bytes a word of a photograph, and its code, twice.

    Args:
        stored: The embeddings, bags of words.

    Raises:
        ValueError: If there are none, or they are neither of unit length nor empty.
    """
    if not len(stored):
        raise ValueError("An index of no photographs cannot be built; embed some first.")
    start = time.perf_counter()
    index = InvertedIndex(descriptions.concatenate([stored.none(), *stored.blocks()]))
    index.checked(index.vectors(np.arange(len(index))), "An embedding")
    index.sort()
    seconds = time.perf_counter() - start
    k = min(_K, len(index))
    queries = index.vectors(np.random.default_rng(0).permutation(len(index))[:_TIMED])
    each = [queries[number : number + 1] for number in range(len(queries))]
    alone = measurement.median_milliseconds(
        functools.partial(index.search, query, k) for query in each
    )
    return Built(
        index=index,
        order=np.arange(len(index)),
        factory=f"inverted file of {index.dimension} words",
        k=k,
        recall=1.0,
        milliseconds_alone=alone,
        milliseconds=alone,  # queries are answered one by one
        tried=[],
        seconds=seconds,
        loss=Loss(k=k, recall=1.0, with_most_effort=1.0, among_best=1.0, misjudged=0, apart=0),
    )
