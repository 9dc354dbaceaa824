"""Scores a network on landmarks that it does not learn from."""

import functools
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipeline import metrics
from pipeline.data import inputs, records
from pipeline.data.damage import DamageCount
from pipeline.data.record_table import open_records
from pipeline.progress import logger

VALIDATION = "validation"
_BATCH = 32

# Gives a network's mAP on landmarks it does not learn from, or None where there are none.
Evaluate = Callable[[keras.Model], float | None]


def held_out_score(
    folder: Path, image_size: int, learned: np.ndarray, max_damaged: float
) -> Evaluate:
    """The mAP on records: every photograph queries all others.

    Args:
        folder: The records. Their split "validation" is scored, or all where there is none. Where
            no landmark has two photographs, this is said, and there is no score.
        image_size: Side of the images, pixels.
        learned: Content ids of the photographs that are learned from, bytes; others are to be
            scored, and it is said where they are not.
        max_damaged: Share of the photographs to score that may be damaged.

    Raises:
        FileNotFoundError: If there are no such records.
        ValueError: If more are damaged.
    """
    split = VALIDATION if VALIDATION in records.split_names(folder) else None
    table = open_records(folder, split)
    damage = DamageCount.of(table, max_damaged)
    if not metrics.relevant_elsewhere(table.labels).any():
        return no_score(f"no landmark that {folder} holds back has two photographs")
    if shared := np.isin(table.contents, learned).sum():
        logger.warning(
            "%d of the %d photographs in %s that score the network are learned from; their mAP "
            "says little of landmarks it has not seen.",
            *(shared, len(table), folder),
        )

    def score(network: keras.Model) -> float:
        embed = _compiled(network)
        embeddings, labels = [], []
        scored = np.zeros(len(table), bool)
        for _, kept, images, parsed in inputs.photograph_batches(
            table.files, np.arange(len(table)), size=image_size, batch=_BATCH
        ):
            scored[kept] = True
            if len(kept):
                embeddings.append(embed(images).numpy())
                labels.append(parsed["image/class/label"].numpy())
        inputs.name_damaged(table.files, np.flatnonzero(~scored), damage)
        relevant, totals = metrics.leave_one_out(np.concatenate(embeddings), np.concatenate(labels))
        return float(metrics.average_precision(relevant, totals).mean())

    return score


@functools.lru_cache(maxsize=1)
def _compiled(network: keras.Model) -> tf.types.experimental.GenericFunction:
    """The network as it describes, compiled once for all the epochs that it is scored after."""
    return tf.function(lambda images: network(images, training=False), reduce_retracing=True)


def no_score(reason: str) -> Evaluate:
    """Says why there is none, and gives none."""
    logger.warning(
        "No held-out mAP: %s. The last epoch is kept, whether training helps or not.", reason
    )
    return lambda network: None
