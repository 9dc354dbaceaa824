"""Trains a Siamese embedding network.

    python -m pipeline.train --records=tfrecords/NAME --output=exported/MODEL
    python -m pipeline.train --triplets='DIR/train*.tfrec' --output=exported/MODEL

Labelled records are learned from with the triplet or the contrastive loss, triplet records
(Kaggle Google Landmarks 2020) with the triplet loss. An interrupted run goes on from its last
checkpoint. Afterwards: ``python -m pipeline.export --model=exported/MODEL``.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf

from models import siamese
from models.backbones import BackboneName
from pipeline import command_line, manifest
from pipeline.command_line import setting
from pipeline.data import inputs, records
from pipeline.data.augmentation import AUGMENTATIONS
from pipeline.data.training_data import Batches, TrainingData
from pipeline.held_out import VALIDATION, Evaluate, held_out_score, no_score
from pipeline.model_folder import LEARNED_CONTENTS, NETWORK, TRAINING, TRAINING_FILE
from pipeline.progress import logger
from pipeline.trainer import Trainer

_BEGUN = "settings.json"  # written before the first step, so that a run goes on as it began
_WHITENING_PHOTOGRAPHS = 4000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What to learn from, which network, and how."""

    output: Path = setting("Folder of the model, exported/MODEL; training goes to training/ in it.")
    records: Path | None = setting("Labelled records to learn from, tfrecords/NAME.", default=None)
    split: str = setting("Split of the labelled records to learn from.", default="train")
    triplets: str | None = setting(
        "Kaggle's triplet files to learn from as they are, a glob.", default=None
    )
    batches: Batches = setting(
        "What a batch of --records is made of: P landmarks by K photographs, pairs, or the "
        "triplets that the records were built from.",
        default="landmarks",
    )
    validation_records: Path | None = setting(
        "Labelled records whose split 'validation', or all of them where there is none, gives the "
        "held-out mAP; by default --records.",
        default=None,
    )
    backbone: BackboneName = setting("Convolutional backbone.", default="resnet50")
    weights: str = setting(
        "Where the backbone starts: imagenet, none, or a .weights.h5 file without classifier.",
        default="imagenet",
    )
    dimension: int | None = setting("Length of the embedding.", default=512)
    projection_start: Literal["whitened", "random"] = setting(
        "How the projection starts: as PCA whitening of the training photographs (pretrained "
        "backbones), or at random.",
        default="whitened",
    )
    gem_power: float = setting("GeM's exponent at the start, at least 1.", default=3.0)
    frozen_layers: int = setting("Layers of the backbone that keep their weights.", default=0)
    image_size: int = setting("Side of the square input, pixels.", default=224)
    augmentation: Literal["none", "light", "full"] = setting(
        "How photographs are changed: crop, flip and colours (light), or perspective, erasing, "
        "blur and JPEG quality too (full).",
        default="light",
    )
    loss: Literal["triplet", "contrastive"] = setting("Loss.", default="triplet")
    margin: float = setting(
        "By how much a negative must be farther than the positive (triplet, squared distance), "
        "or how far apart negatives must be (contrastive, distance).",
        default=0.1,
    )
    landmarks_per_batch: int = setting(
        "P: landmarks a batch; or the pairs or triplets of one.", default=8
    )
    photographs_per_landmark: int = setting("K: photographs a landmark of a batch.", default=4)
    epochs: int = setting("Epochs; 0 keeps the network as it starts.", default=5)
    steps_per_epoch: int | None = setting("Steps an epoch; by default all the data.", default=None)
    learning_rate: float = setting(
        "Peak learning rate. 1e-5 suits pretrained weights, 1e-3 a start from scratch.",
        default=1e-5,
    )
    checkpoint_steps: int = setting("Steps between checkpoints within an epoch.", default=200)
    max_damaged: float = setting(
        "Share of the photographs that may be damaged; they are left out and named.", default=0.01
    )
    seed: int = setting("Chooses initial weights, order and augmentation.", default=0)
    overwrite: bool = setting("Train anew over a finished or interrupted run.", default=False)

    def __post_init__(self) -> None:
        """Checks what cannot go together."""
        if (self.records is None) == (self.triplets is None):
            raise ValueError("Pass either --records=tfrecords/NAME or --triplets='DIR/*.tfrec'.")
        if self.of_triplets and self.loss == "contrastive":
            raise ValueError("Triplets are learned from with --loss=triplet.")
        if self.batches == "pairs" and self.loss == "triplet":
            raise ValueError("Pairs are learned from with --loss=contrastive.")
        command_line.require_at_least(
            self,
            dimension=1,
            gem_power=1,
            frozen_layers=0,
            image_size=32,
            margin=0,
            landmarks_per_batch=2 if self.batches == "landmarks" and self.triplets is None else 1,
            photographs_per_landmark=2,
            epochs=0,
            steps_per_epoch=1,
            learning_rate=0,
            checkpoint_steps=1,
            max_damaged=0,
            seed=0,
        )

    @property
    def of_triplets(self) -> bool:
        """Whether triplets are given, by whichever flag."""
        return self.triplets is not None or self.batches == "triplets"


