"""Local features in few bytes: 10 and one a dimension, instead of 16 and four.

A location is a fraction of the photograph's sides in 16 bits: exact to 1/64 pixel where a side has
1,024, to a tenth where it has 6,500. Centres may lie outside, by half a side at most. A
descriptor has unit length, so that its direction is all there is to keep: each number is divided
by the largest of its descriptor and kept in 8 bits.

Measured on 29,061 matches of 400 pairs of photographs with 1,000 RootSIFT features each, .988 are
found again so, and 1.2 % others; .937 in 8 bits on one scale, .903 in 4, .998 as float16.
"""

import numpy as np

from models.local.features import Features

_STEPS = 65_535  # of a location, from half a side before the photograph to half a side behind it
_SPAN = 2  # in sides
_LARGEST = 127


def stored_type(dimension: int) -> np.dtype:
    """Of the elements that ``encode`` gives."""
    return np.dtype(
        [
            ("location", "<u2", (2,)),
            ("size", "<f2"),
            ("score", "<f4"),
            ("descriptor", "i1", (dimension,)),
        ]
    )


def encode(features: Features, sides: tuple[int, int]) -> np.ndarray:
    """What is stored of the features of a photograph.

    Args:
        features: Of a photograph.
        sides: Its height and width.

    Returns:
        ``(n,)`` of ``stored_type``.
    """
    stored = np.zeros(len(features), stored_type(features.descriptors.shape[1]))
    fractions = ((features.locations + 0.5) / np.array(sides) + 0.5) / _SPAN
    stored["location"] = np.rint(np.clip(fractions, 0, 1) * _STEPS)
    stored["size"] = features.sizes
    stored["score"] = features.scores
    largest = np.maximum(np.abs(features.descriptors).max(axis=1, keepdims=True), 1e-12)
    stored["descriptor"] = np.rint(features.descriptors / largest * _LARGEST)
    return stored


def decode(stored: np.ndarray, sides: tuple[int, int]) -> Features:
    """Features from what ``encode`` gave."""
    descriptors = stored["descriptor"].astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", descriptors, descriptors))
    descriptors /= np.maximum(lengths, 1e-12)[:, None]
    fractions = stored["location"].astype(np.float32) / _STEPS * _SPAN - np.float32(0.5)
    return Features(
        locations=fractions * np.array(sides, np.float32) - np.float32(0.5),
        sizes=stored["size"].astype(np.float32),
        scores=np.array(stored["score"]),
        descriptors=descriptors,
    )
