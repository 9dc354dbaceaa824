"""Seeded augmentation of landmark photographs, the same eagerly and inside a data set."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from models.preprocessing import load_part, load_photograph, resize
from pipeline.data import distortions
from pipeline.data.random_part import random_part


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How strongly training photographs are changed; 0 leaves out a change.

    Attributes:
        crop: Largest share of the photograph's area that is cut away, below 1; Inception's is
            0.92, which often leaves nothing of a landmark.
        crop_stretch: The part is at most this much wider than high, or higher than wide, as a
            share: a third for 3:4 to 4:3.
        flip: Probability of mirroring left and right.
        brightness: Largest shift, as a share of full white.
        contrast: Largest change, as a share of the contrast; likewise ``saturation``.
        saturation: See ``contrast``.
        hue: Largest turn, as a share of the colour circle.
        blur: Largest standard deviation, pixels.
        blur_probability: How often; likewise for the next three.
        perspective: Largest way of a corner inwards, as a share of the side, below 0.5.
        perspective_probability: See ``blur_probability``.
        compression: Largest loss of JPEG quality, as a share; 0.7 for a quality of 30 to 100.
        compression_probability: See ``blur_probability``.
        erasing: Largest share of the area under the rectangle that is painted over.
        erasing_probability: See ``blur_probability``.

    Raises:
        ValueError: If a value lies outside 0 to 1, or makes nothing of the photograph.
    """

    crop: float = 0.5
    crop_stretch: float = 1 / 3
    flip: float = 0.5
    brightness: float = 0.15
    contrast: float = 0.3
    saturation: float = 0.4
    hue: float = 0.02
    blur: float = 1.5
    blur_probability: float = 0.1
    perspective: float = 0.12
    perspective_probability: float = 0.2
    compression: float = 0.7
    compression_probability: float = 0.1
    erasing: float = 0.2
    erasing_probability: float = 0.2

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            largest = {"crop": 0.99, "perspective": 0.49, "blur": 3.0}.get(field.name, 1.0)
            if not 0.0 <= value <= largest:
                raise ValueError(
                    f"{field.name} is between 0 and {largest:g}. Received: {value:g}."
                )


def augmented_photograph(
    encoded: tf.Tensor, size: int, seed: tf.Tensor, settings: Augmentation
) -> tf.Tensor:
    """Decodes a random part of a photograph and changes it as another visit would.

    Args:
        encoded: string scalar, as for ``models.preprocessing.decode_photograph``.
        size: Side of the result, pixels.
        seed: int ``(2,)``; the same seed always gives the same result.
        settings: What to change, and how much.

    Returns:
        uint8 ``(size, size, 3)``, RGB, upright.

    Raises:
        tf.errors.InvalidArgumentError: If TensorFlow cannot decode the bytes.
    """
    crop_seed, change_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    if settings.crop:
        area, stretch = 1.0 - settings.crop, 1.0 + settings.crop_stretch
        image = load_part(
            encoded, size, lambda sides: random_part(sides, crop_seed, (area, 1.0), stretch)
        )
    else:
        image = load_photograph(encoded, size)
    return change(image, change_seed, settings)


def change(image: tf.Tensor, seed: tf.Tensor, settings: Augmentation) -> tf.Tensor:
    """Does all but the cropping, in the order in which a camera and a web site would.

    Args:
        image: uint8 ``(size, size, 3)``.
        seed: int ``(2,)``.
        settings: What to change, and how much.

    Returns:
        uint8 ``(size, size, 3)``.
    """
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 6))
    chances = tf.unstack(tf.random.stateless_uniform((5,), seeds[0]))

    def sometimes(
        image: tf.Tensor, chance: tf.Tensor, probability: float, change: Callable[[], tf.Tensor]
    ) -> tf.Tensor:
        return tf.cond(chance < probability, change, lambda: tf.identity(image))

    if settings.flip:
        flipped = tf.reverse
        image = sometimes(image, chances[0], settings.flip, lambda: flipped(image, [1]))
    return image
