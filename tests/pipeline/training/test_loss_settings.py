import itertools
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.losses.arcface import ArcFace
from models.losses.memory import CrossBatchMemory
from pipeline.data.training_data import Batches
from pipeline.training.loss_settings import _MARGINS, _PAIR_LOSSES, LossSettings

LABELS = tf.constant([0, 1, 2, 0, 1, 2], tf.int64)


def embeddings() -> tf.Tensor:
    """Near each other, so that every margin is broken somewhere."""
    spread = tf.random.stateless_normal((6, 8), (1, 2))
    return tf.math.l2_normalize(1.0 + 0.4 * spread, axis=1)


@pytest.mark.parametrize(
    ("loss", "mining", "examples"),
    [
        *((loss, mining, "landmarks") for loss, mining in _PAIR_LOSSES),
        ("arcface", None, "landmarks"),
        ("arcface", None, "photographs"),
        ("triplet", "given", "triplets"),
        ("triplet", "hard", "triplets"),
        ("contrastive", "given", "pairs"),
        ("contrastive", "all", "pairs"),
    ],
)
def test_every_loss_and_mining_gives_a_loss_of_a_batch(
    loss: Any, mining: Any, examples: Batches
) -> None:
    settings = LossSettings(loss=loss, mining=mining)
    batch_loss = settings.batch_loss(examples, np.arange(3), 8)
    value, active = batch_loss(embeddings(), LABELS)
    assert float(value) > 0
    assert 0 < float(active) <= 1


@pytest.mark.parametrize(
    ("loss", "examples", "expected"),
    [
        ("triplet", "landmarks", "all"),
        ("triplet", "triplets", "given"),
        ("contrastive", "pairs", "given"),
        ("contrastive", "landmarks", "all"),
        ("supervised_contrastive", "pairs", "all"),
    ],
)
def test_what_is_given_is_compared_where_the_loss_can(
    loss: Any, examples: Batches, expected: str
) -> None:
    assert LossSettings(loss=loss).mining_of(examples) == expected


def test_photographs_of_any_landmark_are_compared_with_past_batches() -> None:
    assert LossSettings(memory=64).mining_of("photographs") == "all"


def test_memory_and_arcface_have_variables_of_their_own() -> None:
    memory = LossSettings(memory=32, memory_start=5).batch_loss("landmarks", np.arange(3), 8)
    assert isinstance(memory, CrossBatchMemory)
    assert (memory.capacity, memory.start) == (32, 5)
    settings = LossSettings(loss="arcface", subcentres=2, margin=0.5, arcface_scale=20.0)
    arcface = settings.batch_loss("landmarks", np.array([7, 3, 9]), 8)
    assert isinstance(arcface, ArcFace)
    assert isinstance(arcface, keras.Layer)
    assert arcface.centres.shape == (3, 2, 8)
    assert (arcface.margin, arcface.scale) == (0.5, 20.0)


@pytest.mark.parametrize(
    ("settings", "examples", "message"),
    [
        ({"mining": "given"}, "landmarks", "--mining=given takes triplets"),
        ({"mining": "given", "loss": "contrastive"}, "triplets", "--mining=given takes triplets"),
        ({"mining": "semi_hard", "loss": "contrastive"}, "landmarks", "mines all, hard"),
        ({"mining": "hard", "loss": "arcface"}, "landmarks", "no effect with --loss=arcface"),
        ({}, "photographs", "--batches=photographs may hold no two of one landmark"),
    ],
)
def test_mining_that_a_loss_cannot_do_is_refused(
    settings: dict[str, Any], examples: Batches, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LossSettings(**settings).mining_of(examples)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, "--temperature is above 0"),
        ({"margin": -0.1}, "--margin is at least 0"),
        ({"loss": "arcface", "memory": 8}, "--memory goes with the mined losses"),
        ({"mining": "given", "memory": 8}, "--memory goes with the mined losses"),
        ({"subcentres": 2}, "--subcentres has no effect with --loss=triplet"),
        ({"learned_margin": True}, "--learned_margin has no effect with --loss=triplet"),
        ({"temperature": 0.2}, "--temperature has no effect with --loss=triplet"),
        ({"loss": "supervised_contrastive", "margin": 0.1}, "--margin has no effect with"),
        ({"memory_start": 5}, "--memory_start has no effect without --memory"),
    ],
)
def test_flags_without_effect_and_values_out_of_range_are_refused(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LossSettings(**settings)


def test_every_default_margin_is_that_of_a_loss_that_there_is() -> None:
    """A margin of no use would be one that nobody has looked at."""
    named = {(loss, mining) for loss, of_loss in _MARGINS.items() for mining in of_loss}
    given = itertools.product(("triplet", "contrastive"), ("given",))
    assert named == {*_PAIR_LOSSES, *given, ("arcface", "all")} - {
        ("supervised_contrastive", "all")
    }
