"""The part of an export that finds local features, of a network that has a local head."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.local import head
from models.local.extraction import LocalExtraction
from pipeline.data.synthetic_city import CitySettings, render_photograph

SCALES = ("0.7071", "1", "1.4142")
_OVERLAP = 0.9  # of boxes, above which the worse feature is left out
_MOST = 200  # features that are compared
_SAME = 1e-3  # of descriptors and scores; of locations in pixels


def local_part(network: keras.Model, stage: int) -> LocalExtraction:
    """What finds the local features of an image.

    Args:
        network: One of ``models.local.head.with_local_head``.
        stage: Of the backbone, whose features are described.
    """
    seen = head.seen_by(network, stage)
    return LocalExtraction(head.local_network(network), seen, _OVERLAP)


def described(local: LocalExtraction, scales: Sequence[float]) -> dict[str, Any]:
    """What ``model.json`` is to say of it."""
    return {"local_dimension": local.dimension, "local_scales": list(scales)}


def require_same_features(
    saved_model: Path, local: LocalExtraction, scales: Sequence[float]
) -> None:
    """Compares the features that a SavedModel, read back, finds with those that it should.

    Raises:
        ValueError: If they differ.
    """
    image = render_photograph(CitySettings(landmarks=1, photographs_per_landmark=1), 0, 0)
    given = {
        "image": tf.constant(image, tf.float32) / 255,
        "image_scales": tf.constant(scales, tf.float32),
        "score_threshold": tf.constant(0.0),
        "max_feature_num": tf.constant(_MOST),
    }
    found = tf.saved_model.load(str(saved_model)).signatures["default"](**given)
    expected = local.default(**given)
    for name, values in expected.items():
        is_same = found[name].shape == values.shape and np.all(
            np.abs(found[name] - values) <= _SAME
        )
        if not is_same:  # nor is what is not a number
            raise ValueError(
                f"The signature default of the SavedModel gives other {name} than the network; "
                "export again, with the versions that constraints.txt names."
            )
