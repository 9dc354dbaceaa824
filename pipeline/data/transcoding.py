"""Makes any photograph one that every reader of JPEG and PNG decodes, and decodes alike.

TensorFlow 2.21 refuses HEIF, AVIF, TIFF, JPEG 2000 and animated WebPs, takes the palette's indices
of a BMP for its colours and leaves a PNG's orientation aside; browsers refuse arithmetic-coded
JPEGs, DELF's readers all but JPEG. So whatever is neither a Huffman-coded 8-bit JPEG in grey or
three colours nor an upright 8-bit PNG is decoded once, by Pillow, and written anew:

- upright, without an orientation to apply a second time, and of its metadata with nothing but
  the date on which it was taken;
- in sRGB where it carried another colour profile, such as a telephone's Display P3;
- PNG, GIF and BMP as PNG, which loses nothing; all else as JPEG of quality 95 without chroma
  subsampling, even where it was lossless: measured on 91 photographs that is 47 dB from the
  original (42 at least), a third of the PNG's size, and decoded at a reduced scale if need be.

Alpha is dropped and of several pictures the first taken, as ``decode_photograph`` does.
"""

import dataclasses
import io
import re
import struct

import numpy as np
import PIL
import pillow_heif
import tensorflow as tf
from PIL import Image, ImageCms, ImageOps

from models.preprocessing import decode_photograph
from pipeline.data import date_taken
from pipeline.data.pillow import DAMAGE, silence_pillow

pillow_heif.register_heif_opener()

# Twice Pillow's MAX_IMAGE_PIXELS, above which it refuses a file as a decompression bomb itself.
PIXEL_LIMIT = 178_956_970

# The formats read, by the bytes each begins with.
_FORMATS = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM",
    "WebP": rb"RIFF....WEBP",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "HEIF": rb"....ftyp(hei|hev|mif1|msf1)",
    "AVIF": rb"....ftypavi[fs]",
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
}
_LOSSLESS = ("PNG", "GIF", "BMP")
_PILLOW_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "HEIF", "AVIF", "JPEG2000")
_JPEG_SIDE_LIMIT = 65_500  # of libjpeg
# Of JPEG's frames: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, table B.1.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_HUFFMAN_CODED_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive


@dataclasses.dataclass(frozen=True, kw_only=True)
class Transcoded:
    """A photograph as a record is to hold it.

    Attributes:
        encoded: Bytes of a JPEG or PNG.
        format: Which of the two.
        provenance: What was done to the bytes, "" where they are the file's own.
    """

    encoded: bytes
    format: str
    provenance: str = ""


def transcode(encoded: bytes) -> Transcoded:
    """Passes a JPEG or PNG that every reader decodes as it is, and writes any other anew.

    Safe in several threads at a time. Bytes passed as they are have not been decoded.

    Args:
        encoded: A photograph's file.

    Raises:
        ValueError: If it is no photograph, is damaged, or has too many pixels.
    """
    kind = _kind(encoded)
    if kind in ("JPEG", "PNG"):
        return Transcoded(encoded=encoded, format=kind)
    silence_pillow()
    try:
        pixels, exif = _decode(encoded)
    except Image.DecompressionBombError as error:
        raise ValueError(f"more than the {PIXEL_LIMIT:,} pixels that are read") from error
    except DAMAGE as error:
        raise ValueError(f"unreadable {kind}: {_reason(error)}") from error
    is_lossless = kind.endswith(_LOSSLESS) or max(pixels.size) > _JPEG_SIDE_LIMIT
    buffer = io.BytesIO()
    if is_lossless:
        pixels.save(buffer, "PNG", exif=exif)
    else:
        pixels.save(buffer, "JPEG", quality=95, subsampling=0, exif=exif)
    return Transcoded(
        encoded=buffer.getvalue(),
        format="PNG" if is_lossless else "JPEG",
        provenance=f"transcoded from {kind} by Pillow {PIL.__version__}",
    )


def decode_any_photograph(encoded: bytes) -> np.ndarray:
    """Decodes a photograph of any format to the pixels that its record would give.

    Returns:
        uint8 ``(height, width, 3)``, RGB, upright.

    Raises:
        ValueError: If it is no photograph, is damaged, or has too many pixels.
    """
    transcoded = transcode(encoded)
    try:
        return decode_photograph(tf.constant(transcoded.encoded)).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(f"damaged {transcoded.format}") from error


