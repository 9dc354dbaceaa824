"""What is told of every step: to TensorBoard, and to the user where something is wrong."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from models.local.loss import LocalLoss
from models.losses.arcface import ArcFace
from models.losses.memory import CrossBatchMemory
from models.losses.pairs import BatchLoss
from models.pooling import GeM
from pipeline.data.training_data import TrainingData
from pipeline.training.diagnosis import Diagnosis
from pipeline.training.replicas import Replicas
from pipeline.training.step import StepResult
from pipeline.training.step_report import Step
from pipeline.training.training_log import TrainingLog


class Observation:
    """Writes the log and watches for what keeps a run from learning; the chief's alone.

    Args:
        network: What learns.
        batch_loss: Its loss.
        data: What it learns from.
        replicas: Where.
        folder: Where the log goes.
    """

    def __init__(
        self,
        network: keras.Model,
        batch_loss: BatchLoss,
        data: TrainingData,
        replicas: Replicas,
        folder: Path,
    ) -> None:
        self.log = TrainingLog(folder)
        self._network = network
        self._batch_loss = batch_loss
        # Of several workers the joint batch begins with all anchors, the chief's images with its.
        self._has_images = replicas.workers == 1 or data.photographs == 1
        self._diagnosis = Diagnosis(
            data.labels,
            alone_are_drawn=data.photographs == 3,
            settled_after=_steps_to_fill(batch_loss, data),
        )

    def step(
        self, number: int, result: StepResult, learning_rate: float, images: tf.Tensor
    ) -> None:
        """Tells of a step.

        Args:
            number: Of the run, from 1.
            result: What it computed.
            learning_rate: The optimizer's in this step.
            images: uint8 ``(photographs, size, size, 3)``, this process's part of the batch.
        """
        embeddings = result.embeddings
        if isinstance(self._batch_loss, LocalLoss):
            embeddings = self._batch_loss.attended(embeddings)
        step = Step(
            number=number,
            loss=float(result.loss),
            active=float(result.active),
            gradient_norm=float(result.gradient_norm),
            learning_rate=learning_rate,
            embeddings=embeddings.numpy(),
            labels=result.labels.numpy(),
            images=images if self._has_images else images[:0],
            scalars=self._learned_numbers(),
        )
        self.log.step(step)
        self._diagnosis.observe(step)

    def _learned_numbers(self) -> dict[str, float]:
        numbers = {}
        for layer in self._network.layers:
            if isinstance(layer, GeM):
                numbers["gem_power"] = float(np.mean(layer.exponent))
        if isinstance(self._batch_loss, ArcFace) and self._batch_loss.learned_margin:
            numbers["arcface_margin"] = float(np.mean(self._batch_loss.margins))
        return numbers


def _steps_to_fill(batch_loss: BatchLoss, data: TrainingData) -> int:
    """Steps until a memory holds as much as it can, and its loss can be compared over steps."""
    if not isinstance(batch_loss, CrossBatchMemory):
        return 0
    photographs = data.order(0, 0).shape[1] * data.photographs
    return batch_loss.start + -(-batch_loss.capacity // photographs)
