"""RootSIFT: SIFT features whose Euclidean distance is Hellinger's of their histograms."""

import cv2
import numpy as np

from models.local.features import Features

DIMENSION = 128


def root_sift(image: np.ndarray, most: int, contrast: float = 0.04) -> Features:
    """Finds SIFT features, those of the highest contrast first.

    Lowe, 2004, https://doi.org/10.1023/B:VISI.0000029664.99615.94; each descriptor is divided by
    its sum, and its square root taken: Arandjelović and Zisserman, 2012,
    https://doi.org/10.1109/CVPR.2012.6248018. OpenCV gives a second feature where a place has
    two directions.

    Args:
        image: uint8 ``(height, width, 3)``, RGB.
        most: How many at most.
        contrast: That a place needs at least, about 0 to .1; less finds more.
    """
    gray = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    found, histograms = cv2.SIFT.create(
        nfeatures=most, contrastThreshold=contrast
    ).detectAndCompute(gray, None)
    if not found:
        return Features.none(DIMENSION)
    scores = np.array([one.response for one in found], np.float32)
    best = np.argsort(-scores, kind="stable")[:most]
    sums = np.maximum(histograms.sum(axis=1, keepdims=True), 1e-12)
    return Features(
        locations=np.array([one.pt[::-1] for one in found], np.float32)[best],
        sizes=np.array([one.size for one in found], np.float32)[best],
        scores=scores[best],
        descriptors=np.sqrt(histograms / sums).astype(np.float32)[best],
    )
