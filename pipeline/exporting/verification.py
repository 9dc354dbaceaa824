"""Checks a SavedModel, read back, against what its network gives by another computation."""

import dataclasses
import functools
import gc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from models.preprocessing import load_at_sizes, resize
from models.regions import NetworkParts, split
from models.serving import Views
from pipeline.data.synthetic_city import CitySettings, render_photograph
from pipeline.exporting.agreement import LEAST_COSINE, require_agreement
from pipeline.exporting.odd_photographs import OddPhotograph, odd_photographs

# Of plain patches of colour 16 bits leave less than of what photographs show.
_LEAST_COSINE_OF_PATCHES = 0.99
# Means round otherwise, now and then, in a photograph turned before it is resized, not after.
_LEVELS = 1
# All of a photograph, and parts: within it, at an edge, smaller than a place of its feature map.
# Shares are such that no centre lies on an edge, where rounding would decide.
_BOXES = (
    (0, 0, 1, 1),
    (0.207, 0.311, 0.893, 0.719),
    (0, 0.607, 0.503, 1),
    (0.711, 0.311, 0.723, 0.319),
)

Signatures = Mapping[str, Callable[..., Mapping[str, tf.Tensor]]]


def require_same_descriptions(
    saved_model: Path,
    network: keras.Model,
    size: int,
    views: Views,
    whitening: tuple[np.ndarray, np.ndarray] | None,
    *,
    is_exact: bool,
) -> None:
    """Compares with NumPy: all signatures on a building, parts of it, and odd photographs.

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
    photographs = odd_photographs(2 * sides[-1] + 37)
    files = tf.constant([photograph.encoded for photograph in photographs])
    image, resized = _building(trained, sides)
    expected = trained.describe(resized)
    encoded = tf.io.encode_png(image)[None]
    signatures = tf.saved_model.load(str(saved_model)).signatures
    _check_signatures(signatures, encoded, image, expected, is_exact)
    _check_regions(signatures, trained, encoded, resized, is_exact)
    of_photographs = _run(signatures, "serving_default", image_bytes=files)
    _check_photographs(of_photographs, photographs, trained, sides, is_exact)
    del signatures
    gc.collect()  # graphs refer to themselves, and hold the weights


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
        return self._whole([self.network(one[None], training=False) for one in seen])

    def describe_parts(
        self, images: Sequence[np.ndarray], boxes: Sequence[Sequence[float]]
    ) -> list[np.ndarray]:
        """The same of what lies in each box: left, top, right and bottom, 0 to 1."""
        upright = [(self._features(one), one.shape) for one in images]
        mirrored = []
        if self.views.flip:
            mirrored = [(self._features(one[:, ::-1]), one.shape) for one in images]
        described = []
        for left, top, right, bottom in boxes:
            rows = [self._part(*one, (left, top, right, bottom)) for one in upright]
            rows += [self._part(*one, (1 - right, top, 1 - left, bottom)) for one in mirrored]
            described.append(self._whole(rows))
        return described

    @functools.cached_property
    def _parts(self) -> NetworkParts:
        return split(self.network)

    def _features(self, image: np.ndarray) -> np.ndarray:
        return np.asarray(self._parts.features(tf.constant(image[None])))

    def _part(
        self, features: np.ndarray, sides: tuple[int, ...], box: Sequence[float]
    ) -> tf.Tensor:
        rows = self._places(features.shape[1], sides[0], box[1], box[3])
        columns = self._places(features.shape[2], sides[1], box[0], box[2])
        return self._parts.head(tf.constant(features[:, rows][:, :, columns]))

    def _places(self, count: int, side: int, begin: float, end: float) -> list[int]:
        """Those whose centre is between two shares of a side, else the nearest to their middle."""
        seen = self._parts.seen
        centres = [min(max(seen.centre + seen.stride * n, 0), side - 1) + 0.5 for n in range(count)]
        inside = [n for n, centre in enumerate(centres) if begin * side <= centre < end * side]
        middle = (begin + end) * side / 2
        return inside or [min(range(count), key=lambda n: abs(centres[n] - middle))]

    def _whole(self, rows: Sequence[tf.Tensor]) -> np.ndarray:
        """One description of those of all that was seen, ``(1, dim)`` each."""
        described = _mean(np.concatenate(rows).astype(np.float64), self.views.power)
        if self.whitening is not None:
            projection, mean = self.whitening
            described = _unit((described - mean) @ projection)
        return described


def _run(signatures: Signatures, name: str, **given: tf.Tensor) -> np.ndarray:
    """What a signature of a SavedModel describes, float32 ``(n, dim)``, or ``(dim,)`` of one."""
    return signatures[name](**given)["global_descriptor"].numpy()


def _check_signatures(
    signatures: Signatures,
    encoded: tf.Tensor,
    image: np.ndarray,
    expected: np.ndarray,
    is_exact: bool,
) -> None:
    """``encoded`` is the image's file."""
    for name, given in (
        ("serving_default", {"image_bytes": encoded}),
        ("pixels", {"images": tf.constant(image[None])}),
        ("kaggle", {"input_image": tf.constant(image)}),
    ):
        found = np.atleast_2d(_run(signatures, name, **given))
        what = f"The signature {name} of the SavedModel"
        require_agreement(what, found, expected[None], is_exact=is_exact)


def _check_regions(
    signatures: Signatures,
    trained: _Trained,
    encoded: tf.Tensor,
    resized: Sequence[np.ndarray],
    is_exact: bool,
) -> None:
    """On the same image, higher than wide: all of it is described as ``serving_default`` does."""
    expected = [trained.describe(resized), *trained.describe_parts(resized, _BOXES[1:])]
    boxes = tf.constant(_BOXES, tf.float32)
    files = tf.repeat(encoded, len(_BOXES))
    found = _run(signatures, "region", image_bytes=files, box=boxes)
    for number, box in enumerate(_BOXES):
        what = f"The signature region of the SavedModel, of the box {box},"
        least = LEAST_COSINE if number == 0 else _LEAST_COSINE_OF_PATCHES
        one = slice(number, number + 1)
        require_agreement(what, found[one], expected[number][None], is_exact=is_exact, least=least)


def _building(trained: _Trained, sides: Sequence[int]) -> tuple[np.ndarray, list[np.ndarray]]:
    """An image higher than wide, and what the network sees of it at every scale."""
    city = CitySettings(landmarks=1, photographs_per_landmark=1, size=sides[-1] + 37)
    image = render_photograph(city, 0, 0)[:, : sides[-1] // 2]
    keep_aspect = trained.views.keep_aspect
    return image, [resize(image, side, keep_aspect=keep_aspect).numpy() for side in sides]


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
