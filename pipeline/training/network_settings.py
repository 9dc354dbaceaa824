"""Which network learns, where it starts, and what of it stays as it is."""

import dataclasses
from typing import Literal

import keras

from models import siamese
from models.backbones import BackboneName, Precision
from models.backbones.stages import STAGES, freeze_stages
from models.pooling import PoolingName
from pipeline import command_line
from pipeline.command_line import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Backbone, pooling and projection."""

    backbone: BackboneName = setting("Convolutional backbone.", default="resnet50")
    weights: str = setting(
        "Where the backbone starts: imagenet, none, or a .weights.h5 file without classifier.",
        default="imagenet",
    )
    pooling: PoolingName = setting(
        "How a feature map becomes a vector: generalised mean with one exponent or one a channel, "
        "maximum (mac), average (spoc), or maxima of regions (rmac).",
        default="gem",
    )
    gem_power: float = setting("GeM's exponent at the start, at least 1.", default=3.0)
    projection: Literal["whitened", "random", "none"] = setting(
        "What follows the pooling: a projection that starts as PCA whitening of the training "
        "photographs (at random where there are no pretrained weights), one that starts at random, "
        "or none, as for a whitening at the export.",
        default="whitened",
    )
    dimension: int = setting("Length of the projected embedding.", default=512)
    frozen_stages: int = setting(
        "Stages of the backbone, of 5, that keep their weights.", default=0
    )
    batch_statistics: siamese.BatchStatistics | None = setting(
        "Whether batch normalisation keeps its statistics or learns them; by default it keeps "
        "those of pretrained weights.",
        default=None,
    )
    precision: Precision = setting(
        "What the backbone computes in while it learns; it is saved in float32.",
        default="float32",
    )

    def __post_init__(self) -> None:
        """Checks ranges."""
        command_line.require_at_least(self, dimension=1, gem_power=1, frozen_stages=0)
        if self.frozen_stages > STAGES:
            raise ValueError(f"--frozen_stages is 0 to {STAGES}. Received: {self.frozen_stages}.")
        if not self.pooling.startswith("gem"):
            command_line.require_default(self, f"--pooling={self.pooling}", "gem_power")
        if self.projection == "none":
            command_line.require_default(self, "--projection=none", "dimension")

    @property
    def is_pretrained(self) -> bool:
        """Whether there are weights to start from."""
        return self.weights != "none"

    @property
    def is_whitened(self) -> bool:
        """Whether the projection starts as a whitening."""
        return self.is_pretrained and self.projection == "whitened"

    def network(self) -> keras.Model:
        """Builds the network, its projection still at random.

        Raises:
            FileNotFoundError: If the weights are missing.
            ValueError: If they are another network's.
        """
        network = siamese.embedding_network(
            self.backbone,
            self.weights,
            dimension=None if self.projection == "none" else self.dimension,
            pooling=self.pooling,
            gem_power=self.gem_power,
            batch_statistics=self.batch_statistics,
            precision=self.precision,
        )
        freeze_stages(network, self.frozen_stages)
        return network
