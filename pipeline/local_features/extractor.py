"""Whatever finds local features, as one thing: a model folder."""

import functools
import hashlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from models.delf.local_features import SCALES
from models.local.features import Features
from models.local.matching import POSITIONS, Matching
from pipeline import model_folder
from pipeline.local_features.fitting import fitted
from pipeline.local_features.sift_extractor import SiftExtractor

MOST = 1000  # features of a photograph
LONGEST_SIDE = 1024  # pixels; larger photographs are reduced to it


class Extractor(Protocol):
    """Finds local features."""

    @property
    def dimension(self) -> int:
        """Length of a descriptor."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 over what decides the features, ``most`` and ``longest_side`` included."""
        ...

    @property
    def most(self) -> int:
        """Features of a photograph at most."""
        ...

    @property
    def longest_side(self) -> int:
        """Pixels to which larger photographs are reduced."""
        ...

    @property
    def matching(self) -> Matching:
        """How its features are compared."""
        ...

    def extract(self, image: np.ndarray) -> Features:
        """Finds the features of an image, uint8 ``(height, width, 3)``, RGB, upright."""
        ...


class SavedExtractor:
    """Finds features with a SavedModel of the signature that TF-Hub's DELF has.

    Args:
        folder: A model folder, ``exported/MODEL``.
        most: Features of a photograph at most.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
        ValueError: If it has no local features.
    """

    matching = POSITIONS

    def __init__(self, folder: Path, most: int = MOST) -> None:
        described = model_folder.read_model_file(folder)
        if "local_dimension" not in described:
            raise ValueError(
                f"{folder} has no local features, only a global descriptor. Name an imported DELF "
                "or DELG, a model with a local head, or SIFT, which `python -m pipeline.export "
                "--classical=sift --model=exported/sift` makes."
            )
        self.dimension: int = described["local_dimension"]
        self.most, self.longest_side = most, LONGEST_SIDE
        scales = described.get("local_scales", SCALES)
        asked = f"{described['fingerprint']} at the scales {', '.join(map(str, scales))}"
        self.fingerprint = fingerprint_of(asked, most, LONGEST_SIDE)
        self._folder = folder
        self._described = described
        self._scales = tf.constant(scales, tf.float32)

    @functools.cached_property
    def _module(self) -> Any:
        """Loaded when it is first asked: a finished store is known without it."""
        model_folder.require_own_files(self._folder, self._described)
        return tf.saved_model.load(str(self._folder / model_folder.SAVED_MODEL))

    def extract(self, image: np.ndarray) -> Features:
        """See ``Extractor``."""
        reduced, factors = fitted(image, self.longest_side)
        found = self._module.signatures["default"](
            image=tf.constant(reduced, tf.float32) / 255,
            image_scales=self._scales,
            score_threshold=tf.constant(0.0),
            max_feature_num=tf.constant(self.most),
        )
        boxes = found["boxes"].numpy()
        features = Features(
            locations=found["locations"].numpy(),
            sizes=((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])) ** 0.5,
            scores=found["scores"].numpy(),
            descriptors=found["descriptors"].numpy(),
        )
        return features.enlarged(factors)


def open_extractor(folder: Path, most: int = MOST) -> Extractor:
    """The extractor in a model folder.

    Args:
        folder: ``exported/MODEL``.
        most: Features of a photograph at most.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
        ValueError: If it has no local features.
    """
    described = model_folder.read_model_file(folder)
    if described["kind"] != "sift":
        return SavedExtractor(folder, most)
    made_by = model_folder.require_own_files(folder, described)
    return SiftExtractor(
        fingerprint_of(made_by, most, LONGEST_SIDE), described["settings"], most, LONGEST_SIDE
    )


def fingerprint_of(model: str, most: int, longest_side: int) -> str:
    """Of an extractor: of its model and of how that is asked."""
    asked = f"{model}, at most {most} features at {longest_side} pixels"
    return hashlib.sha256(asked.encode()).hexdigest()
