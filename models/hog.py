"""HOG: a photograph by the directions of its edges."""

import cv2
import numpy as np
from skimage.feature import hog

HEIGHT, WIDTH = 128, 64  # pixels
_ORIENTATIONS = 9
_CELL = 8  # pixels
_BLOCK = 2  # cells
DIMENSION = (HEIGHT // _CELL - 1) * (WIDTH // _CELL - 1) * _BLOCK**2 * _ORIENTATIONS


def describe(image: np.ndarray) -> np.ndarray | None:
    """Histograms of oriented gradients of a whole photograph.

    Dalal and Triggs, 2005, https://doi.org/10.1109/CVPR.2005.177, at the size, and with the cells
    and blocks, that they chose: 128 x 64 pixels, the aspect ratio not kept. Of each pixel the
    colour with the largest gradient counts: mAP on landmarks of India is .105, of grey .100.

    Args:
        image: uint8 ``(height, width, 3)``, RGB.

    Returns:
        float32 ``(3780,)``, at least 0, of unit length; None where the image has no edges.
    """
    shrinks = image.shape[0] >= HEIGHT and image.shape[1] >= WIDTH
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    small = cv2.resize(np.ascontiguousarray(image), (WIDTH, HEIGHT), interpolation=method)
    histograms = hog(
        small,
        orientations=_ORIENTATIONS,
        pixels_per_cell=(_CELL, _CELL),
        cells_per_block=(_BLOCK, _BLOCK),
        channel_axis=-1,
    ).astype(np.float32)
    length = np.linalg.norm(histograms)
    return histograms / length if length > 0 else None
