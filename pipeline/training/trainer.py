"""The training loop: epochs of steps, held-out mAP after each, checkpoints throughout."""

import contextlib
import math
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.losses.arcface import ArcFace
from models.losses.memory import CrossBatchMemory
from models.losses.pairs import BatchLoss
from models.pooling import GeM
from models.siamese import in_float32, random_states
from pipeline import manifest
from pipeline.data import inputs
from pipeline.data.augmentation import AUGMENTATIONS
from pipeline.data.training_data import TrainingData
from pipeline.model_folder import NETWORK
from pipeline.progress import logger, progress_bar
from pipeline.training.averaging import WeightAverage
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.diagnosis import Diagnosis
from pipeline.training.held_out import Evaluate, HeldOut
from pipeline.training.optimizers import build_optimizer
from pipeline.training.replicas import Replicas
from pipeline.training.step import StepResult, TrainStep, trainable_variables
from pipeline.training.step_report import Step
from pipeline.training.trainer_settings import TrainerSettings
from pipeline.training.training_log import TrainingLog

_CHECKPOINTS = "checkpoints"


class Trainer:
    """Trains a network and remembers where it is.

    What decides the next step (weights, optimizer, averages, the loss's own variables, random
    states, epoch and step) is in every checkpoint, and the order and the changes of an epoch's
    photographs depend on seed and epoch alone, so a run that was killed goes on as if it had
    not been.

    Args:
        network: From uint8 images to embeddings, made in the scope of the replicas.
        data: What to learn from.
        batch_loss: Loss of a batch of embeddings and labels, made in that scope too.
        evaluate: Scores the network on held-out landmarks.
        folder: Where checkpoints, the best network and the log go.
        settings: How to train.
        replicas: Where to train; by default one device.
        stages: The stage of the backbone of each weight's path, for layer-wise learning rates.

    Raises:
        ValueError: If more photographs are known to be damaged than settings allow.
    """

    FILES = (_CHECKPOINTS, NETWORK, *TrainingLog.FILES)

    def __init__(
        self,
        network: keras.Model,
        data: TrainingData,
        batch_loss: BatchLoss,
        evaluate: Evaluate,
        folder: Path,
        settings: TrainerSettings,
        *,
        replicas: Replicas | None = None,
        stages: Mapping[str, int] | None = None,
    ) -> None:
        self._network = network
        self._data = data
        self._evaluate = evaluate
        self._folder = folder
        self._settings = settings
        self._batch_loss = batch_loss
        self._replicas = replicas or Replicas.one()
        all_steps = len(data.order(settings.seed, 0))
        self._steps = min(settings.steps_per_epoch or all_steps, all_steps)
        with self._replicas.strategy.scope():
            self._make_step(stages or {})
        self._state = {
            "epoch": tf.Variable(0, dtype=tf.int64),  # 0 is the network as it starts
            # Batches taken of the epoch after that: with the seed, the position in the data.
            "step": tf.Variable(0, dtype=tf.int64),
            "counted": tf.Variable(0, dtype=tf.int64),  # those of them that had a loss
            "loss_sum": tf.Variable(0.0, dtype=tf.float64),
            "best": tf.Variable(-1.0, dtype=tf.float64),
            "best_epoch": tf.Variable(-1, dtype=tf.int64),
        }
        self._checkpoints = Checkpoints(
            self._folder / _CHECKPOINTS,
            is_written=self._replicas.is_chief,
            network=self._network,
            seeds=random_states(self._network),
            optimizer=self._optimizer,
            **({"batch_loss": batch_loss} if isinstance(batch_loss, keras.Layer) else {}),
            **({"average": self._average} if self._average is not None else {}),
            loss_scale=self._train_step.loss_scale,
            steps_at_scale=self._train_step.steps_at_scale,
            **self._state,
        )
        self._damage = data.damage(settings.max_damaged)
        self._diagnosis = Diagnosis(
            data.labels,
            alone_are_drawn=data.photographs > 1,
            settled_after=_steps_to_fill(batch_loss, data),
        )
        self.log = TrainingLog(folder)

    def _make_step(self, stages: Mapping[str, int]) -> None:
        batch_loss = self._batch_loss
        learned = [*self._network.trainable_variables, *trainable_variables(batch_loss)]
        self._optimizer = build_optimizer(
            self._settings,
            max(1, self._settings.epochs * self._steps),
            learned,
            stages,
        )
        momentum = self._settings.average_momentum
        weights = self._network.trainable_variables
        self._average = None if momentum is None else WeightAverage(weights, momentum)
        self._train_step = TrainStep(
            self._network,
            self._optimizer,
            batch_loss,
            self._replicas,
            photographs=self._data.photographs,
            clip_norm=self._settings.clip_norm,
            at_a_time=self._settings.photographs_at_a_time,
            is_float16=any(
                layer.compute_dtype == "float16" for layer in self._network._flatten_layers()
            ),
            average=self._average,
        )

    @property
    def best_epoch(self) -> int:
        """The epoch whose network was kept; 0 is the start."""
        return int(self._state["best_epoch"])

    @property
    def damaged(self) -> int:
        """Photographs that were left out because they are damaged."""
        return len(self._damage)

    def run(self) -> None:
        """Trains until all epochs are done, from the last checkpoint where there is one.

        Raises:
            ValueError: If the loss is no longer finite, or a worker is gone.
            OSError: If a checkpoint cannot be written.
        """
        is_restored = self._checkpoints.restore()
        self._require_same_place()
        if is_restored:
            if self._replicas.is_chief:
                self.log.resume(self._get("epoch"), self._done)
            logger.info(
                "Going on after epoch %d and %d steps.", self._get("epoch"), self._get("step")
            )
        else:
            self._finish_epoch(0, loss=None)
        total = self._settings.epochs * self._steps
        try:
            with progress_bar("Training", unit="steps", total=total, done=self._done) as bar:
                while self._get("epoch") < self._settings.epochs and not self._has_stalled():
                    self._run_epoch(self._get("epoch") + 1, bar)
        except tf.errors.UnavailableError as error:
            raise ValueError(
                "Another worker is gone. Start all of them again with the same command; they go "
                "on from the last checkpoint."
            ) from error

    @property
    def _done(self) -> int:
        """Batches that the run has taken."""
        return self._get("epoch") * self._steps + self._get("step")

    def _require_same_place(self) -> None:
        place = int(self._replicas.of_chief(np.int64(self._done)))
        if place != self._done:
            raise ValueError(
                f"The chief goes on after step {place}, this worker after {self._done}; --output "
                "has to be a folder that all workers see."
            )

    def _has_stalled(self) -> bool:
        waited = self._get("epoch") - self._get("best_epoch")
        if self._settings.patience is None or waited < self._settings.patience:
            return False
        logger.info("Stopped: no better held-out mAP in %d epochs.", waited)
        return True

    def _run_epoch(self, epoch: int, bar: Any) -> None:
        order = self._data.order(self._settings.seed, epoch)[: self._steps]
        taken = self._data.share(order, self._replicas.worker, self._replicas.workers)
        batches = inputs.training_batches(
            self._data.files,
            order,
            self._data.parse,
            self._data.labels,
            size=self._settings.image_size_in(epoch),
            seed=self._settings.seed + epoch,
            augmentation=AUGMENTATIONS[self._settings.augmentation],
            first=self._get("step"),
            taken=taken,
        )
        for number, kept, images, labels in batches:
            missing = np.setdiff1d(np.flatnonzero(taken[number]), kept)
            self._name_damaged(order[number, missing])
            if len(kept) or self._replicas.workers > 1:
                self._learn(images, labels, bar)
            self._state["step"].assign(int(number) + 1)
            bar.update()
            if self._get("step") % self._settings.checkpoint_steps == 0:
                self._save()
        if not self._get("counted"):
            raise ValueError("No batch of this epoch could be decoded; build the records again.")
        loss = float(self._state["loss_sum"]) / self._get("counted")
        for counter in ("step", "counted", "loss_sum"):
            self._state[counter].assign(0)
        self._finish_epoch(epoch, loss=loss)

    def _name_damaged(self, records: np.ndarray) -> None:
        if len(records):
            inputs.name_damaged(self._data.files, records, self._damage, self._data.parse)

    def _learn(self, images: tf.Tensor, labels: tf.Tensor, bar: Any) -> None:
        learning_rate = float(self._optimizer.learning_rate)
        result = self._train_step(images, labels)
        step = self._report(result, learning_rate, images)
        self._require_finite(step)
        self._state["loss_sum"].assign_add(step.loss)
        self._state["counted"].assign_add(1)
        bar.set_postfix({"loss": f"{step.loss:.4f}", "active": f"{step.active:.0%}"}, refresh=False)
        if self._replicas.is_chief:
            self.log.step(step)
            self._diagnosis.observe(step)

    def _report(self, result: StepResult, learning_rate: float, images: tf.Tensor) -> Step:
        return Step(
            number=self._done + 1,
            loss=float(result.loss),
            active=float(result.active),
            gradient_norm=float(result.gradient_norm),
            learning_rate=learning_rate,
            embeddings=result.embeddings.numpy(),
            labels=result.labels.numpy(),
            images=images if self._is_joint_in_order else images[:0],
            scalars=self._curves(),
        )

    @property
    def _is_joint_in_order(self) -> bool:
        """Whether this process's photographs come first in the joint batch."""
        return self._replicas.workers == 1 or self._data.photographs == 1

    def _curves(self) -> dict[str, float]:
        """What the network and the loss learn that is worth a curve."""
        curves = {
            layer.name: float(np.mean(layer.exponent))
            for layer in self._network.layers
            if isinstance(layer, GeM)
        }
        if isinstance(self._batch_loss, ArcFace) and self._batch_loss.learned_margin:
            curves["arcface_margin"] = float(np.mean(self._batch_loss.margins))
        return curves

    def _require_finite(self, step: Step) -> None:
        """A float16 step whose gradients overflow is left out, at half the scale from then on."""
        is_lost = not math.isfinite(step.gradient_norm) and not self._train_step.is_scaled
        if is_lost or not math.isfinite(step.loss):
            raise ValueError(
                f"The loss is {step.loss} and the gradients' norm {step.gradient_norm} at step "
                f"{step.number}. Lower --learning_rate and pass --overwrite; the last sound "
                f"state is in {self._folder / _CHECKPOINTS}."
            )

    def _finish_epoch(self, epoch: int, *, loss: float | None) -> None:
        with self._average.in_place() if self._average else contextlib.nullcontext():
            found = self._evaluate(self._network) if self._replicas.is_chief else None
            score = self._score_of_chief(found)
            is_best = math.isnan(score) or score > float(self._state["best"])
            if is_best and self._replicas.is_chief:
                manifest.write_atomically(self._folder / NETWORK, self._save_network)
        if is_best:
            self._state["best"].assign(-1.0 if math.isnan(score) else score)
            self._state["best_epoch"].assign(epoch)
        if self._replicas.is_chief:
            self._tell(epoch, loss, None if math.isnan(score) else score, found)
        self._state["epoch"].assign(epoch)
        self._save()

    def _score_of_chief(self, found: HeldOut | None) -> float:
        """The held-out mAP, known to all workers; not a number where nothing is held out."""
        mine = math.nan if found is None else found.mean_average_precision
        return float(self._replicas.of_chief(np.float64(mine)))

    def _tell(
        self, epoch: int, loss: float | None, score: float | None, found: HeldOut | None
    ) -> None:
        row = {"epoch": epoch, "loss": loss, "held-out mAP": score}
        self.log.epoch(epoch * self._steps, found, **row)
        logger.info(
            "Epoch %d: loss %s, held-out mAP %s",
            epoch,
            "-" if loss is None else f"{loss:.4f}",
            "-" if score is None else f"{score:.3f}",
        )

    def _save_network(self, path: Path) -> None:
        # The ending chooses the format, and a temporary file has none.
        with tempfile.TemporaryDirectory() as folder:
            named = Path(folder) / NETWORK
            in_float32(self._network).save(named)
            shutil.move(named, path)

    def _save(self) -> None:
        if self._replicas.is_chief:
            self.log.flush()  # a run killed later records from this step on
        self._checkpoints.save()

    def _get(self, name: str) -> int:
        return int(self._state[name])


def _steps_to_fill(batch_loss: BatchLoss, data: TrainingData) -> int:
    """Steps until a memory holds as much as it can, and its loss can be compared over steps."""
    if not isinstance(batch_loss, CrossBatchMemory):
        return 0
    photographs = data.order(0, 0).shape[1] * data.photographs
    return batch_loss.start + -(-batch_loss.capacity // photographs)
