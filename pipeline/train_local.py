"""Trains a head that finds local features, on a model that describes photographs as a whole.

    python -m pipeline.train_local --model=exported/MODEL --records=tfrecords/NAME \
        --output=exported/MODEL-local
    python -m pipeline.export --model=exported/MODEL-local

The export has the signature ``default`` of TF-Hub's DELF, and those of the global descriptor. With
``--jointly`` the whole network goes on learning, with the loss that the flags name; else it stays
as it is, and its vectors with it.
"""

import dataclasses
from pathlib import Path

import keras

from models.local import head
from models.local.loss import LocalLoss
from models.siamese import load_network
from pipeline import command_line, model_folder
from pipeline.command_line import setting
from pipeline.data.training_data import TrainingData
from pipeline.progress import logger
from pipeline.training.loss_settings import LossSettings
from pipeline.training.replicas import Replicas
from pipeline.training.run import Learner, RunSettings, run_training, some_images, summary

_STAGES = (3, 4)  # finer ones see corners, stage 5 is what is pooled


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RunSettings):
    """What to learn from, on which model, and how."""

    model: Path = setting("Folder of a trained model, exported/MODEL.")
    stage: int = setting(
        "Stage of the backbone, 3 or 4, whose features are described: every 8 or 16 pixels.",
        default=4,
    )
    local_dimension: int = setting("Length of a local descriptor.", default=64)
    jointly: bool = setting(
        "Whether the whole network learns, with --loss and what belongs to it.", default=False
    )
    learning_rate: float = setting(
        "Peak learning rate; with --jointly that of the backbone, as 1e-5, beside a "
        "--head_learning_rate.",
        default=1e-3,
    )

    def __post_init__(self) -> None:
        """Checks what cannot go together."""
        super().__post_init__()
        command_line.require_at_least(self, local_dimension=1)
        if self.stage not in _STAGES:
            raise ValueError(f"--stage is 3 or 4. Received: {self.stage}.")
        if self.triplets is not None or self.examples not in ("landmarks", "photographs"):
            raise ValueError(
                "A local head learns from landmarks: pass --records=tfrecords/NAME, and "
                "--batches=landmarks or photographs."
            )
        if self.jointly:
            self.mining_of(self.examples)
        else:
            names = [field.name for field in dataclasses.fields(LossSettings)]
            command_line.require_default(self, "a backbone that stays; pass --jointly", *names)

    @property
    def beneath(self) -> Path:
        """The training of the model."""
        return self.model / model_folder.TRAINING


def train_local(settings: Settings, replicas: Replicas | None = None) -> Path:
    """Trains a head as the settings say, or goes on where an interrupted run stopped.

    Args:
        settings: What to train.
        replicas: Where; by default what the environment offers.

    Returns, Raises:
        As ``run_training``; besides FileNotFoundError if the model was not trained here, and
        ValueError if its backbone has fewer channels than a descriptor is to have.
    """
    if settings.output.resolve() == settings.model.resolve():
        raise ValueError(
            f"--output={settings.output} holds the model itself; name another folder, such as "
            f"{settings.model}-local."
        )

    def build(data: TrainingData) -> Learner:
        whole = load_network(settings.beneath / model_folder.NETWORK)
        if head.has_local_head(whole):
            raise ValueError(
                f"{settings.model} has a local head already; name what it was made of."
            )
        if not settings.jointly:
            whole.trainable = False
        network = head.with_local_head(whole, settings.stage, settings.local_dimension)
        return Learner(
            network=network,
            batch_loss=_loss(settings, data, whole, network),
            scored=whole if settings.jointly else head.attended_network(network),
            start=lambda data: _start(settings, network, data),
        )

    return run_training(settings, build, replicas)


def _loss(
    settings: Settings, data: TrainingData, whole: keras.Model, network: keras.Model
) -> LocalLoss:
    dimension = whole.output_shape[-1]
    of_global = None
    if settings.jointly:
        of_global = settings.batch_loss(settings.examples, data.comparable, dimension)
    channels = network.output_shape[-1] - dimension - 1
    return LocalLoss(data.comparable, dimension, channels, of_global)


def _start(settings: Settings, network: keras.Model, data: TrainingData) -> None:
    logger.info("Whitening local features of the training photographs.")
    head.start_whitened(network, some_images(settings, data))


def main(settings: Settings) -> None:
    """Trains and prints the best held-out mAP and where the network is."""
    print(summary(train_local(settings), settings.epochs))


if __name__ == "__main__":
    command_line.run(main, Settings)
