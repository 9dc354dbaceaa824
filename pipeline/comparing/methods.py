"""The methods that a comparison knows, each by a name."""

import dataclasses
import itertools
from typing import Literal

from models.backbones import BackboneName
from models.pooling import PoolingName
from pipeline.training.loss_settings import Loss

Extractor = Literal["sift", "head", "delf"]
Aggregation = Literal["tfidf", "asmk", "vlad"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hog:
    """Histograms of oriented gradients."""

    @property
    def name(self) -> str:
        """Of the method, and of its model's folder."""
        return "hog"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """A network that describes a photograph as a whole.

    Attributes:
        backbone: Its convolutions.
        pooling: ``gem``, or without it the mean, ``spoc``.
        loss: With which it learns; None for as it starts.
    """

    backbone: BackboneName
    pooling: PoolingName
    loss: Loss | None

    @property
    def name(self) -> str:
        """Of the method, and of its model's folder."""
        pooling = "mean" if self.pooling == "spoc" else self.pooling
        return f"{self.backbone}-{pooling}-{self.loss or 'untrained'}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words:
    """Visual words over local features.

    Attributes:
        extractor: What finds these: SIFT, a head on a network that was trained here, or DELF.
        aggregation: What is made of the words.
        words: How many.
    """

    extractor: Extractor
    aggregation: Aggregation
    words: int

    @property
    def name(self) -> str:
        """Of the method, and of its model's folder."""
        return f"{self.extractor}-{self.aggregation}-{self.words}"


Method = Hog | Network | Words

# The network that a local head is put on.
UNDER_HEAD = Network(backbone="mobilenet_v2", pooling="gem", loss="triplet")
_BACKBONES: tuple[BackboneName, ...] = ("mobilenet_v2", "resnet50", "vgg16")
_POOLINGS: tuple[PoolingName, ...] = ("gem", "spoc")
_LOSSES: tuple[Loss, ...] = ("triplet", "contrastive")
_ALL: tuple[Method, ...] = (
    Hog(),
    Words(extractor="sift", aggregation="tfidf", words=200),
    Words(extractor="sift", aggregation="asmk", words=20_000),
    Words(extractor="sift", aggregation="vlad", words=64),
    Words(extractor="delf", aggregation="asmk", words=5000),
    Words(extractor="head", aggregation="asmk", words=5000),
    Network(backbone="mobilenet_v2", pooling="spoc", loss=None),
    Network(backbone="mobilenet_v2", pooling="spoc", loss="arcface"),
    *(
        Network(backbone=backbone, pooling=pooling, loss=loss)
        for backbone, pooling, loss in itertools.product(_BACKBONES, _POOLINGS, _LOSSES)
    ),
)
METHODS = {method.name: method for method in _ALL}
