"""Trains a Siamese embedding network.

    python -m pipeline.train --records=tfrecords/NAME --output=exported/MODEL
    python -m pipeline.train --triplets='DIR/train*.tfrec' --output=exported/MODEL

Labelled records are learned from with the triplet, the contrastive or ArcFace's loss, triplet
records (Kaggle Google Landmarks 2020) with the triplet loss. An interrupted run goes on from its
last checkpoint. Several GPUs are used where there are any; several machines train together where
``TF_CONFIG`` names them. Afterwards: ``python -m pipeline.export --model=exported/MODEL``.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models import siamese
from models.backbones.stages import stages_of
from models.losses.pairs import BatchLoss
from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.data import inputs, records
from pipeline.data.training_data import TrainingData
from pipeline.model_folder import LEARNED_CONTENTS, NETWORK, TRAINING, TRAINING_FILE
from pipeline.progress import logger
from pipeline.training.checkpoints import claimed
from pipeline.training.data_settings import DataSettings
from pipeline.training.held_out import VALIDATION, Evaluate, held_out_score, no_score
from pipeline.training.loss_settings import LossSettings
from pipeline.training.network_settings import NetworkSettings
from pipeline.training.replicas import Replicas, all_there
from pipeline.training.trainer import Trainer
from pipeline.training.trainer_settings import TrainerSettings

_BEGUN = "settings.json"  # written before the first step, so that a run goes on as it began
_WHITENING_PHOTOGRAPHS = 4000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(DataSettings, NetworkSettings, LossSettings, TrainerSettings):
    """What to learn from, which network, with which loss, and how."""

    output: Path = setting("Folder of the model, exported/MODEL; training goes to training/ in it.")
    validation_records: Path | None = setting(
        "Labelled records whose split 'validation', or all of them where there is none, gives the "
        "held-out mAP; by default --records.",
        default=None,
    )
    overwrite: bool = setting("Train anew over a finished or interrupted run.", default=False)

    def __post_init__(self) -> None:
        """Checks what cannot go together."""
        for part in (DataSettings, NetworkSettings, LossSettings, TrainerSettings):
            part.__post_init__(self)
        self.mining_of(self.examples)


def train(settings: Settings, replicas: Replicas | None = None) -> Path:
    """Trains as the settings say, or goes on where an interrupted run stopped.

    Args:
        settings: What to train.
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
    output = settings.output / TRAINING
    if manifest.made_with(output / TRAINING_FILE, settings):
        logger.info("%s is finished; --overwrite trains anew.", output)
        _warn_of_other_records(settings, output)
        return output
    data = settings.training_data()
    begun = {"settings": manifest.settings_as_json(settings), "data": data.describe()}
    _require_same_start(output / _BEGUN, settings, begun)
    keras.utils.set_random_seed(settings.seed)
    with replicas.strategy.scope():
        network = settings.network()
        batch_loss = settings.batch_loss(
            settings.examples, data.comparable, network.output_shape[-1]
        )
    if not replicas.is_chief:
        _learn(settings, replicas, network, data, batch_loss, lambda network: None)
        with all_there():
            replicas.meet()  # the chief has then written what a run ends with
        return output
    with claimed(output):
        score = _held_out_score(settings, data)
        if settings.is_whitened:
            logger.info("Whitening the projection on the training photographs.")
            siamese.start_whitened(network, _some_images(settings, data))
        if settings.overwrite:
            _remove_training(output)
        manifest.write_json(output / _BEGUN, begun)
        trainer = _learn(settings, replicas, network, data, batch_loss, score)
        np.save(output / LEARNED_CONTENTS, data.contents)
        manifest.write_json(output / TRAINING_FILE, begun | _describe(trainer, output))
        with all_there():
            replicas.meet()
    return output


def _learn(
    settings: Settings,
    replicas: Replicas,
    network: keras.Model,
    data: TrainingData,
    batch_loss: BatchLoss,
    evaluate: Evaluate,
) -> Trainer:
    """Trains, once all workers hold the chief's network and its folder is made ready."""
    with all_there():
        replicas.share(network.weights)
        trainer = Trainer(
            network,
            data,
            batch_loss,
            evaluate,
            settings.output / TRAINING,
            settings,
            replicas=replicas,
            stages=stages_of(network),
        )
        trainer.run()
    return trainer


def _warn_of_other_records(settings: Settings, output: Path) -> None:
    """Says so where what a finished run learned from is still there but no longer what it was."""
    learned = manifest.read_json(output / TRAINING_FILE, "--overwrite")["data"]
    if not any(Path(name).parent.is_dir() for name in learned["files"]):
        return
    try:
        same = settings.training_data().describe() == learned
    except (FileNotFoundError, ValueError):
        same = False
    if not same:
        logger.warning("The records have changed since; this network knows the old ones only.")


def _require_same_start(path: Path, settings: Settings, begun: dict[str, Any]) -> None:
    """Checks that an interrupted run goes on with the settings and the data it began with."""
    if manifest.made_with(path, settings) and manifest.read_json(path, "--overwrite") != begun:
        raise ValueError(
            f"The records, or what skip.json leaves out of them, have changed since {path.parent} "
            "was begun; pass --overwrite to train anew, or name another --output."
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
    for name in (TRAINING_FILE, *Trainer.FILES, LEARNED_CONTENTS, _BEGUN):
        manifest.remove(folder / name)


def _some_images(settings: Settings, data: TrainingData) -> Iterator[tf.Tensor]:
    """Enough training photographs, without augmentation, to estimate a covariance."""
    batches = data.order(settings.seed, 0)
    examples = batches.shape[1]
    batches = batches[: 1 + _WHITENING_PHOTOGRAPHS // examples]
    chain = inputs.training_batches(
        data.files, batches, data.parse, data.labels, size=settings.image_size
    )
    return (images for _, kept, images, _ in chain if len(kept))


def _held_out_score(settings: Settings, data: TrainingData) -> Evaluate:
    if settings.validation_records is not None:
        return _score_on(settings.validation_records, settings, data)
    if settings.records is None:
        return no_score(
            "triplets name no landmarks; pass --validation_records=tfrecords/NAME to have it"
        )
    if VALIDATION not in records.split_names(settings.records):
        return no_score(f"{settings.records} holds no landmark back")
    return _score_on(settings.records, settings, data)


def _score_on(folder: Path, settings: Settings, data: TrainingData) -> Evaluate:
    return held_out_score(folder, settings.image_size, data.contents, settings.max_damaged)


def main(settings: Settings) -> None:
    """Trains and prints the best held-out mAP and where the network is."""
    output = train(settings)
    content = manifest.read_json(output / TRAINING_FILE, "python -m pipeline.train")
    best = content["epochs"][content["best_epoch"]]
    held_out = best["held-out mAP"]
    print(
        f"{output}: network of epoch {best['epoch']} of {settings.epochs}, "
        f"held-out mAP {'-' if held_out is None else f'{held_out:.3f}'}"
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
