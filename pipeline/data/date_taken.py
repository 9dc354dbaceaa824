"""The date on which a photograph was taken, as its EXIF header tells.

Tags: Exif 2.32, CIPA DC-008, sections 4.6.4 and 4.6.5
(https://www.cipa.jp/std/documents/e/DC-008-2019-E.pdf).
"""

import datetime
import io
import re

import tensorflow as tf
from google.protobuf.message import DecodeError
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from pipeline.data.pillow import DAMAGE, silence_pillow

_BYTES = len("2015-08-03")
_WRITTEN = re.compile(r"\s*(\d{4})[:/-](\d\d)[:/-](\d\d)(?!\d)", re.ASCII)


def date_taken(encoded: bytes) -> str:
    """The date on which a photograph was taken.

    Args:
        encoded: A JPEG or PNG.

    Returns:
        Such as ``2015-08-03``: DateTimeOriginal's, or where there is none DateTime's. "" where
        neither is there, or it is no date.
    """
    if not encoded.startswith(b"\xff\xd8") and b"eXIf" not in encoded:
        return ""
    silence_pillow()
    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG")) as image:
            if image.format == "PNG" and "exif" not in image.info:
                image.load()  # it stands behind the picture
            return _date_in_header(image.info.get("exif", b""))
    except (Image.DecompressionBombError, *DAMAGE):  # whoever decodes it will say so
        return ""


def date_in_record(record: bytes) -> str:
    """``date_taken`` of the photograph in a serialised record; "" where there is none whole."""
    try:
        feature = tf.train.Example.FromString(record).features.feature
    except DecodeError:  # whoever parses it will say so
        return ""
    found = feature["image/encoded"].bytes_list.value
    return date_taken(found[0]) if found else ""


def put_before(date: str, stored: bytes) -> bytes:
    """What is stored of a photograph, and before it the date, for ``split_off``."""
    return date.encode().ljust(_BYTES) + stored


def split_off(stored: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The date and what is stored behind it, from a string scalar.

    Raises:
        tf.errors.InvalidArgumentError: If nothing is stored.
    """
    date = tf.strings.strip(tf.strings.substr(stored, 0, _BYTES))
    return date, tf.strings.substr(stored, _BYTES, -1)


def kept_of(image: Image.Image) -> bytes:
    """An EXIF header that holds nothing but the date of an opened photograph; empty without one."""
    try:
        exif = image.getexif()
        original = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal)
        date = _chosen(original, exif.get(ExifTags.Base.DateTime))
    except DAMAGE:  # the picture is whole, so only its metadata is not
        return b""
    if not date:
        return b""
    kept = Image.Exif()
    written = f"{date.replace('-', ':')} 00:00:00"
    kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = written
    return kept.tobytes()


def _date_in_header(header: bytes) -> str:
    """Reads two tags. ``Image.getexif`` reads them all: 80 microseconds, not 35."""
    if not header:
        return ""
    tiff = header.removeprefix(b"Exif\0\0")
    first = _directory(tiff, ImageFileDirectory_v2(tiff[:8]).next)
    place = first.get(ExifTags.IFD.Exif)
    original = None
    if place is not None:
        original = _directory(tiff, place).get(ExifTags.Base.DateTimeOriginal)
    return _chosen(original, first.get(ExifTags.Base.DateTime))


def _directory(tiff: bytes, place: int) -> ImageFileDirectory_v2:
    directory = ImageFileDirectory_v2(tiff[:8])
    file = io.BytesIO(tiff)
    file.seek(place)
    directory.load(file)
    return directory


def _chosen(original: object, changed: object) -> str:
    return _as_iso(changed if original is None else original)


def _as_iso(written: object) -> str:
    match = _WRITTEN.match(written) if isinstance(written, str) else None
    try:
        return "" if match is None else datetime.date(*map(int, match.groups())).isoformat()
    except ValueError:  # month 13, or the zeros of a camera that knows no date
        return ""
