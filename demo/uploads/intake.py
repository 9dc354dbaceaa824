"""From the bytes that a user sent to pixels, or a refusal that says what to do."""

import dataclasses
import io

import numpy as np
from PIL import Image

from demo.refusals import Refused, TooLarge
from pipeline.data.pillow import DAMAGE, silence_pillow
from pipeline.data.transcoding import decode_any_photograph

_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")
_LEAST_SIDE = 8  # pixels
_MOST_SIDE = 30_000
_SCAN = b"\xff\xda"  # begins each scan of a JPEG
_MOST_SCANS = 100  # a progressive one has about ten; each costs as much as decoding the whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What of an upload is taken: bytes of the file, pixels of the photograph."""

    bytes: int = 25_000_000
    pixels: int = 50_000_000


def decode(data: bytes, limits: Limits) -> np.ndarray:
    """Decodes a photograph that somebody sent.

    Its size is read before it is decoded, so that a small file cannot ask for much memory.

    Args:
        data: The bytes of a JPEG, PNG, BMP, GIF or WebP.
        limits: What is taken.

    Returns:
        uint8 ``(height, width, 3)`` RGB, upright.

    Raises:
        Refused: If it is none of these, is damaged, too large or too small.
    """
    pixels_of(data, limits)
    try:
        return decode_any_photograph(data)
    except ValueError as error:
        raise Refused("The photograph is damaged. Choose another one, or save it anew.") from error


def pixels_of(data: bytes, limits: Limits) -> int:
    """How many pixels a photograph has that somebody sent, which is not decoded.

    Raises:
        Refused: As ``decode`` does, but for what is damaged.
    """
    if not data:
        raise Refused("The file is empty. Choose another photograph.")
    if len(data) > limits.bytes:
        raise TooLarge(
            f"The file has {len(data) / 1e6:.1f} MB, and at most {limits.bytes / 1e6:g} MB are "
            "taken. Make the photograph smaller."
        )
    width, height = _size(data)
    if width * height > limits.pixels or max(width, height) > _MOST_SIDE:
        raise TooLarge(
            f"The photograph is {width} x {height}, and at most {limits.pixels / 1e6:g} million "
            f"pixels, or {_MOST_SIDE:,} on a side, are taken. Make it smaller."
        )
    if min(width, height) < _LEAST_SIDE:
        raise Refused(f"The photograph is {width} x {height}, too small to show a landmark.")
    return width * height


def _size(data: bytes) -> tuple[int, int]:
    """Width and height, of the header alone."""
    silence_pillow()
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.format == "JPEG" and data.count(_SCAN) > _MOST_SCANS:
                raise Refused("The photograph would take too long to decode. Save it anew.")
            return image.size
    except Image.DecompressionBombError as error:
        raise TooLarge("The photograph has far too many pixels. Make it smaller.") from error
    except Refused:
        raise
    except DAMAGE as error:
        raise Refused(
            "The file is no photograph that can be read. Choose a JPEG, PNG, BMP, GIF or WebP."
        ) from error
