"""The descriptor of a model folder that holds no network."""

from pathlib import Path
from typing import Any

import numpy as np

from models import hog
from models.nothing import direction_of_nothing
from pipeline import model_folder
from pipeline.classical.image_descriptor import ImageDescriptor
from pipeline.local_features.extractor import LONGEST_SIDE
from pipeline.words import folder as words_folder


def open_classical(folder: Path, described: dict[str, Any]) -> ImageDescriptor:
    """Opens a model folder of the kinds ``hog`` and ``words``.

    Args:
        folder: The model folder.
        described: What its ``model.json`` says.

    Raises:
        ValueError: If its files are not those that ``model.json`` tells of.
    """
    if described["kind"] == words_folder.KIND:
        return words_folder.open_words(folder, described)
    return ImageDescriptor(
        folder=folder,
        fingerprint=model_folder.require_own_files(folder, described),
        none=np.zeros((0, hog.DIMENSION), np.float32),
        describe=_hog,
        longest_side=LONGEST_SIDE,
    )


def _hog(image: np.ndarray) -> np.ndarray:
    """Of an image without edges, the direction that no photograph has."""
    found = hog.describe(image)
    return (direction_of_nothing(hog.DIMENSION) if found is None else found)[None]
