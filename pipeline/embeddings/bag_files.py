"""Bags of visual words as files: a pair a shard, as ``pairs`` has them.

``words/words_<k>.npy`` holds the entries of a shard's photographs one behind the other: the word,
its weight, its code; ``metadata/metadata_<k>.parquet`` tells how many are of each.
"""

import numpy as np
import pyarrow as pa

from models.words.bags import Bags
from pipeline.embeddings.pairs import METADATA, Pairs

COUNTED = "words"
BAGS = Pairs(
    name="words",
    what="bags of words",
    whole="embeddings",
    elsewhere="--output",
    schema=METADATA.append(pa.field(COUNTED, pa.int32())),  # how many a photograph has
    command="python -m pipeline.embed --model=exported/MODEL --records=tfrecords/NAME",
    counted=COUNTED,
)


def entries_of(bags: Bags) -> np.ndarray:
    """What is stored of bags, ``(entries,)``."""
    fields = [("word", "<i4"), ("weight", "<f4"), ("code", "u1", (bags.code_bytes,))]
    entries = np.zeros(len(bags.words), np.dtype(fields))
    entries["word"], entries["weight"], entries["code"] = bags.words, bags.weights, bags.codes
    return entries


def bags_of(entries: np.ndarray, counts: np.ndarray, dimension: int) -> Bags:
    """Bags from what is stored, which stays where it is.

    Args:
        entries: Of ``entries_of``.
        counts: int ``(photographs,)``, how many are of each.
        dimension: How many words there are.
    """
    return Bags(
        starts=np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        words=entries["word"],
        weights=entries["weight"],
        codes=entries["code"],
        dimension=dimension,
    )
