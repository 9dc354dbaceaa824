"""The description of a photograph that shows nothing."""

import functools

import numpy as np


@functools.cache
def direction_of_nothing(dimension: int) -> np.ndarray:
    """A unit vector that no photograph is like.

    Indexes compare directions, and a blank wall has none; it is given one that is far from all:
    signs drawn once, whose cosine with a description has a standard deviation of
    ``dimension ** -.5``, .016 with HOG. Two blank walls are alike.

    Args:
        dimension: Of the descriptions.

    Returns:
        float32 ``(dimension,)``, not to be written to.
    """
    signs = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), dimension)
    vector = signs / np.float32(dimension) ** np.float32(0.5)
    vector.flags.writeable = False
    return vector
