"""Scores a network on landmarks that it does not learn from."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from models.preprocessing import resize
from pipeline.data import batching, inputs, records
from pipeline.data.damage import DamageCount
from pipeline.data.record_table import open_records
from pipeline.progress import logger
from pipeline.scoring import metrics

VALIDATION = "validation"
_BATCH = 32
_SHOWN = 1000  # what the embedding projector turns without stuttering
_THUMBNAIL_SIDE = 64  # pixels; a sprite of a thousand is 2048 wide


@dataclasses.dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A network's score on held-out landmarks, and how it describes some of their photographs.

    Attributes:
        mean_average_precision: Of all photographs whose landmark another shows, 0 to 1.
        embeddings: float32 ``(shown, dim)``, unit length; at most 1,000 are shown.
        labels: int64 ``(shown,)``, -1 where the landmark is unknown.
        names: The landmarks' names, str ``(shown,)``, empty where unknown.
        ids: The photographs' ids, str ``(shown,)``.
        thumbnails: uint8 ``(shown, side, side, 3)``, RGB, the side at most 64.
    """

    mean_average_precision: float
    embeddings: np.ndarray
    labels: np.ndarray
    names: np.ndarray
    ids: np.ndarray
    thumbnails: np.ndarray


# Scores a network on landmarks it does not learn from; gives None where there are none.
Evaluate = Callable[[keras.Model], HeldOut | None]


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
    is_shown = np.zeros(len(table), bool)
    is_shown[choose_shown(table.labels, _SHOWN)] = True
    # One data set for all epochs: building it takes as long as decoding hundreds of photographs.
    load = batching.square_loading(image_size)
    batches = batching.photograph_batches(table.files, np.arange(len(table)), load, batch=_BATCH)

    def score(network: keras.Model) -> HeldOut:
        described = _describe(network, batches, is_shown)
        damaged = np.setdiff1d(np.arange(len(table)), described.numbers)
        inputs.name_damaged(table.files, damaged, damage)
        relevant, totals = metrics.leave_one_out(
            described.embeddings, table.labels[described.numbers]
        )
        shown = is_shown[described.numbers]
        return HeldOut(
            mean_average_precision=float(metrics.average_precision(relevant, totals).mean()),
            embeddings=described.embeddings[shown],
            labels=table.labels[described.numbers][shown],
            names=described.names[shown],
            ids=table.ids[described.numbers][shown].astype(str),
            thumbnails=described.thumbnails,
        )

    return score


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Described:
    """The sound photographs: record numbers, embeddings, names; thumbnails of what is shown."""

    numbers: np.ndarray
    embeddings: np.ndarray
    names: np.ndarray
    thumbnails: np.ndarray


def _describe(network: keras.Model, batches: tf.data.Dataset, is_shown: np.ndarray) -> _Described:
    embed = _compiled(network)
    numbers, embeddings, names, thumbnails = [], [], [], []
    for _, kept, images, parsed in batches:
        if not len(kept):
            continue
        numbers.append(kept.numpy())
        embeddings.append(embed(images).numpy())
        names += [name.decode("utf-8") for name in parsed["image/class/text"].numpy()]
        if (shown := is_shown[kept.numpy()]).any():
            side = min(_THUMBNAIL_SIDE, images.shape[1])
            thumbnails.append(resize(tf.boolean_mask(images, shown), side).numpy())
    return _Described(
        numbers=np.concatenate(numbers),
        embeddings=np.concatenate(embeddings),
        names=np.array(names),
        thumbnails=np.concatenate(thumbnails),
    )


@functools.lru_cache(maxsize=1)
def _compiled(network: keras.Model) -> tf.types.experimental.GenericFunction:
    """The network as it describes, compiled once for all the epochs that it is scored after."""
    return tf.function(lambda images: network(images, training=False), reduce_retracing=True)


def choose_shown(labels: np.ndarray, count: int) -> np.ndarray:
    """Chooses photographs to look at: landmark by landmark, so that what belongs together is there.

    Args:
        labels: int ``(photographs,)``, negative where the landmark is unknown.
        count: How many at most.

    Returns:
        int64 ``(chosen,)``, ascending, the same every time. Landmarks come in random order; the
        unknown come last.
    """
    found, inverse = np.unique(labels, return_inverse=True)
    turn = np.random.default_rng(0).permutation(len(found))
    turn[found < 0] = len(found)
    return np.sort(np.argsort(turn[inverse], kind="stable")[:count])


def no_score(reason: str) -> Evaluate:
    """Says why there is none, and gives none."""
    logger.warning(
        "No held-out mAP: %s. The last epoch is kept, whether training helps or not.", reason
    )
    return lambda network: None
