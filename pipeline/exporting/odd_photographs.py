"""Photographs that programs are apt to read each in its own way, made alike every time."""

import dataclasses
import io

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

_ORIENTATION_TAG = 0x0112


@dataclasses.dataclass(frozen=True, kw_only=True)
class OddPhotograph:
    """One such photograph.

    Attributes:
        name: What is odd about it.
        encoded: The bytes of its file.
        pixels: What it shows, upright, uint8 ``(height, width, 3)``, from before it was encoded or
            from Pillow's decoder; None where a network sees it decoded at a reduced scale.
    """

    name: str
    encoded: bytes
    pixels: np.ndarray | None


def odd_photographs(large_side: int) -> tuple[OddPhotograph, ...]:
    """Makes them.

    Args:
        large_side: Shorter side of the JPEG that is to be reduced, pixels; that of the others is
            below 64.
    """
    large = _jpeg("a large JPEG", _colours(large_side, large_side * 4 // 3 + 1))
    return (
        _png("a PNG of odd sides", _colours(61, 45)),
        _png("a PNG one pixel wide", _colours(57, 1)),
        _png("a PNG of one pixel", _colours(1, 1)),
        _png("a PNG with alpha", _colours(45, 70), alpha=True),
        _deep_png("a PNG of 16 bits", _colours(33, 50)),
        _jpeg("a JPEG of odd sides", _colours(43, 71)),
        _jpeg("a JPEG one pixel high", _colours(1, 40)),
        _jpeg("a grey JPEG", _colours(50, 39), mode="L"),
        *(
            _jpeg(f"a JPEG of orientation {orientation}", _colours(40, 59), orientation=orientation)
            for orientation in (3, 6, 8)
        ),
        dataclasses.replace(large, pixels=None),
    )


def _colours(height: int, width: int) -> np.ndarray:
    """Patches of colour, a quarter of each side: unlike noise, decoders agree on them."""
    colours = np.random.default_rng(height).integers(0, 256, (4, 4, 3), np.uint8)
    rows, columns = (np.arange(side) * 4 // side for side in (height, width))
    return colours[np.ix_(rows, columns)]


def _png(name: str, pixels: np.ndarray, *, alpha: bool = False) -> OddPhotograph:
    image = Image.fromarray(pixels)
    if alpha:
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    return OddPhotograph(name=name, encoded=_encoded(image, "PNG"), pixels=pixels)


def _deep_png(name: str, pixels: np.ndarray) -> OddPhotograph:
    """The lower bytes are full: a decoder that rounded would be one level above."""
    encoded = tf.io.encode_png(pixels.astype(np.uint16) * 256 + 255).numpy()
    return OddPhotograph(name=name, encoded=encoded, pixels=pixels)


def _jpeg(
    name: str, pixels: np.ndarray, *, mode: str = "RGB", orientation: int = 1
) -> OddPhotograph:
    exif = Image.Exif()
    exif[_ORIENTATION_TAG] = orientation
    image = Image.fromarray(pixels).convert(mode)
    encoded = _encoded(image, "JPEG", quality=95, exif=exif)
    with Image.open(io.BytesIO(encoded)) as decoded:
        upright = ImageOps.exif_transpose(decoded).convert("RGB")
    return OddPhotograph(name=name, encoded=encoded, pixels=np.asarray(upright))


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
