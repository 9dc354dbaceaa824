"""Trains a Siamese embedding network.

    python -m pipeline.train --records=tfrecords/NAME --output=exported/MODEL
    python -m pipeline.train --triplets='DIR/train*.tfrec' --output=exported/MODEL

Labelled records are learned from with the triplet, the contrastive or ArcFace's loss, triplet
records (Kaggle Google Landmarks 2020) with the triplet loss. An interrupted run goes on from its
last checkpoint. Several GPUs are used where there are any; several machines train together where
``TF_CONFIG`` names them. Afterwards: ``python -m pipeline.export --model=exported/MODEL``.
"""

import dataclasses
from pathlib import Path

from models import siamese
from pipeline import command_line
from pipeline.data.training_data import TrainingData
from pipeline.progress import logger
from pipeline.training.network_settings import NetworkSettings
from pipeline.training.replicas import Replicas
from pipeline.training.run import Learner, RunSettings, run_training, some_images, summary


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(NetworkSettings, RunSettings):
    """What to learn from, which network, with which loss, and how."""

    def __post_init__(self) -> None:
        """Checks what cannot go together."""
        NetworkSettings.__post_init__(self)
        RunSettings.__post_init__(self)
        self.mining_of(self.examples)


def train(settings: Settings, replicas: Replicas | None = None) -> Path:
    """Trains as the settings say, or goes on where an interrupted run stopped.

    Args:
        settings: What to train.
        replicas: Where; by default what the environment offers.

    Returns, Raises:
        As ``run_training``.
    """

    def build(data: TrainingData) -> Learner:
        network = settings.network()
        batch_loss = settings.batch_loss(
            settings.examples, data.comparable, network.output_shape[-1]
        )

        def start(data: TrainingData) -> None:
            if settings.is_whitened:
                logger.info("Whitening the projection on the training photographs.")
                siamese.start_whitened(network, some_images(settings, data))

        return Learner(network=network, batch_loss=batch_loss, scored=network, start=start)

    return run_training(settings, build, replicas)


def main(settings: Settings) -> None:
    """Trains and prints the best held-out mAP and where the network is."""
    print(summary(train(settings), settings.epochs))


if __name__ == "__main__":
    command_line.run(main, Settings)
