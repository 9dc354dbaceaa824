"""Checks a SavedModel, read back, against what its network gives by another computation."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from models.preprocessing import resize
from models.serving import Views

# Two graphs of one network differ by the order of float32 sums, no more.
_TOLERANCE = 1e-4


def require_same_descriptions(
    saved_model: Path,
    network: keras.Model,
    size: int,
    views: Views,
    whitening: tuple[np.ndarray, np.ndarray] | None,
) -> None:
    """Compares all signatures with NumPy, on an image that needs resizing.

    Args:
        saved_model: What was exported.
        network: The network in it.
        size: Side of its input at scale 1, pixels.
        views: What it sees of a photograph.
        whitening: Projection and mean; None for none.

    Raises:
        ValueError: If a signature differs.
    """
    sides = views.sides(size)
    shape = (sides[-1] + 37, sides[-1] // 2, 3)
    image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    expected = _mean(_described(network, image, sides, views.flip), views.power)
    if whitening is not None:
        projection, mean = whitening
        expected = _unit((expected - mean) @ projection)
    signatures = tf.saved_model.load(str(saved_model)).signatures
    for name, outputs in (
        ("serving_default", signatures["serving_default"](tf.io.encode_png(image)[None])),
        ("pixels", signatures["pixels"](tf.constant(image[None]))),
        ("kaggle", signatures["kaggle"](tf.constant(image))),
    ):
        difference = np.abs(outputs["global_descriptor"] - expected).max()
        if not difference <= _TOLERANCE:
            raise ValueError(
                f"The signature {name} of the SavedModel differs from the trained network by "
                f"{difference:.2g}; at most {_TOLERANCE} is expected."
            )


def _described(
    network: keras.Model, image: np.ndarray, sides: Sequence[int], flip: bool
) -> np.ndarray:
    """What the network gives for every scale and mirror image, float64 ``(seen, dim)``."""
    seen = [resize(image, side).numpy() for side in sides]
    if flip:
        seen += [one[:, ::-1] for one in seen]
    return np.concatenate([network(one[None], training=False) for one in seen], dtype=np.float64)


def _mean(rows: np.ndarray, power: float) -> np.ndarray:
    raised = (np.sign(rows) * np.abs(rows) ** power).mean(axis=0)
    return _unit(np.sign(raised) * np.abs(raised) ** (1 / power))


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
