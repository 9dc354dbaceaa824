"""How long training goes on, on what images, and what is kept of it."""

import dataclasses
from typing import Literal

from pipeline import command_line
from pipeline.command_line import setting
from pipeline.training.optimizers import OptimizerSettings

_GRID = 32  # strides of the backbones, in which a growing image grows
_GROWN_AFTER = 0.75  # of the epochs: the last ones see what is scored and served


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainerSettings(OptimizerSettings):
    """How long training goes on, on what images, and what is kept of it."""

    image_size: int = setting("Side of the square input, pixels.", default=224)
    first_image_size: int | None = setting(
        "Side in the first epoch, growing to --image_size over three quarters of them; by default "
        "it is that from the start.",
        default=None,
    )
    augmentation: Literal["none", "light", "full"] = setting(
        "How photographs are changed: crop, flip and colours (light), or perspective, erasing, "
        "blur and JPEG quality too (full).",
        default="light",
    )
    epochs: int = setting("Epochs; 0 keeps the network as it starts.", default=5)
    steps_per_epoch: int | None = setting("Steps an epoch; by default all the data.", default=None)
    patience: int | None = setting(
        "Epochs without a better held-out mAP after which training stops; by default, and where "
        "nothing is held out, it does not.",
        default=None,
    )
    average_momentum: float | None = setting(
        "Share that the moving average of the weights keeps at each step, as 0.999; it is then "
        "what is scored and kept. By default the weights themselves are.",
        default=None,
    )
    photographs_at_a_time: int | None = setting(
        "Photographs of a batch that a device keeps in memory at a time, the gradients being those "
        "of the whole batch; by default all.",
        default=None,
    )
    checkpoint_steps: int = setting("Steps between checkpoints within an epoch.", default=200)
    max_damaged: float = setting(
        "Share of the photographs that may be damaged; they are left out and named.", default=0.01
    )
    seed: int = setting("Chooses initial weights, order and augmentation.", default=0)

    def __post_init__(self) -> None:
        """Checks ranges."""
        super().__post_init__()
        command_line.require_at_least(
            self,
            image_size=32,
            first_image_size=32,
            epochs=0,
            steps_per_epoch=1,
            patience=1,
            average_momentum=0,
            photographs_at_a_time=1,
            checkpoint_steps=1,
            max_damaged=0,
            seed=0,
        )
        if self.first_image_size is not None and self.first_image_size > self.image_size:
            raise ValueError(
                f"--first_image_size is at most --image_size={self.image_size}. Received: "
                f"{self.first_image_size}."
            )
        if self.average_momentum is not None and self.average_momentum >= 1:
            raise ValueError(f"--average_momentum is below 1. Received: {self.average_momentum}.")

    def image_size_in(self, epoch: int) -> int:
        """Side of the images of an epoch, from 1, pixels."""
        if self.first_image_size is None or epoch >= self.epochs:
            return self.image_size
        share = min(1.0, (epoch - 1) / min(_GROWN_AFTER * self.epochs, self.epochs - 1))
        if share == 1.0:
            return self.image_size
        grown = int(share * (self.image_size - self.first_image_size))
        return self.first_image_size + grown // _GRID * _GRID