def _kind(encoded: bytes) -> str:
    """Words for what a file is; "JPEG" or "PNG" of one to keep as it is.

    Raises:
        ValueError: If no format begins with such bytes, or it has too many pixels.
    """
    starts = (name for name, start in _FORMATS.items() if re.match(start, encoded, re.DOTALL))
    kind = next(starts, None)
    if kind is None:
        raise ValueError(f"not a {', '.join(list(_FORMATS)[:-1])} or {list(_FORMATS)[-1]} file")
    if kind == "JPEG":
        return _kind_of_jpeg(encoded)
    if kind == "PNG":
        return _kind_of_png(encoded)
    return kind


def _kind_of_jpeg(encoded: bytes) -> str:
    position = 2
    while position + 10 <= len(encoded):
        marker = encoded[position + 1]
        if encoded[position] != 0xFF or marker == 0xFF:  # any number of these may fill a gap
            position += 1
        elif marker in _FRAMES:
            bits, height, width, channels = struct.unpack_from(">BHHB", encoded, position + 4)
            _check_pixels(height, width)
            if marker not in _HUFFMAN_CODED_FRAMES:
                return "arithmetic-coded JPEG" if marker >= 0xC9 else "lossless JPEG"
            if bits != 8:
                return f"{bits}-bit JPEG"
            return "CMYK JPEG" if channels == 4 else "JPEG"
        elif marker == 0xDA:  # the picture itself, before any frame
            break
        else:
            (length,) = struct.unpack_from(">H", encoded, position + 2)
            position += 2 + length
    return "JPEG"  # without a frame: TensorFlow's decoder will say so


def _kind_of_png(encoded: bytes) -> str:
    if len(encoded) < 25:
        return "PNG"
    width, height, bits = struct.unpack_from(">IIB", encoded, 16)
    _check_pixels(height, width)
    if bits == 16:
        return "16-bit PNG"
    return "turned PNG" if b"eXIf" in encoded and _is_turned(encoded) else "PNG"


def _check_pixels(height: int, width: int) -> None:
    if height * width > PIXEL_LIMIT:
        raise ValueError(
            f"{width} x {height} is more than the {PIXEL_LIMIT:,} pixels that are read"
        )


def _is_turned(encoded: bytes) -> bool:
    silence_pillow()
    try:
        with Image.open(io.BytesIO(encoded), formats=("PNG",)) as image:
            image.load()  # the orientation may stand behind the picture
            return image.getexif().get(0x0112, 1) in range(2, 9)
    except (Image.DecompressionBombError, *DAMAGE):
        return False  # TensorFlow's decoder will say so


def _decode(encoded: bytes) -> tuple[Image.Image, bytes]:
    """The first picture of a file, RGB, upright, in sRGB, and EXIF that holds its date alone."""
    with Image.open(io.BytesIO(encoded), formats=_PILLOW_FORMATS) as image:
        if image.format == "TIFF" and image.getexif().get(0x00FE, 0) & 1:
            raise ValueError("the first picture is a preview, as in a camera's raw file")
        upright = _turned_upright(image)
        exif = date_taken.kept_of(image)
    rgb = _as_srgb(_as_8_bit(upright), upright.info.get("icc_profile"))
    rgb.info.clear()  # a PNG would be written with the profile that no longer holds
    return rgb, exif


def _turned_upright(image: Image.Image) -> Image.Image:
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except DAMAGE:  # the picture is whole, so only its metadata is not
        return image.copy()


def _as_8_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # the high byte, as of 16 bit in colour
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError("32 bit a sample, of unknown range; save it with 8 or 16")
    return image


def _as_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        return _convert_profile(image, ImageCms.ImageCmsProfile(lab))
    if image.mode not in ("L", "CMYK"):
        image = image.convert("RGB")
    if profile:
        try:
            return _convert_profile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError):
            pass  # damaged, or of another number of channels: as if there were none
    return image.convert("RGB")


def _convert_profile(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, profile, srgb, outputMode="RGB")
    return image.convert("RGB") if converted is None else converted


def _reason(error: Exception) -> str:
    if isinstance(error, PIL.UnidentifiedImageError):  # it names an address in memory
        return "its header cannot be read"
    return str(error).strip().rstrip(". ") or type(error).__name__