def train(settings: Settings) -> Path:
    """Trains as the settings say, or goes on where an interrupted run stopped.

    Returns:
        The folder ``output/training``: ``network.keras`` (the epoch of the best held-out mAP,
        or the last where nothing is held out), checkpoints, history, curve, TensorBoard events.

    Raises:
        FileNotFoundError: If records or weights are missing.
        ValueError: If they do not fit the settings, or the loss is no longer finite.
    """
    output = settings.output / TRAINING
    if manifest.made_with(output / TRAINING_FILE, settings):
        logger.info("%s is finished; --overwrite trains anew.", output)
        _warn_of_other_records(settings, output)
        return output
    data = _training_data(settings)
    begun = {"settings": manifest.settings_as_json(settings), "data": data.describe()}
    _require_same_start(output / _BEGUN, settings, begun)
    score = _held_out_score(settings, data)
    keras.utils.set_random_seed(settings.seed)
    network = _starting_network(settings, data)
    if settings.overwrite:
        _remove_training(output)
    manifest.write_json(output / _BEGUN, begun)
    trainer = Trainer(
        network,
        data,
        _batch_loss(settings),
        score,
        output,
        epochs=settings.epochs,
        steps_per_epoch=settings.steps_per_epoch,
        learning_rate=settings.learning_rate,
        image_size=settings.image_size,
        seed=settings.seed,
        checkpoint_steps=settings.checkpoint_steps,
        max_damaged=settings.max_damaged,
        augmentation=AUGMENTATIONS[settings.augmentation],
    )
    trainer.run()
    np.save(output / LEARNED_CONTENTS, data.contents)
    manifest.write_json(output / TRAINING_FILE, begun | _describe(trainer, output))
    return output


def _warn_of_other_records(settings: Settings, output: Path) -> None:
    """Says so where what a finished run learned from is still there but no longer what it was."""
    learned = manifest.read_json(output / TRAINING_FILE, "--overwrite")["data"]
    if not any(Path(name).parent.is_dir() for name in learned["files"]):
        return
    try:
        same = _training_data(settings).describe() == learned
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


def _training_data(settings: Settings) -> TrainingData:
    batch = settings.landmarks_per_batch
    if settings.triplets is not None:
        return TrainingData.triplet_files(settings.triplets, batch=batch)
    assert settings.records is not None  # Settings has checked it
    if settings.batches == "triplets":
        return TrainingData.recorded_triplets(settings.records, settings.split, batch=batch)
    if settings.batches == "pairs":
        return TrainingData.pairs(settings.records, settings.split, batch=batch)
    return TrainingData.labelled(
        settings.records,
        settings.split,
        landmarks=batch,
        photographs=settings.photographs_per_landmark,
    )


def _starting_network(settings: Settings, data: TrainingData) -> keras.Model:
    network = siamese.embedding_network(
        settings.backbone, settings.weights, settings.dimension, settings.gem_power
    )
    siamese.freeze_first_layers(network, settings.frozen_layers)
    if (
        settings.projection_start == "whitened"
        and settings.dimension
        and (settings.weights != "none")
    ):
        logger.info("Whitening the projection on the training photographs.")
        siamese.start_whitened(network, _some_images(settings, data))
    return network


def _some_images(settings: Settings, data: TrainingData) -> Iterator[tf.Tensor]:
    """Enough training photographs, without augmentation, to estimate a covariance."""
    batches = data.order(settings.seed, 0)
    examples = batches.shape[1]
    batches = batches[: 1 + _WHITENING_PHOTOGRAPHS // examples]
    chain = inputs.training_batches(data.files, batches, data.parse, size=settings.image_size)
    return (images for _, kept, images, _ in chain if len(kept))


def _batch_loss(settings: Settings) -> siamese.BatchLoss:
    if settings.of_triplets:
        return siamese.given_triplets(settings.margin)
    if settings.batches == "pairs":
        return siamese.given_pairs(settings.margin)
    if settings.loss == "contrastive":
        return siamese.labelled_pairs(settings.margin)
    return siamese.labelled_triplets(settings.margin)


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
