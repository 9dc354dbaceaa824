"""Photographs as a browser is sent them: reduced, without anything but pixels."""

import cv2
import numpy as np

WIDTHS = (160, 320, 640, 1280, 2560)  # a wish is rounded up to one, so that few are made
_QUALITY = 88


def as_jpeg(image: np.ndarray, width: int | None) -> bytes:
    """A JPEG of pixels alone, no wider than the least of ``WIDTHS`` that holds a width.

    Args:
        image: uint8 ``(height, width, 3)`` RGB.
        width: Which is wanted; None for the largest.
    """
    wanted = next((one for one in WIDTHS if width is not None and one >= width), WIDTHS[-1])
    # A tall photograph counts by its height: 8 x 30,000 is not to be sent whole.
    factor = min(1.0, wanted / image.shape[1], 2 * wanted / image.shape[0])
    if factor < 1:
        sides = [max(1, round(side * factor)) for side in image.shape[1::-1]]
        image = cv2.resize(image, sides, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return encoded.tobytes()
