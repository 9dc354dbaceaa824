"""Seeded augmentation of landmark photographs, the same eagerly and inside a data set."""

import dataclasses
import functools
from collections.abc import Callable

import tensorflow as tf

from models.preprocessing import load_part, load_photograph
from pipeline.data import distortions
from pipeline.data.random_part import random_part

# From an image, uint8 (size, size, 3), and a seed, int (2,), to an image.
Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
# From the bytes of a photograph, string scalar, and a seed, int64 (2,), to an image.
Load = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How training photographs are changed; at 0 a change is left out.

    Attributes:
        crop: Largest share of the photograph's area that is cut away. Inception's is 0.92,
            which often leaves nothing of a landmark.
        stretch: How much wider than high the part is at most, or higher than wide, as a share:
            a third for 3:4 to 4:3.
        flip: Probability of mirroring left and right.
        brightness: Largest shift, as a share of full white.
        contrast: Largest change of the contrast, as a share of it.
        saturation: Largest change of the saturation, as a share of it.
        hue: Largest turn, as a share of the circle of colours.
        perspective: Largest way of a corner inwards, as a share of the side.
        perspective_probability: How often that is done.
        blur: Largest standard deviation, pixels.
        blur_probability: How often that is done.
        compression: Largest loss of JPEG quality, as a share: 0.7 for qualities from 30.
        compression_probability: How often that is done.
        erasing: Largest share of the area that a rectangle hides.
        erasing_probability: How often that is done.

    Raises:
        ValueError: If a value is out of its range.
    """

    crop: float = 0.5
    stretch: float = 1 / 3
    flip: float = 0.5
    brightness: float = 0.15
    contrast: float = 0.3
    saturation: float = 0.4
    hue: float = 0.02
    perspective: float = 0.12
    perspective_probability: float = 0.2
    blur: float = 1.5
    blur_probability: float = 0.1
    compression: float = 0.7
    compression_probability: float = 0.1
    erasing: float = 0.2
    erasing_probability: float = 0.2

    def __post_init__(self) -> None:
        largest = {"crop": 0.99, "perspective": 0.49, "erasing": 0.99, "blur": 10.0}
        for name, value in dataclasses.asdict(self).items():
            limit = largest.get(name, 1.0)
            if not 0.0 <= value <= limit:
                raise ValueError(f"{name} has to be between 0 and {limit:g}. Received: {value:g}.")


LIGHT = Augmentation(
    crop=0.36,
    contrast=0.35,
    saturation=0.45,
    hue=0.0,
    perspective=0.0,
    blur=0.0,
    compression=0.0,
    erasing=0.0,
)
# By what --augmentation calls them. The full one costs a quarter of what decoding does.
AUGMENTATIONS = {"none": None, "light": LIGHT, "full": Augmentation()}


@functools.lru_cache(maxsize=8)
def augmented_loading(size: int, settings: Augmentation) -> Load:
    """``augmented_photograph``, traced once however many data sets load with it.

    To trace it takes as long as to load hundreds of photographs.

    Args:
        size: Side of the images, pixels.
        settings: What to change, and how much.
    """

    def load(encoded: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return augmented_photograph(encoded, size, seed, settings)

    signature = [tf.TensorSpec([], tf.string), tf.TensorSpec([2], tf.int64)]
    return tf.function(load, input_signature=signature, autograph=False)


def augmented_photograph(
    encoded: tf.Tensor, size: int, seed: tf.Tensor, settings: Augmentation
) -> tf.Tensor:
    """Decodes a random part of a photograph and changes it.

    Args:
        encoded: string scalar, as for ``models.preprocessing.decode_photograph``.
        size: Side of the result, pixels.
        seed: int ``(2,)``; the same seed always gives the same result.
        settings: What to change, and how much.

    Returns:
        uint8 ``(size, size, 3)``, RGB.

    Raises:
        tf.errors.InvalidArgumentError: If TensorFlow cannot decode the bytes.
    """
    seed = tf.cast(seed, tf.int64)  # int32 would be split into others
    part_seed, change_seed = tf.unstack(tf.random.experimental.stateless_split(seed, 2))

    def choose(sides: tf.Tensor) -> tf.Tensor:
        area = (1.0 - settings.crop, 1.0)
        return random_part(sides, part_seed, area=area, stretch=1.0 + settings.stretch)

    cropped = load_part(encoded, size, choose) if settings.crop else load_photograph(encoded, size)
    return change_photograph(cropped, change_seed, settings)


def change_photograph(image: tf.Tensor, seed: tf.Tensor, settings: Augmentation) -> tf.Tensor:
    """Does all that follows cropping, from the building to the camera to the web site.

    Args:
        image: uint8 ``(size, size, 3)``.
        seed: int ``(2,)``; the same seed always gives the same result.
        settings: What to change, and how much.

    Returns:
        uint8 ``(size, size, 3)``.
    """
    changes = _changes(settings)
    seeds = tf.random.experimental.stateless_split(seed, len(changes) + 1)
    chances = tf.random.stateless_uniform((len(changes),), seeds[-1])
    for number, (probability, change) in enumerate(changes):
        if probability > 0.0:
            changed = functools.partial(change, image, seeds[number])
            same = functools.partial(tf.identity, image)
            image = tf.cond(chances[number] < probability, changed, same)
            image = tf.ensure_shape(image, changed.args[0].shape)
    return image


def _changes(settings: Augmentation) -> list[tuple[float, Change]]:
    """How often each change is made, in their order; never where its strength is 0."""
    partial = functools.partial
    light = {
        name: getattr(settings, name) for name in ("brightness", "contrast", "saturation", "hue")
    }
    hide = partial(distortions.erase, largest=settings.erasing)
    turn = partial(distortions.change_perspective, largest=settings.perspective)
    blur = partial(distortions.blur, largest=settings.blur)
    compress = partial(distortions.compress, largest=settings.compression)
    return [
        (settings.flip, lambda image, _: tf.reverse(image, [1])),
        (settings.perspective_probability if settings.perspective else 0.0, turn),
        (settings.erasing_probability if settings.erasing else 0.0, hide),
        (settings.blur_probability if settings.blur else 0.0, blur),
        (1.0 if any(light.values()) else 0.0, partial(distortions.shift_colours, **light)),
        (settings.compression_probability if settings.compression else 0.0, compress),
    ]
