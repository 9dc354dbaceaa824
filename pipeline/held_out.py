"""Scores a network on landmarks that it does not learn from."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipeline import metrics
from pipeline.data import inputs, records
from pipeline.data.shards import RecordFiles
from pipeline.progress import logger

_SPLIT = "validation"
_BATCH = 32

# Gives a network's mAP on landmarks it does not learn from, or None where there are none.
Evaluate = Callable[[keras.Model], float | None]


def held_out_score(folder: Path, image_size: int) -> Evaluate:
    """The mAP on the split "validation" of records: every photograph queries all others.

    Args:
        folder: The records. Where they hold no landmark back that two photographs show, this is
            said, and there is no score.
        image_size: Side of the images, pixels.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If they are damaged.
    """
    if _SPLIT not in records.split_names(folder):
        return no_score(f"{folder} holds no landmark back")
    shards = records.list_shards(folder, _SPLIT)
    _, labels = inputs.read_ids_and_labels(RecordFiles.open([shard.path for shard in shards]))
    if not metrics.relevant_elsewhere(labels).any():
        return no_score(f"no landmark that {folder} holds back has two photographs")

    def score(network: keras.Model) -> float:
        embed = tf.function(lambda images: network(images, training=False), reduce_retracing=True)
        embeddings, labels = [], []
        for shard in shards:
            for _, images, parsed in inputs.photograph_batches(
                shard.path, size=image_size, batch=_BATCH
            ):
                embeddings.append(embed(images).numpy())
                labels.append(parsed["image/class/label"].numpy())
        relevant, totals = metrics.leave_one_out(np.concatenate(embeddings), np.concatenate(labels))
        return float(metrics.average_precision(relevant, totals).mean())

    return score


def no_score(reason: str) -> Evaluate:
    """Says why there is none, and gives none."""
    logger.warning(
        "No held-out mAP: %s. The last epoch is kept, whether training helps or not.", reason
    )
    return lambda network: None
