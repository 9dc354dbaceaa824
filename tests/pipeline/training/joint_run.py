"""Trains a tiny network in a process of its own, alone or as one of several that train together.

    python -m tests.pipeline.training.joint_run RECORDS OUTPUT LOSS DIES AT
    python -m tests.pipeline.training.joint_run RECORDS OUTPUT DEVICES WAY ...

``TF_CONFIG`` names the processes; the worker of the number DIES kills itself in step AT. Weights,
and the losses of the epochs, go to ``OUTPUT/<worker>.npz``.

With DEVICES, replicas of one process train with ArcFace on so many parts of the processor, in one
WAY after the other, into ``OUTPUT/WAY/0.npz``: "plain", "parts" (a photograph at a time),
"float16", or "statistics" (batch statistics are learned, and hardly anything else, so that they
depend on the photographs alone).
"""

import pipeline  # noqa: F401, I001  # first, so that TensorFlow starts quietly

import functools
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from models.losses.arcface import ArcFace
from models.losses.memory import CrossBatchMemory
from models.losses.pairs import BatchLoss
from models.losses.triplet import batch_hard_triplet_loss
from pipeline.data.training_data import TrainingData
from pipeline.training.replicas import Replicas, all_there
from pipeline.training.step import StepResult, TrainStep
from pipeline.training.trainer import Trainer
from pipeline.training.trainer_settings import TrainerSettings
from tests.pipeline.training.tiny_network import tiny_network


def main(
    records: Path,
    output: Path,
    loss: str,
    *,
    way: str = "plain",
    dies: int = -1,
    at: int = 0,
    replicas: Replicas | None = None,
) -> None:
    """Trains as the module's docstring says."""
    replicas = replicas or Replicas.found()
    data = TrainingData.labelled(records, "train", landmarks=3, photographs=2)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_float16" if way == "float16" else "float32")
    with replicas.strategy.scope():
        network = tiny_network(has_batch_statistics=way == "statistics")
        keras.config.set_dtype_policy("float32")
        batch_loss = _batch_loss(loss, data)
    replicas.share(network.weights)
    settings = TrainerSettings(
        optimizer="sgd",
        learning_rate=1e-9 if way == "statistics" else 0.05,
        decay="constant",
        image_size=32,
        epochs=2,
        checkpoint_steps=2,
        max_damaged=0.0,
        average_momentum=0.9,
        photographs_at_a_time=1 if way == "parts" else None,
    )
    trainer = Trainer(
        network, data, batch_loss, lambda network: None, output, settings, replicas=replicas
    )
    if replicas.worker == dies:
        trainer._train_step = _Dying(trainer._train_step, at)  # type: ignore[assignment]
    with all_there():
        trainer.run()
    losses = [row["loss"] for row in trainer.log.epochs[1:]]
    weights = np.concatenate([np.ravel(weight) for weight in network.get_weights()])
    of_loss = [np.ravel(one) for one in getattr(batch_loss, "trainable_variables", ())]
    np.savez(
        output / f"{replicas.worker}.npz",
        losses=losses,
        weights=np.concatenate([weights, *of_loss]),
        average=np.concatenate([np.ravel(one) for one in _averages(trainer)]),
        moving_means=np.ravel([one for one in network.weights if one.name == "moving_mean"]),
        files=sorted({data.files.file[number] for number in _read(data, replicas)}),
    )


def _averages(trainer: Trainer) -> list[tf.Variable]:
    average = trainer._train_step.average
    assert average is not None
    return average.averages


class _Dying:
    """A step that changes the weights a number of times, and then leaves nothing of it."""

    def __init__(self, step: TrainStep, at: int) -> None:
        self._step = step
        self._left = at

    def __getattr__(self, name: str) -> object:
        return getattr(self._step, name)

    def __call__(self, images: tf.Tensor, labels: tf.Tensor) -> StepResult:
        result = self._step(images, labels)
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


def train_replicas(records: Path, output: Path, devices: int, ways: Sequence[str]) -> None:
    """Replicas of this process train in one way after the other."""
    (processor,) = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * devices
    tf.config.set_logical_device_configuration(processor, parts)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(devices)])
    for way in ways:
        main(records, output / way, "arcface", way=way, replicas=Replicas(strategy))


def _batch_loss(loss: str, data: TrainingData) -> BatchLoss:
    if loss == "arcface":
        return ArcFace(data.comparable, 4)
    return CrossBatchMemory(
        functools.partial(batch_hard_triplet_loss, margin=0.5), capacity=12, dimension=4
    )


def _read(data: TrainingData, replicas: Replicas) -> np.ndarray:
    order = data.order(0, 1)
    return np.unique(order[data.share(order, replicas.worker, replicas.workers)])


if __name__ == "__main__":
    given_records, given_output, first, *rest = sys.argv[1:]
    if first.isdigit():
        train_replicas(Path(given_records), Path(given_output), int(first), rest)
    else:
        given_dies, given_at = map(int, rest)
        main(Path(given_records), Path(given_output), first, dies=given_dies, at=given_at)
