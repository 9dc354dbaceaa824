"""RootSIFT: SIFT features whose Euclidean distance is Hellinger's of their histograms."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from models.local.features import Features

DIMENSION = 128
_MOST_ENLARGED = 2.0  # times; more shows no more


def root_sift(
    image: np.ndarray, most: int, contrast: float = 0.04, *, upright: bool = False
) -> Features:
    """Finds SIFT features, those of the highest contrast first.

    Lowe, 2004, https://doi.org/10.1023/B:VISI.0000029664.99615.94; each descriptor is divided by
    its sum, and its square root taken: Arandjelović and Zisserman, 2012,
    https://doi.org/10.1109/CVPR.2012.6248018. OpenCV gives a second feature where a place has
    two directions, unless features are upright.

    Args:
        image: uint8 ``(height, width, 3)``, RGB.
        most: How many at most.
        contrast: That a place needs at least, about 0 to .1; less finds more.
        upright: Whether the vertical is taken to be that of the photograph, as it is of
            buildings: descriptors then tell a lintel from a jamb.
    """
    gray = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    detector = cv2.SIFT.create(nfeatures=0 if upright else most, contrastThreshold=contrast)
    found = detector.detect(gray)
    if upright:
        found = _turned_upright(found)
    found = sorted(found, key=lambda one: -one.response)[:most]
    if not found:
        return Features.none(DIMENSION)
    found, histograms = detector.compute(gray, found)
    sums = np.maximum(histograms.sum(axis=1, keepdims=True), 1e-12)
    return Features(
        locations=np.array([one.pt[::-1] for one in found], np.float32),
        sizes=np.array([one.size for one in found], np.float32),
        scores=np.array([one.response for one in found], np.float32),
        descriptors=np.sqrt(histograms / sums).astype(np.float32),
    )


def enlarged(image: np.ndarray, longest: int) -> np.ndarray:
    """A small image resized so that its longer side is ``longest`` pixels, or twice as long."""
    height, width = image.shape[:2]
    factor = min(longest / max(height, width), _MOST_ENLARGED)
    if factor <= 1:
        return image
    sides = round(width * factor), round(height * factor)
    return cv2.resize(image, sides, interpolation=cv2.INTER_CUBIC)


def _turned_upright(found: Sequence[Any]) -> list[Any]:
    """One feature of each place and size, of the direction 0."""
    places: dict[Any, Any] = {}
    for one in found:
        one.angle = 0.0
        places.setdefault((one.pt, one.octave), one)
    return list(places.values())
