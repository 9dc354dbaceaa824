"""Checks a SavedModel, read back, against what its network gives by another computation."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from models.preprocessing import resize
from models.serving import Views
from pipeline.agreement import require_agreement
from pipeline.data.synthetic_city import CitySettings, render_photograph


def require_same_descriptions(
    saved_model: Path,
    network: keras.Model,
    size: int,
    views: Views,
    whitening: tuple[np.ndarray, np.ndarray] | None,
    *,
    is_exact: bool,
) -> None:
    """Compares all signatures with NumPy, on a building that needs resizing.

    Args:
        saved_model: What was exported.
        network: The network in it.
        size: Side of its input at scale 1, pixels.
        views: What it sees of a photograph.
        whitening: Projection and mean; None for none.
        is_exact: Whether the SavedModel computes in float32, as the network does.

    Raises:
        ValueError: If a signature differs.
    """
    sides = views.sides(size)
    city = CitySettings(landmarks=1, photographs_per_landmark=1, size=sides[-1] + 37)
    image = render_photograph(city, 0, 0)[:, : sides[-1] // 2]
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
        found = np.atleast_2d(outputs["global_descriptor"])
        what = f"The signature {name} of the SavedModel"
        require_agreement(what, found, expected[None], is_exact=is_exact)


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
