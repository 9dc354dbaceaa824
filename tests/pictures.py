"""Pictures that have corners, made in a moment."""

import numpy as np


def picture(seed: int = 0, side: int = 160) -> np.ndarray:
    """Rectangles of all sizes, uint8 ``(side, side, 3)``."""
    generator = np.random.default_rng(seed)
    image = np.full((side, side, 3), 128, np.uint8)
    for _ in range(40 * side // 160):
        y, x = generator.integers(0, side, 2)
        height, width = generator.integers(4, side // 3, 2)
        image[y : y + height, x : x + width] = generator.integers(0, 255, 3)
    return image
