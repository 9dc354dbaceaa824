"""The training loop: epochs of steps, held-out mAP after each, checkpoints throughout."""

import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.siamese import BatchLoss, train_step
from pipeline import manifest
from pipeline.data import inputs
from pipeline.data.augmentation import LIGHT, Augmentation
from pipeline.data.training_data import TrainingData
from pipeline.held_out import Evaluate
from pipeline.model_folder import NETWORK
from pipeline.progress import logger, progress_bar
from pipeline.training_log import TrainingLog

_CHECKPOINTS = "checkpoints"


class Trainer:
    """Trains a network and remembers where it is.

    What decides the next step (weights, optimizer, epoch and step) is in every checkpoint, and
    the order of an epoch's records depends on seed and epoch alone, so a run that was killed
    goes on as if it had not been.

    Args:
        network: From uint8 images to embeddings.
        data: What to learn from.
        batch_loss: Loss of a batch of embeddings and labels.
        evaluate: Gives the held-out mAP.
        folder: Where checkpoints, the best network and the log go.
        epochs: How many.
        steps_per_epoch: Steps an epoch; None for all the data.
        learning_rate: Peak, reached after a tenth of the steps, then decayed along a cosine.
        image_size: Side of the images, pixels.
        seed: Chooses order and augmentation.
        checkpoint_steps: Steps between checkpoints within an epoch.
        max_damaged: Share of the photographs that may be damaged.
        augmentation: How photographs are changed; None for not at all.

    Raises:
        ValueError: If more are known to be.
    """

    FILES = (_CHECKPOINTS, NETWORK, *TrainingLog.FILES)

    def __init__(
        self,
        network: keras.Model,
        data: TrainingData,
        batch_loss: BatchLoss,
        evaluate: Evaluate,
        folder: Path,
        *,
        epochs: int,
        steps_per_epoch: int | None,
        learning_rate: float,
        image_size: int,
        seed: int,
        checkpoint_steps: int,
        max_damaged: float,
        augmentation: Augmentation | None = LIGHT,
    ) -> None:
        self._network = network
        self._data = data
        self._evaluate = evaluate
        self._folder = folder
        self._epochs = epochs
        self._image_size = image_size
        self._seed = seed
        self._checkpoint_steps = checkpoint_steps
        self._augmentation = augmentation
        all_steps = len(data.order(seed, 0))
        self._steps = min(steps_per_epoch or all_steps, all_steps)
        optimizer = adamw(learning_rate, max(1, epochs * self._steps))
        optimizer.build(network.trainable_variables)
        self._train_step = train_step(network, optimizer, batch_loss)
        self._state = {
            "epoch": tf.Variable(0, dtype=tf.int64),  # 0 is the network as it starts
            # Batches taken of the epoch after that: with the seed, the position in the data.
            "step": tf.Variable(0, dtype=tf.int64),
            "counted": tf.Variable(0, dtype=tf.int64),  # those of them that had a loss
            "loss_sum": tf.Variable(0.0, dtype=tf.float64),
            "best": tf.Variable(-1.0, dtype=tf.float64),
            "best_epoch": tf.Variable(-1, dtype=tf.int64),
        }
        self._checkpoints = tf.train.CheckpointManager(
            tf.train.Checkpoint(network=network, optimizer=optimizer, **self._state),
            str(folder / _CHECKPOINTS),
            max_to_keep=2,
        )
        self._damage = data.damage(max_damaged)
        self.log = TrainingLog(folder)

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
            ValueError: If the loss is no longer finite.
        """
        if self._checkpoints.restore_or_initialize():
            self.log.resume(int(self._state["epoch"]))
            logger.info(
                "Going on after epoch %d and %d steps.", self._get("epoch"), self._get("step")
            )
        else:
            self._finish_epoch(0, loss=None)
        if self._get("epoch") == self._epochs:
            return
        done = self._get("epoch") * self._steps + self._get("step")
        with progress_bar(
            "Training", unit="steps", total=self._epochs * self._steps, done=done
        ) as bar:
            for epoch in range(self._get("epoch") + 1, self._epochs + 1):
                self._run_epoch(epoch, bar)

    def _run_epoch(self, epoch: int, bar: Any) -> None:
        first = self._get("step")
        order = self._data.order(self._seed, epoch)[: self._steps]
        batches = inputs.training_batches(
            self._data.files,
            order,
            self._data.parse,
            size=self._image_size,
            seed=self._seed + epoch,
            augmentation=self._augmentation,
            first=first,
        )
        for number, kept, images, labels in batches:
            missing = np.delete(order[number], kept, axis=0)
            inputs.name_damaged(self._data.files, missing, self._damage, self._data.parse)
            if len(kept):
                self._step(epoch, int(number) + 1, images, labels, bar)
        if not self._state["counted"]:
            raise ValueError("No batch of this epoch could be decoded; build the records again.")
        loss = float(self._state["loss_sum"]) / self._get("counted")
        for counter in ("step", "counted", "loss_sum"):
            self._state[counter].assign(0)
        self._finish_epoch(epoch, loss=loss)

    def _step(self, epoch: int, step: int, images: tf.Tensor, labels: tf.Tensor, bar: Any) -> None:
        loss, active = self._train_step(images, labels)
        value = float(loss)
        number = (epoch - 1) * self._steps + step
        if not math.isfinite(value):
            raise ValueError(
                f"The loss is {value} at step {number}. Lower --learning_rate; the last sound "
                f"state is in {self._checkpoints.directory}."
            )
        self.log.step(number, loss=loss, active_fraction=active)
        self._state["loss_sum"].assign_add(value)
        self._state["counted"].assign_add(1)
        self._state["step"].assign(step)
        bar.set_postfix(
            {"epoch": epoch, "loss": f"{value:.4f}", "active": f"{float(active):.0%}"},
            refresh=False,
        )
        bar.update()
        if step % self._checkpoint_steps == 0:
            self._checkpoints.save()

    def _finish_epoch(self, epoch: int, *, loss: float | None) -> None:
        score = self._evaluate(self._network)
        if score is None or score > float(self._state["best"]):
            self._state["best"].assign(-1.0 if score is None else score)
            self._state["best_epoch"].assign(epoch)
            manifest.write_atomically(self._folder / NETWORK, self._save_network)
        row = {"epoch": epoch, "loss": loss, "held-out mAP": score}
        self.log.epoch(epoch * self._steps, **row)
        logger.info(
            "Epoch %d: loss %s, held-out mAP %s",
            epoch,
            "-" if loss is None else f"{loss:.4f}",
            "-" if score is None else f"{score:.3f}",
        )
        self._state["epoch"].assign(epoch)
        self._checkpoints.save()

    def _save_network(self, path: Path) -> None:
        # The ending chooses the format, and a temporary file has none.
        with tempfile.TemporaryDirectory() as folder:
            named = Path(folder) / NETWORK
            self._network.save(named)
            shutil.move(named, path)

    def _get(self, name: str) -> int:
        return int(self._state[name])


def adamw(learning_rate: float, steps: int) -> keras.optimizers.Optimizer:
    """AdamW with a linear warm-up over a tenth of the steps and cosine decay to zero.

    Gradients are clipped to a global norm of 1.
    """
    warm_up = max(1, steps // 10)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warm_up), warmup_target=learning_rate, warmup_steps=warm_up
    )
    return keras.optimizers.AdamW(schedule, weight_decay=1e-4, global_clipnorm=1.0)
