"""Which loss is learned from, and what of a batch it compares."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Literal

import numpy as np
import tensorflow as tf

from models.losses.arcface import ArcFace
from models.losses.contrastive import (
    batch_contrastive_loss,
    given_contrastive_loss,
    hard_contrastive_loss,
)
from models.losses.memory import CrossBatchMemory
from models.losses.pairs import BatchLoss, PairLoss, in_batch
from models.losses.supervised_contrastive import supervised_contrastive_loss
from models.losses.triplet import (
    batch_all_triplet_loss,
    batch_hard_triplet_loss,
    distance_weighted_triplet_loss,
    given_triplet_loss,
    semi_hard_triplet_loss,
)
from pipeline import command_line
from pipeline.command_line import setting
from pipeline.data.training_data import Batches

Loss = Literal["triplet", "contrastive", "supervised_contrastive", "arcface"]
Mining = Literal["given", "all", "hard", "semi_hard", "distance_weighted"]

_PAIR_LOSSES: dict[tuple[Loss, Mining], Callable[..., tuple[tf.Tensor, tf.Tensor]]] = {
    ("triplet", "all"): batch_all_triplet_loss,
    ("triplet", "hard"): batch_hard_triplet_loss,
    ("triplet", "semi_hard"): semi_hard_triplet_loss,
    ("triplet", "distance_weighted"): distance_weighted_triplet_loss,
    ("contrastive", "all"): batch_contrastive_loss,
    ("contrastive", "hard"): hard_contrastive_loss,
    ("supervised_contrastive", "all"): supervised_contrastive_loss,
}
_GIVEN = {
    "triplet": ("triplets", given_triplet_loss),
    "contrastive": ("pairs", given_contrastive_loss),
}
# A squared distance where all or the semi-hard are compared, else a distance; of ArcFace an angle.
_MARGINS: dict[Loss, dict[Mining, float]] = {
    "triplet": {
        "given": 0.1,
        "all": 0.1,
        "semi_hard": 0.2,
        "hard": 0.3,
        "distance_weighted": 0.2,
    },
    "contrastive": {"given": 0.7, "all": 0.7, "hard": 0.7},
    "arcface": {"all": 0.3},
}
# With all 512 nearly the whole weight is on the nearest negative beyond a distance of 0.5.
_MOST_DIMENSIONS_WEIGHTED = 64


@dataclasses.dataclass(frozen=True, kw_only=True)
class LossSettings:
    """The loss, how it mines, and what it remembers."""

    loss: Loss = setting(
        "Triplet, contrastive or supervised contrastive loss, which compare photographs; or "
        "ArcFace, which compares them with a learned centre of every landmark.",
        default="triplet",
    )
    mining: Mining | None = setting(
        "What is compared: the pairs or triplets given, all that labels allow, the hardest, the "
        "semi-hard, or all weighted by their distance. By default what was given, else all.",
        default=None,
    )
    margin: float | None = setting(
        "By how much a negative must be farther than the positive (triplet: a squared distance; "
        "a distance where mining is hard or distance-weighted), how far apart negatives must be "
        "(contrastive: distance), or by what angle a photograph must be nearer to its own centre "
        "(arcface: radians). By default what suits loss and mining.",
        default=None,
    )
    temperature: float = setting(
        "Of the supervised contrastive loss; the smaller, the more the nearest count.", default=0.1
    )
    memory: int = setting(
        "Embeddings of past batches to compare with as well; 0 for none.", default=0
    )
    memory_start: int = setting("Steps in which that memory only fills.", default=0)
    learned_margin: bool = setting(
        "Whether ArcFace learns a margin for every landmark.", default=False
    )
    arcface_scale: float = setting("ArcFace's factor of the cosines.", default=30.0)
    subcentres: int = setting(
        "ArcFace's centres a landmark; 3 where some labels are wrong.", default=1
    )

    def __post_init__(self) -> None:
        """Checks ranges and what cannot go together."""
        command_line.require_at_least(
            self, margin=0, memory=0, memory_start=0, arcface_scale=1, subcentres=1
        )
        if not self.temperature > 0:
            raise ValueError(f"--temperature is above 0. Received: {self.temperature}.")
        if self.memory and (self.loss == "arcface" or self.mining == "given"):
            raise ValueError("--memory goes with the mined losses that compare photographs.")
        if self.memory_start and not self.memory:
            raise ValueError("--memory_start has no effect without --memory.")
        beside = f"--loss={self.loss}"
        if self.loss != "arcface":
            names = ("learned_margin", "arcface_scale", "subcentres")
            command_line.require_default(self, beside, *names)
        if self.loss == "supervised_contrastive":
            command_line.require_default(self, beside, "margin")
        else:
            command_line.require_default(self, beside, "temperature")

    def mining_of(self, examples: Batches) -> Mining:
        """What is compared in batches of such examples.

        Raises:
            ValueError: If the loss cannot compare that.
        """
        if examples == "photographs" and self.loss != "arcface" and not self.memory:
            raise ValueError(
                "--batches=photographs may hold no two of one landmark; compare them with the "
                "centres of --loss=arcface or with past batches, --memory=4096."
            )
        given = next((kind for kind, (of, _) in _GIVEN.items() if of == examples), None)
        if self.loss == "arcface":
            if self.mining is not None:
                raise ValueError("--mining has no effect with --loss=arcface.")
            return "all"
        mining = self.mining or ("given" if given == self.loss and not self.memory else "all")
        if mining == "given" and given != self.loss:
            raise ValueError(
                "--mining=given takes triplets with --loss=triplet, or --batches=pairs with "
                f"--loss=contrastive. Received: --loss={self.loss} and batches of {examples}."
            )
        if mining != "given" and (self.loss, mining) not in _PAIR_LOSSES:
            possible = ", ".join(way for loss, way in _PAIR_LOSSES if loss == self.loss)
            raise ValueError(f"--loss={self.loss} mines {possible}. Received: --mining={mining}.")
        return mining

    def batch_loss(self, examples: Batches, landmarks: np.ndarray, dimension: int) -> BatchLoss:
        """The loss of a batch.

        Args:
            examples: What a batch is made of.
            landmarks: Labels that can be told apart, int64.
            dimension: Length of the embeddings.
        """
        mining = self.mining_of(examples)
        margin = self.margin
        if margin is None:
            margin = _MARGINS.get(self.loss, {}).get(mining, 0.0)
        if self.loss == "arcface":
            return ArcFace(
                landmarks,
                dimension,
                margin=margin,
                scale=self.arcface_scale,
                subcentres=self.subcentres,
                learned_margin=self.learned_margin,
            )
        if mining == "given":
            return functools.partial(_GIVEN[self.loss][1], margin=margin)
        pair_loss = self._pair_loss(mining, margin, dimension)
        if self.memory:
            return CrossBatchMemory(pair_loss, self.memory, dimension, self.memory_start)
        return in_batch(pair_loss)

    def _pair_loss(self, mining: Mining, margin: float, dimension: int) -> PairLoss:
        loss = _PAIR_LOSSES[self.loss, mining]
        if self.loss == "supervised_contrastive":
            return functools.partial(loss, temperature=self.temperature)
        if mining == "distance_weighted":
            dimension = min(dimension, _MOST_DIMENSIONS_WEIGHTED)
            return functools.partial(loss, margin=margin, dimension=dimension)
        return functools.partial(loss, margin=margin)
