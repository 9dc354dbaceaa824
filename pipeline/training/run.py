"""A training run in a model's folder: begun once, gone on with, finished, or begun anew."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.backbones.stages import stages_of
from models.losses.pairs import BatchLoss
from pipeline import manifest
from pipeline.command_line import setting
from pipeline.data import inputs, records
from pipeline.data.training_data import TrainingData
from pipeline.model_folder import (
    LEARNED_CONTENTS,
    LEARNED_LANDMARKS,
    NETWORK,
    TRAINING,
    TRAINING_FILE,
)
from pipeline.progress import logger
from pipeline.training.checkpoints import claimed, has_checkpoint
from pipeline.training.data_settings import DataSettings
from pipeline.training.held_out import VALIDATION, Evaluate, held_out_score, no_score
from pipeline.training.loss_settings import LossSettings
from pipeline.training.replicas import Replicas, all_there
from pipeline.training.trainer import CHECKPOINTS, Trainer
from pipeline.training.trainer_settings import TrainerSettings

_BEGUN = "settings.json"  # written before the first step, so that a run goes on as it began
_SAMPLED = 4000  # photographs that what a network starts with is estimated from


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunSettings(DataSettings, LossSettings, TrainerSettings):
    """What to learn from, with which loss, how, and where to."""

    output: Path = setting("Folder of the model, exported/MODEL; training goes to training/ in it.")
    validation_records: Path | None = setting(
        "Labelled records whose split 'validation', or all of them where there is none, gives the "
        "held-out mAP; by default --records.",
        default=None,
    )
    overwrite: bool = setting("Train anew over a finished or interrupted run.", default=False)

    def __post_init__(self) -> None:
        """Checks what cannot go together."""
        for part in (DataSettings, LossSettings, TrainerSettings):
            part.__post_init__(self)

    @property
    def folder(self) -> Path:
        """Where training goes."""
        return self.output / TRAINING

    @property
    def beneath(self) -> Path | None:
        """The folder of the training that this one builds on; None for none."""
        return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learner:
    """What a run trains.

    Attributes:
        network: From uint8 images to what the loss compares.
        batch_loss: The loss of a batch.
        scored: The part of the network that held-out photographs are described by.
        start: Gives the network what it starts with, once, before a new run.
    """

    network: keras.Model
    batch_loss: BatchLoss
    scored: keras.Model
    start: Callable[[TrainingData], None]


def run_training(
    settings: RunSettings, build: Callable[[TrainingData], Learner], replicas: Replicas | None
) -> Path:
    """Trains as the settings say, or goes on where an interrupted run stopped.

    Args:
        settings: How to train.
        build: Builds what learns from the data, in the scope of the replicas.
        replicas: Where; by default what the environment offers.

    Returns:
        The folder ``output/training``: ``network.keras`` (the epoch of the best held-out mAP,
        or the last where nothing is held out), checkpoints, history, curve, TensorBoard events.

    Raises:
        FileNotFoundError: If records or weights are missing.
        ValueError: If they do not fit the settings, the loss is no longer finite, another run
            trains in the folder, or a worker is gone.
        OSError: If a checkpoint cannot be written.
    """
    replicas = replicas or Replicas.found()
    output = settings.folder
    if manifest.made_with(output / TRAINING_FILE, settings):
        logger.info("%s is finished; --overwrite trains anew.", output)
        _warn_of_other_records(settings, output)
        return output
    data = settings.training_data()
    begun = {"settings": manifest.settings_as_json(settings), "data": data.describe()}
    begun |= _beneath(settings)
    _require_same_start(output / _BEGUN, settings, begun)
    keras.utils.set_random_seed(settings.seed)
    with replicas.strategy.scope():
        learner = build(data)
    if not replicas.is_chief:
        _learn(settings, replicas, learner, data, lambda network: None)
        with all_there():
            replicas.meet()  # the chief has then written what a run ends with
        return output
    with claimed(output):
        score = _held_out_score(settings, data)
        if settings.overwrite or not has_checkpoint(output / CHECKPOINTS):
            learner.start(data)
        if settings.overwrite:
            _remove_training(output)
        manifest.write_json(output / _BEGUN, begun)
        trainer = _learn(settings, replicas, learner, data, lambda _: score(learner.scored))
        np.save(output / LEARNED_CONTENTS, np.union1d(_contents(settings), data.contents))
        names = sorted(_landmarks(settings) | data.landmark_names())
        manifest.write_json(output / LEARNED_LANDMARKS, {"landmarks": names})
        manifest.write_json(output / TRAINING_FILE, begun | _describe(trainer, output))
        with all_there():
            replicas.meet()
    return output


def some_images(settings: RunSettings, data: TrainingData) -> Iterator[tf.Tensor]:
    """Enough training photographs, without augmentation, to estimate a covariance."""
    batches = data.order(settings.seed, 0)
    examples = batches.shape[1]
    batches = batches[: 1 + _SAMPLED // examples]
    chain = inputs.training_batches(
        data.files, batches, data.parse, data.labels, size=settings.image_size
    )
    return (images for _, kept, images, _ in chain if len(kept))


def summary(output: Path, epochs: int) -> str:
    """A line on a finished run: which epoch's network was kept, and its held-out mAP."""
    content = manifest.read_json(output / TRAINING_FILE, "python -m pipeline.train")
    best = content["epochs"][content["best_epoch"]]
    held_out = best["held-out mAP"]
    return (
        f"{output}: network of epoch {best['epoch']} of {epochs}, "
        f"held-out mAP {'-' if held_out is None else f'{held_out:.3f}'}"
    )


