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

from models.losses.pairs import BatchLoss
from models.siamese import in_float32, random_states
from pipeline import manifest
from pipeline.data import inputs
from pipeline.data.augmentation import AUGMENTATIONS
from pipeline.data.training_data import TrainingData
from pipeline.model_folder import NETWORK
from pipeline.progress import logger, progress_bar
from pipeline.training.averaging import WeightAverage
from pipeline.training.checkpoints import Checkpoints, room_in
from pipeline.training.held_out import Evaluate, HeldOut
from pipeline.training.observation import Observation
from pipeline.training.optimizers import build_optimizer
from pipeline.training.place import Place
from pipeline.training.replicas import Replicas
from pipeline.training.step import TrainStep, batch_statistics, trainable_variables
from pipeline.training.trainer_settings import TrainerSettings
from pipeline.training.training_log import TrainingLog

CHECKPOINTS = "checkpoints"
_MOST_PLANNED = 10_000_000  # records of epochs to come: 80 MB


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
        evaluate: Scores the network on held-out landmarks; the chief's alone is asked.
        folder: Where checkpoints, the best network and the log go.
        settings: How to train.
        replicas: Where to train; by default one device.
        stages: The stage of the backbone of each weight's path, for layer-wise learning rates.

    Raises:
        ValueError: If more photographs are known to be damaged than settings allow.
    """

    FILES = (CHECKPOINTS, NETWORK, *TrainingLog.FILES)

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
        self._replicas = replicas or Replicas.one()
        all_steps = len(data.order(settings.seed, 0))
        self._steps = min(settings.steps_per_epoch or all_steps, all_steps)
        self._place = Place(self._steps)
        with self._replicas.strategy.scope():
            self._train_step = self._make_step(batch_loss, stages or {})
        self._checkpoints = Checkpoints(
            folder / CHECKPOINTS,
            place=self._place,
            network=network,
            random_states=random_states(network),
            **self._train_step.state,
        )
        if self._replicas.workers > len(data.files.paths):
            logger.warning(
                "%d workers share %d record files, so some have nothing to read; write more with "
                "`python -m pipeline.reshard`.",
                *(self._replicas.workers, len(data.files.paths)),
            )
        self._damage = data.damage(settings.max_damaged)
        self._observation = Observation(network, batch_loss, data, self._replicas, folder)
        self.log = self._observation.log

    def _make_step(self, batch_loss: BatchLoss, stages: Mapping[str, int]) -> TrainStep:
        settings = self._settings
        weights = self._network.trainable_variables
        learned = [*weights, *trainable_variables(batch_loss)]
        if not learned:
            raise ValueError(
                "Nothing is left to train; pass a lower --frozen_stages, --projection=random or "
                "whitened, or --pooling=gem."
            )
        momentum = settings.average_momentum
        averaged = [*weights, *batch_statistics(self._network)]
        return TrainStep(
            self._network,
            build_optimizer(settings, max(1, settings.epochs * self._steps), learned, stages),
            batch_loss,
            self._replicas,
            photographs=self._data.photographs,
            clip_norm=settings.clip_norm,
            at_a_time=settings.photographs_at_a_time,
            average=None if momentum is None else WeightAverage(averaged, momentum),
        )

    @property
    def best_epoch(self) -> int:
        """The epoch whose network was kept; 0 is the start."""
        return self._place.best_epoch

    @property
    def damaged(self) -> int:
        """Photographs that were left out because they are damaged."""
        return len(self._damage)

    def run(self) -> None:
        """Trains until all epochs are done, from the last checkpoint where there is one.

        Raises:
            ValueError: If the loss is no longer finite.
            OSError: If the disk is full; what was written before stays.
        """
        self._start()
        total = self._settings.epochs * self._steps
        with progress_bar("Training", unit="steps", total=total, done=self._place.done) as bar:
            while self._place.epoch < self._settings.epochs and not self._has_stalled():
                self._run_epochs(self._coming_epochs(), bar)
        if self._place.epoch < self._settings.epochs:
            logger.info("Stopped: no better held-out mAP since epoch %d.", self.best_epoch)

    def _start(self) -> None:
        """Restores the last checkpoint, or scores the network as it starts."""
        is_restored = self._checkpoints.restore()
        place = self._place
        of_chief = int(self._replicas.of_chief(np.int64(place.done)))
        if of_chief != place.done:
            raise ValueError(
                f"The chief goes on after step {of_chief}, this worker after {place.done}; "
                "--output has to be a folder that all workers see."
            )
        if not is_restored:
            self._finish_epoch(0, loss=None)
            return
        logger.info("Going on after epoch %d and %d steps.", place.epoch, place.step)
        if self._replicas.is_chief:
            self.log.resume(place.epoch, place.done)

    def _has_stalled(self) -> bool:
        waited = self._place.epoch - self._place.best_epoch
        return self._settings.patience is not None and waited >= self._settings.patience

    def _coming_epochs(self) -> range:
        """Epochs of one image size, whose batches one data set can give.

        To build a data set takes as long as to decode hundreds of photographs.
        """
        first = self._place.epoch + 1
        most = max(1, _MOST_PLANNED // self._data.order(self._settings.seed, first).size)
        last = first
        while last < min(self._settings.epochs, first + most - 1) and (
            self._settings.image_size_in(last + 1) == self._settings.image_size_in(first)
        ):
            last += 1
        return range(first, last + 1)

    def _run_epochs(self, epochs: range, bar: Any) -> None:
        seed = self._settings.seed
        order = np.concatenate([self._data.order(seed, one)[: self._steps] for one in epochs])
        taken = self._data.share(order, self._replicas.worker, self._replicas.workers)
        for number, kept, images, labels in self._batches(epochs[0], order, taken):
            missing = np.setdiff1d(np.flatnonzero(taken[number]), kept)
            if len(missing):
                records = order[number, missing]
                inputs.name_damaged(self._data.files, records, self._damage, self._data.parse)
            if len(kept) or self._replicas.workers > 1:  # all workers take each step together
                self._learn(images, labels, bar)
            self._place.pass_batch(int(number) % self._steps)
            bar.update()
            if self._place.step == self._steps:  # in no checkpoint before the epoch is scored
                self._finish_epoch(self._place.epoch + 1, loss=self._place.mean_loss)
                if self._has_stalled():
                    return
            elif self._place.step % self._settings.checkpoint_steps == 0:
                self._save()

    def _batches(self, epoch: int, order: np.ndarray, taken: np.ndarray) -> tf.data.Dataset:
        return inputs.training_batches(
            self._data.files,
            order,
            self._data.parse,
            self._data.labels,
            size=self._settings.image_size_in(epoch),
            seed=self._settings.seed,
            augmentation=AUGMENTATIONS[self._settings.augmentation],
            offset=(epoch - 1) * self._steps,
            first=self._place.step,
            taken=taken,
        )

    def _learn(self, images: tf.Tensor, labels: tf.Tensor, bar: Any) -> None:
        number, learning_rate = self._place.done + 1, self._train_step.learning_rate
        result = self._train_step(images, labels)
        loss, norm = float(result.loss), float(result.gradient_norm)
        # A float16 step whose gradients overflow is left out, at half the scale from then on.
        if not math.isfinite(loss) or not (math.isfinite(norm) or self._train_step.may_overflow):
            raise ValueError(
                f"The loss is {loss} and the gradients' norm {norm} at step {number}. Lower "
                "--learning_rate and pass --overwrite; the last sound state is in "
                f"{self._folder / CHECKPOINTS}."
            )
        if not len(result.labels):  # all of it is damaged
            return
        self._place.count(loss)
        bar.set_postfix({"loss": f"{loss:.4f}", "active": f"{float(result.active):.0%}"}, False)
        if self._replicas.is_chief:
            self._observation.step(number, result, learning_rate, images)

    def _finish_epoch(self, epoch: int, *, loss: float | None) -> None:
        average = self._train_step.average
        with contextlib.nullcontext() if average is None else average.in_place():
            found = self._evaluate(self._network) if self._replicas.is_chief else None
            score = self._score_of_chief(found)
            if self._replicas.is_chief and self._place.is_better(score):
                with room_in(self._folder):
                    manifest.write_atomically(self._folder / NETWORK, self._save_network)
        self._place.finish_epoch(epoch, score)
        if self._replicas.is_chief:
            with room_in(self._folder):
                self._tell(epoch, loss, found)
        self._save()

    def _score_of_chief(self, found: HeldOut | None) -> float:
        """The held-out mAP, known to all workers; not a number where nothing is held out."""
        mine = math.nan if found is None else found.mean_average_precision
        return float(self._replicas.of_chief(np.float64(mine)))

    def _tell(self, epoch: int, loss: float | None, found: HeldOut | None) -> None:
        score = None if found is None else found.mean_average_precision
        self.log.epoch(
            epoch * self._steps, found, **{"epoch": epoch, "loss": loss, "held-out mAP": score}
        )
        told = ["-" if value is None else f"{value:.4f}" for value in (loss, score)]
        logger.info("Epoch %d: loss %s, held-out mAP %s", epoch, *told)

    def _save(self) -> None:
        if self._replicas.is_chief:
            with room_in(self._folder):
                self.log.flush()  # a run killed later records from this step on
                self._checkpoints.save()

    def _save_network(self, path: Path) -> None:
        # The ending chooses the format, and a temporary file has none.
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            named = Path(folder) / NETWORK
            in_float32(self._network).save(named)
            shutil.move(named, path)
