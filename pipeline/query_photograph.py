"""The query photograph, and the part of it that shows the landmark."""

from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.data.transcoding import decode_any_photograph

Box = tuple[int, int, int, int]  # x1, y1, x2, y2 in upright pixels, the last two exclusive
# What a box is cut out of, to be described; auto is the feature map, of a model that has one: with
# MobileNetV2, 161 photographs of Indian landmarks and boxes of 40 to 80 % of their sides, mAP is
# .401 so, .292 of the cropped photographs (docs/reordering.md).
BoxSource = Literal["auto", "photograph", "feature_map"]


def crop(image: np.ndarray, box: Box | None) -> np.ndarray:
    """Cuts a box out of an image, as far as it lies within.

    Raises:
        ValueError: If nothing of the image lies in the box.
    """
    if box is None:
        return image
    x1, y1, x2, y2 = _within(image, box)
    return image[y1:y2, x1:x2]


def shares(image: np.ndarray, box: Box) -> np.ndarray:
    """A box, as far as it lies within an image, as shares of the image's width and height.

    Returns:
        float32 ``(4,)``: left, top, right and bottom, 0 to 1.

    Raises:
        ValueError: If nothing of the image lies in the box.
    """
    height, width = image.shape[:2]
    return (np.array(_within(image, box)) / (width, height, width, height)).astype(np.float32)


def _within(image: np.ndarray, box: Box) -> Box:
    height, width = image.shape[:2]
    x1, x2 = (min(max(x, 0), width) for x in box[::2])
    y1, y2 = (min(max(y, 0), height) for y in box[1::2])
    if x1 >= x2 or y1 >= y2:
        raise ValueError(
            f"--box=x1,y1,x2,y2 has to hold a part of the photograph, which is {width} wide and "
            f"{height} high. Received: {box}."
        )
    return x1, y1, x2, y2


def read_photograph(path: Path) -> np.ndarray:
    """Decodes a photograph's file, uint8 ``(height, width, 3)`` RGB, upright.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or no photograph.
    """
    if not path.is_file():
        raise FileNotFoundError(f"--photo={path}: no such file.")
    try:
        return decode_any_photograph(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"--photo={path}: {error}.") from error
