"""A photograph's file with its picture and its date alone: neither where it was taken nor by what.

The picture itself is not decoded and stays as it is, bit for bit. Segments of a JPEG:
https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B; chunks of a PNG: https://www.w3.org/TR/png-3/.
"""

import io
import struct
from collections.abc import Iterator

from PIL import ExifTags, Image

from pipeline.data import date_taken
from pipeline.data.pillow import DAMAGE, silence_pillow
from pipeline.data.transcoding import transcode

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_JFIF, _EXIF, _ICC, _ADOBE = 0xE0, 0xE1, 0xE2, 0xEE
_APPLICATION = range(0xE0, 0xF0)
_COMMENT = 0xFE
_RESTARTS = range(0xD0, 0xD8)
_ICC_NAME = b"ICC_PROFILE\0"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = frozenset(
    [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT"]
)


def stripped(encoded: bytes) -> bytes:
    """A photograph as a JPEG or PNG that tells its colours, which side is up, and its date.

    All else is left out: the position, the camera, thumbnails, comments, XMP, further pictures
    behind the first; of a PNG the date, too.

    Args:
        encoded: A photograph's file, of any format that ``transcode`` takes.

    Raises:
        ValueError: If it is no photograph, or cut before its end.
    """
    kept = transcode(encoded)
    if kept.format == "PNG":
        return b"".join(_chunks(kept.encoded))
    exif = _exif(kept.encoded)
    segment = struct.pack(">BBH", 0xFF, _EXIF, len(exif) + 2) + exif if exif else b""
    start, *rest = _segments(kept.encoded)
    # Behind JFIF's own segment, which has to be the first.
    if rest and rest[0][1] == _JFIF:
        return b"".join([start, rest[0], segment, *rest[1:]])
    return b"".join([start, segment, *rest])


def _exif(encoded: bytes) -> bytes:
    """An EXIF header of the date and the orientation alone; empty where there is neither."""
    silence_pillow()
    kept = Image.Exif()
    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG",)) as image:
            kept.load(date_taken.kept_of(image))
            turned = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (Image.DecompressionBombError, *DAMAGE):  # only its metadata is lost
        return b""
    if turned in range(2, 9):
        kept[ExifTags.Base.Orientation] = turned
    return kept.tobytes() if len(kept) else b""


def _segments(encoded: bytes) -> Iterator[bytes]:
    """Those segments of a JPEG that the picture needs, scans with their data, to its end."""
    yield encoded[:2]
    place = 2
    while True:
        while encoded[place : place + 2] == b"\xff\xff":  # any number of these may fill a gap
            place += 1
        if place + 2 > len(encoded) or encoded[place] != 0xFF:
            raise ValueError("damaged JPEG: it is cut, or its segments are")
        marker = encoded[place + 1]
        if marker == _EOI:
            yield encoded[place : place + 2]
            return
        length = int.from_bytes(encoded[place + 2 : place + 4], "big")
        end = place + 2 + max(length, 2)
        if marker == _SOS:
            end = _end_of_scan(encoded, end)
        if _is_of_the_picture(marker, encoded[place + 4 : place + 4 + len(_ICC_NAME)]):
            yield encoded[place:end]
        place = end


def _is_of_the_picture(marker: int, begins: bytes) -> bool:
    if marker == _ICC:
        return begins == _ICC_NAME
    return marker in (_JFIF, _ADOBE) or (marker not in _APPLICATION and marker != _COMMENT)


def _end_of_scan(encoded: bytes, place: int) -> int:
    """Where the next segment begins behind the data of a scan."""
    while True:
        place = encoded.find(b"\xff", place)
        if place < 0 or place + 1 >= len(encoded):
            raise ValueError("damaged JPEG: it ends within the picture")
        if encoded[place + 1] not in (0x00, 0xFF, *_RESTARTS):
            return place
        place += 1 if encoded[place + 1] == 0xFF else 2


def _chunks(encoded: bytes) -> Iterator[bytes]:
    """Those chunks of a PNG that the picture needs."""
    yield _PNG_START
    place, kind = len(_PNG_START), b""
    while kind != b"IEND":
        if place + 8 > len(encoded):
            raise ValueError("damaged PNG: it is cut")
        length, kind = struct.unpack_from(">I4s", encoded, place)
        if kind in _PNG_KEPT:
            yield encoded[place : place + 12 + length]
        place += 12 + length