def _learn(
    settings: RunSettings,
    replicas: Replicas,
    learner: Learner,
    data: TrainingData,
    evaluate: Evaluate,
) -> Trainer:
    """Trains, once all workers hold the chief's network and its folder is made ready."""
    with all_there():
        replicas.share(learner.network.weights)
        trainer = Trainer(
            learner.network,
            data,
            learner.batch_loss,
            evaluate,
            settings.folder,
            settings,
            replicas=replicas,
            stages=stages_of(learner.network),
        )
        trainer.run()
    return trainer


def _beneath(settings: RunSettings) -> dict[str, Any]:
    """What ``training.json`` is to say of the training that this one builds on.

    Raises:
        FileNotFoundError: If that is not finished.
    """
    if settings.beneath is None:
        return {}
    command = f"python -m pipeline.train --output={settings.beneath.parent}"
    return {"beneath": manifest.read_json(settings.beneath / TRAINING_FILE, command)}


def _contents(settings: RunSettings) -> np.ndarray:
    """Content ids of what was learned from before, bytes ``(n,)``."""
    path = settings.beneath and settings.beneath / LEARNED_CONTENTS
    return np.load(path) if path and path.is_file() else np.zeros(0, bytes)


def _landmarks(settings: RunSettings) -> set[str]:
    """Names of the landmarks that were learned from before."""
    path = settings.beneath and settings.beneath / LEARNED_LANDMARKS
    if not path or not path.is_file():
        return set()
    return set(manifest.read_json(path, "python -m pipeline.train", "landmarks")["landmarks"])


def _warn_of_other_records(settings: RunSettings, output: Path) -> None:
    """Says so where what a finished run learned from is still there but no longer what it was."""
    finished = manifest.read_json(output / TRAINING_FILE, "--overwrite")
    beneath = settings.beneath
    is_there = beneath is not None and (beneath / TRAINING_FILE).is_file()
    if is_there and _beneath(settings) != {"beneath": finished.get("beneath")}:
        logger.warning(
            "%s has been trained anew since; this network builds on what it was before.",
            settings.beneath,
        )
    learned = finished["data"]
    if not any(Path(name).parent.is_dir() for name in learned["files"]):
        return
    try:
        same = settings.training_data().describe() == learned
    except (FileNotFoundError, ValueError):
        same = False
    if not same:
        logger.warning("The records have changed since; this network knows the old ones only.")


def _require_same_start(path: Path, settings: RunSettings, begun: dict[str, Any]) -> None:
    """Checks that an interrupted run goes on with the settings and the data it began with."""
    if manifest.made_with(path, settings) and manifest.read_json(path, "--overwrite") != begun:
        raise ValueError(
            "The records, what skip.json leaves out of them, or the model that this one builds on, "
            f"have changed since {path.parent} was begun; pass --overwrite to train anew, or name "
            "another --output."
        )


def _describe(trainer: Trainer, output: Path) -> dict[str, Any]:
    return {
        "best_epoch": trainer.best_epoch,
        "damaged": trainer.damaged,
        "epochs": trainer.log.epochs,
        "network_sha256": manifest.fingerprint_files(output, [output / NETWORK]),
    }


def _remove_training(folder: Path) -> None:
    """Removes what training has written there, and nothing else."""
    # Checkpoints go before what belongs to them, and the settings last: a run that finds some
    # of it left starts anew or is refused.
    for name in (TRAINING_FILE, *Trainer.FILES, LEARNED_CONTENTS, LEARNED_LANDMARKS, _BEGUN):
        manifest.remove(folder / name)


def _held_out_score(settings: RunSettings, data: TrainingData) -> Evaluate:
    if settings.validation_records is not None:
        return _score_on(settings.validation_records, settings, data)
    if settings.records is None:
        return no_score(
            "triplets name no landmarks; pass --validation_records=tfrecords/NAME to have it"
        )
    if VALIDATION not in records.split_names(settings.records):
        return no_score(f"{settings.records} holds no landmark back")
    return _score_on(settings.records, settings, data)


def _score_on(folder: Path, settings: RunSettings, data: TrainingData) -> Evaluate:
    return held_out_score(folder, settings.image_size, data.contents, settings.max_damaged)
