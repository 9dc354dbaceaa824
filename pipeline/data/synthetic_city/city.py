"""A city of landmarks and streets, photograph by photograph."""

import dataclasses
import functools
from collections.abc import Collection, Iterator

import cv2
import numpy as np

from pipeline.data.synthetic_city.buildings import SIBLINGS, STYLES, build, draw_family
from pipeline.data.synthetic_city.photograph import take_photograph
from pipeline.data.synthetic_city.street import Site, settle
from pipeline.data.synthetic_city.workshop import Family

_PIXELS_PER_METRE = 12.0
_CACHED_LANDMARKS = 24  # about 3 MB each
_JPEG_QUALITY = 90
_NO_LANDMARK = -1
# First part of every seed: what the random numbers are for.
_FAMILY, _BUILDING, _PHOTOGRAPH, _STREET_BUILDING, _STREET = 10, 11, 12, 13, 14
_NAMES = (
    "Oriel", "Maren", "Halden", "Vesper", "Linden", "Corvin", "Amberley", "Thornby", "Isolde",
    "Quillon", "Farrow", "Brandt", "Elswick", "Novara", "Peregrin", "Sable", "Tamsin", "Ursel",
    "Wexcombe", "Yarrow", "Zephyr", "Aldous", "Bellamy", "Cressida", "Dorian", "Everard",
    "Fenwick", "Galahad", "Hesper", "Ingram", "Jocelyn", "Kestrel", "Lorimer", "Mirabel",
    "Nerissa", "Octavia", "Percival", "Rosalind", "Selwyn", "Theodora",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class CitySettings:
    """How large a city is, and which.

    Attributes:
        landmarks: Buildings that are photographed several times.
        photographs_per_landmark: How often each.
        distractors: Photographs of streets, each of a building that is in no other.
        size: Side of the square photographs, pixels.
        seed: Chooses the city; cities of different seeds share no building.
    """

    landmarks: int = 40
    photographs_per_landmark: int = 16
    distractors: int = 0
    size: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks ranges."""
        least = {"landmarks": 0, "photographs_per_landmark": 1, "distractors": 0, "size": 16}
        for name, lowest in {**least, "seed": 0}.items():
            if getattr(self, name) < lowest:
                raise ValueError(
                    f"A city's {name} is at least {lowest}. Received: {getattr(self, name)}."
                )


@dataclasses.dataclass(frozen=True, kw_only=True)
class CityPhotograph:
    """A photograph's name, its landmark's name ("" for a street), and its JPEG bytes."""

    name: str
    landmark: str
    encoded: bytes


def landmark_name(settings: CitySettings, landmark: int) -> str:
    """What a landmark is called; no two of a city share a name."""
    style = STYLES[_family(settings.seed, landmark // SIBLINGS).style]
    pattern = style.names[landmark % len(style.names)]
    order = np.random.default_rng((_FAMILY, settings.seed)).permutation(len(_NAMES))
    name = _NAMES[order[landmark % len(_NAMES)]]
    again = landmark // len(_NAMES)
    return pattern.format(name) + (f" {again + 1}" if again else "")


def render_city(
    settings: CitySettings,
    landmarks: Collection[int] | None = None,
    *,
    streets: bool = True,
) -> Iterator[CityPhotograph]:
    """Photographs the landmarks one after the other, then the streets.

    A photograph depends on the seed, its landmark's number and its own only, so a part of a
    city is the same as in the whole.

    Args:
        settings: The city.
        landmarks: Numbers of the landmarks to photograph; None for all of them.
        streets: Whether to photograph the streets too.
    """
    for landmark in range(settings.landmarks) if landmarks is None else sorted(landmarks):
        for photograph in range(settings.photographs_per_landmark):
            yield city_photograph(settings, landmark, photograph)
    if streets:
        for photograph in range(settings.distractors):
            yield city_photograph(settings, _NO_LANDMARK, photograph)


def city_photograph(settings: CitySettings, landmark: int, photograph: int) -> CityPhotograph:
    """Takes one photograph of a landmark, or of a street where ``landmark`` is -1."""
    image = render_photograph(settings, landmark, photograph)
    _, jpeg = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    encoded = jpeg.tobytes()
    if landmark == _NO_LANDMARK:
        return CityPhotograph(name=f"street-{photograph:04}", landmark="", encoded=encoded)
    return CityPhotograph(
        name=f"landmark-{landmark:04}-{photograph:04}",
        landmark=landmark_name(settings, landmark),
        encoded=encoded,
    )


def render_photograph(settings: CitySettings, landmark: int, photograph: int) -> np.ndarray:
    """Takes one photograph of a landmark, or of a street where ``landmark`` is -1.

    Returns:
        uint8 ``(size, size, 3)`` RGB.
    """
    seed = settings.seed
    if landmark == _NO_LANDMARK:
        site = _street(seed, photograph)
        keys: tuple[int, ...] = (_STREET, seed, photograph)
    else:
        site = _landmark(seed, landmark)
        keys = (_PHOTOGRAPH, seed, landmark, photograph)
    return take_photograph(site, settings.size, seed, np.random.default_rng(keys))


@functools.lru_cache(maxsize=4096)
def _family(seed: int, family: int) -> Family:
    """Style and palette of landmarks that resemble each other; the styles take turns."""
    rng = np.random.default_rng((_FAMILY, seed, family))
    styles = np.random.default_rng((_FAMILY, seed)).permutation(list(STYLES))
    return draw_family(str(styles[family % len(styles)]), rng)


@functools.lru_cache(maxsize=_CACHED_LANDMARKS)
def _landmark(seed: int, landmark: int) -> Site:
    rng = np.random.default_rng((_BUILDING, seed, landmark))
    family = _family(seed, landmark // SIBLINGS)
    return settle(build(family, _PIXELS_PER_METRE, rng), seed, rng)


def _street(seed: int, street: int) -> Site:
    rng = np.random.default_rng((_STREET_BUILDING, seed, street))
    family = draw_family(str(rng.choice(list(STYLES))), rng)
    return settle(build(family, _PIXELS_PER_METRE, rng), seed, rng)
