"""Checks a SavedModel, read back, against what its network gives by another computation."""

import dataclasses
import gc
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from models.preprocessing import load_at_sizes, resize
from models.serving import Views
from pipeline.data.synthetic_city import CitySettings, render_photograph
from pipeline.exporting.agreement import require_agreement
from pipeline.exporting.odd_photographs import OddPhotograph, odd_photographs

# Of plain patches of colour 16 bits leave less than of what photographs show.
_LEAST_COSINE_OF_PATCHES = 0.99
# Means round otherwise, now and then, in a photograph turned before it is resized, not after.
_LEVELS = 1


def require_same_descriptions(
    saved_model: Path,
    network: keras.Model,
    size: int,
    views: Views,
    whitening: tuple[np.ndarray, np.ndarray] | None,
    *,
    is_exact: bool,
) -> None:
    """Compares with NumPy: all signatures on a building, then the first on odd photographs.

    What a network sees of those is had from this project's preprocessing, run eagerly, and that
    in turn is compared with their pixels where they are known.

    Args:
        saved_model: What was exported.
        network: The network in it.
        size: Side of its input at scale 1, pixels.
        views: What it sees of a photograph.
        whitening: Projection and mean; None for none.
        is_exact: Whether the SavedModel computes in float32, as the network does.

    Raises:
        ValueError: If a signature differs, or a photograph is described otherwise.
    """
    sides = views.sides(size)
    trained = _Trained(network=network, views=views, whitening=whitening)
    city = CitySettings(landmarks=1, photographs_per_landmark=1, size=sides[-1] + 37)
    image = render_photograph(city, 0, 0)[:, : sides[-1] // 2]  # needs resizing
    photographs = odd_photographs(2 * sides[-1] + 37)
    files = tf.constant([photograph.encoded for photograph in photographs])
    of_image, of_photographs = _run(
        saved_model, "serving_default", tf.io.encode_png(image)[None], files
    )
    _check_signatures(saved_model, of_image, image, trained, sides, is_exact)
    _check_photographs(of_photographs, photographs, trained, sides, is_exact)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Trained:
    """A network, what it sees of a photograph, and the whitening of what it tells."""

    network: keras.Model
    views: Views
    whitening: tuple[np.ndarray, np.ndarray] | None

    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """From, for every scale, uint8 ``(height, width, 3)`` to float64 ``(dim,)``."""
        seen = list(images)
        if self.views.flip:
            seen += [one[:, ::-1] for one in images]
        rows = [np.asarray(self.network(one[None], training=False), np.float64)[0] for one in seen]
        described = _mean(np.stack(rows), self.views.power)
        if self.whitening is not None:
            projection, mean = self.whitening
            described = _unit((described - mean) @ projection)
        return described


def _run(saved_model: Path, signature: str, *photographs: tf.Tensor) -> list[np.ndarray]:
    """Reads a SavedModel, has one signature describe photographs, and forgets it.

    Each signature that runs has the network's weights once more in memory, if they are constants.
    """
    module = tf.saved_model.load(str(saved_model))
    run = module.signatures[signature]
    described = [run(one)["global_descriptor"].numpy() for one in photographs]
    del module, run
    gc.collect()  # graphs refer to themselves
    return described


def _check_signatures(
    saved_model: Path,
    of_image: np.ndarray,
    image: np.ndarray,
    trained: _Trained,
    sides: Sequence[int],
    is_exact: bool,
) -> None:
    """``of_image`` is what the first has given of the image."""
    keep_aspect = trained.views.keep_aspect
    resized = [resize(image, side, keep_aspect=keep_aspect).numpy() for side in sides]
    expected = trained.describe(resized)[None]

    def require(name: str, found: np.ndarray) -> None:
        what = f"The signature {name} of the SavedModel"
        require_agreement(what, np.atleast_2d(found), expected, is_exact=is_exact)

    require("serving_default", of_image)
    for name, given in (("pixels", tf.constant(image[None])), ("kaggle", tf.constant(image))):
        require(name, *_run(saved_model, name, given))


def _check_photographs(
    found: np.ndarray,
    photographs: Sequence[OddPhotograph],
    trained: _Trained,
    sides: Sequence[int],
    is_exact: bool,
) -> None:
    keep_aspect = trained.views.keep_aspect
    encoded = [tf.constant(photograph.encoded) for photograph in photographs]
    prepared = [
        [one.numpy() for one in load_at_sizes(file, sides, keep_aspect=keep_aspect)]
        for file in encoded
    ]
    for photograph, images in zip(photographs, prepared, strict=True):
        _require_shown(photograph, images, sides, keep_aspect=keep_aspect)
    expected = np.stack([trained.describe(images) for images in prepared])
    for number, photograph in enumerate(photographs):
        what = f"The SavedModel's description of {photograph.name}"
        one = slice(number, number + 1)
        require_agreement(
            what, found[one], expected[one], is_exact=is_exact, least=_LEAST_COSINE_OF_PATCHES
        )


def _require_shown(
    photograph: OddPhotograph,
    images: Sequence[np.ndarray],
    sides: Sequence[int],
    *,
    keep_aspect: bool,
) -> None:
    """Checks what a network sees, for every scale an image, where it is known."""
    if photograph.pixels is None:
        return
    for image, side in zip(images, sides, strict=True):
        known = resize(photograph.pixels, side, keep_aspect=keep_aspect).numpy()
        difference = np.abs(image.astype(int) - known).max()
        if difference > _LEVELS:
            raise ValueError(
                f"A network sees {photograph.name} otherwise than it is, by {difference} levels of "
                f"a pixel; at most {_LEVELS} is expected. Install the "
                "versions that constraints.txt names."
            )


def _mean(rows: np.ndarray, power: float) -> np.ndarray:
    raised = (np.sign(rows) * np.abs(rows) ** power).mean(axis=0)
    return _unit(np.sign(raised) * np.abs(raised) ** (1 / power))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
