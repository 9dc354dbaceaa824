"""SIFT as an extractor, with the settings of its model folder."""

from typing import Any

import numpy as np

from models.local import sift
from models.local.features import Features
from models.local.matching import KEYPOINTS
from pipeline.local_features.fitting import fitted

SIDE = 640  # pixels of the longer side, to which smaller photographs are enlarged
# Of landmarks. With .04, OpenCV's, photographs of 480 pixels have few features.
CONTRAST = 0.01


class SiftExtractor:
    """Finds RootSIFT features. See ``Extractor``.

    Args:
        fingerprint: Of what decides the features.
        settings: Of the model folder: ``upright``, ``contrast``, ``side``.
        most: Features of a photograph at most.
        longest_side: Pixels to which larger photographs are reduced.
    """

    dimension = sift.DIMENSION
    matching = KEYPOINTS

    def __init__(
        self, fingerprint: str, settings: dict[str, Any], most: int, longest_side: int
    ) -> None:
        self.fingerprint = fingerprint
        self.most, self.longest_side = most, longest_side
        self._settings = settings

    def extract(self, image: np.ndarray) -> Features:
        """See ``Extractor``."""
        reduced, _ = fitted(image, self.longest_side)
        larger = sift.enlarged(reduced, self._settings["side"])
        found = sift.root_sift(
            larger, self.most, self._settings["contrast"], upright=self._settings["upright"]
        )
        factors = image.shape[0] / larger.shape[0], image.shape[1] / larger.shape[1]
        return found.enlarged(factors)
