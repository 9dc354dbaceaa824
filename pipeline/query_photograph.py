"""The query photograph, and the part of it that shows the landmark."""

from pathlib import Path

import numpy as np

from pipeline.data.transcoding import decode_any_photograph

Box = tuple[int, int, int, int]  # x1, y1, x2, y2 in upright pixels, the last two exclusive


def crop(image: np.ndarray, box: Box | None) -> np.ndarray:
    """Cuts a box out of an image, as far as it lies within.

    Raises:
        ValueError: If nothing of the image lies in the box.
    """
    if box is None:
        return image
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    part = image[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
    if not part.size:
        raise ValueError(
            f"--box=x1,y1,x2,y2 has to hold a part of the photograph, which is {width} wide and "
            f"{height} high. Received: {box}."
        )
    return part


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
