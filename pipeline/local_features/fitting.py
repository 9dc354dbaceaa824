"""Photographs as large as extractors look at them."""

import cv2
import numpy as np


def fitted(image: np.ndarray, longest: int) -> tuple[np.ndarray, tuple[float, float]]:
    """An image reduced so that its longer side is at most ``longest`` pixels.

    Returns:
        The image, and by how much the original is larger, down and across.
    """
    height, width = image.shape[:2]
    factor = longest / max(height, width)
    if factor >= 1:
        return image, (1.0, 1.0)
    sides = max(1, round(width * factor)), max(1, round(height * factor))
    reduced = cv2.resize(image, sides, interpolation=cv2.INTER_AREA)
    return reduced, (height / sides[1], width / sides[0])
