"""Looks at one photograph: is it what its record tells, and how is it known again?"""

import dataclasses
import functools
import hashlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from models.orientation import apply_orientation, exif_orientation
from models.preprocessing import decode_photograph
from pipeline.data.inspection import decoding_error
from pipeline.data.perceptual_hash import THUMBNAIL_SIDE, hash_thumbnail
from pipeline.data.record_fields import Fields

_LEAST_SIDE = 64  # pixels that the shorter side keeps, so that the hash changes little
_TOGETHER = 4  # photographs of a batch that are decoded at a time
_RATIOS = (8, 4, 2)  # at which libjpeg decodes, beside 1
_SIDES = ("height", "width")
_FORMATS = {
    "JPEG": b"\xff\xd8\xff",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "GIF": b"GIF8",
    "WEBP": b"RIFF",
    "BMP": b"BM",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen of a sound photograph.

    Attributes:
        thumbnail: uint8 ``(32, 32)`` as ``hash_thumbnail`` makes it.
        content: The content id as a number, by which copies are known.
        doubts: What the record tells wrong, cause and detail.
    """

    thumbnail: np.ndarray
    content: int
    doubts: tuple[tuple[str, str], ...]


class DamagedPhotographError(ValueError):
    """A photograph that is not to be had; ``cause`` is the same for the same kind of damage."""

    def __init__(self, cause: str, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decoded:
    """A photograph that decodes.

    Attributes:
        thumbnail: uint8 ``(32, 32)`` as ``hash_thumbnail`` makes it.
        size: int32 ``(2,)``: height and width, upright.
    """

    thumbnail: np.ndarray
    size: np.ndarray


def decode_all(photographs: Sequence[bytes]) -> list[Decoded | str]:
    """Decodes photographs at a reduced scale, reading all of each.

    Returns:
        One for every photograph, in order; what the decoder says where it refuses one.
    """
    decoded: list[Decoded | str] = [""] * len(photographs)
    jpegs = [number for number, one in enumerate(photographs) if one.startswith(_FORMATS["JPEG"])]
    # Together, which takes two thirds of the time. Other formats are decoded in full: one at a
    # time, for the memory.
    together = _decode_together([photographs[number] for number in jpegs])
    for number, one in zip(jpegs, together, strict=False):
        decoded[number] = one
    return [
        _decode_one(photographs[number]) if isinstance(one, str) else one
        for number, one in enumerate(decoded)
    ]


def _decode_together(jpegs: Sequence[bytes]) -> list[Decoded]:
    """Decodes all; nothing where one of them is damaged, which may be any."""
    if not jpegs:
        return []
    try:
        thumbnails, sizes = _decoder_of_many()(tf.constant(jpegs))
    except tf.errors.OpError:
        return []
    return [
        Decoded(thumbnail=thumbnail, size=size)
        for thumbnail, size in zip(thumbnails.numpy(), sizes.numpy(), strict=True)
    ]


def _decode_one(encoded: bytes) -> Decoded | str:
    try:
        thumbnail, size = _decoder_of_one()(tf.constant(encoded))
    except tf.errors.OpError as error:
        return decoding_error(error)
    return Decoded(thumbnail=thumbnail.numpy(), size=size.numpy())


def look_at(fields: Fields, decoded: Decoded | str) -> Look:
    """Compares a photograph with what its record tells.

    Args:
        fields: Of the record.
        decoded: Of ``decode_all``.

    Raises:
        DamagedPhotographError: If it does not decode, or the bytes are not those whose SHA-256
            the record tells.
    """
    encoded = encoded_bytes(fields)
    content, doubts = _content(fields, hashlib.sha256(encoded).hexdigest())
    if isinstance(decoded, str):
        raise DamagedPhotographError("the photograph does not decode", decoded)
    doubts += _doubts(fields, encoded, decoded.size)
    return Look(thumbnail=decoded.thumbnail, content=content, doubts=tuple(doubts))


def encoded_bytes(fields: Fields) -> bytes:
    """The photograph itself."""
    return _text(fields, "image/encoded")


def _text(fields: Fields, key: str) -> bytes:
    value = fields.get(key, b"")
    return value if isinstance(value, bytes) else b""


def _content(fields: Fields, found: str) -> tuple[int, list[tuple[str, str]]]:
    told = _text(fields, "image/sha256").decode("latin-1").lower()
    if not told:
        return int(found[:16], 16), []
    if len(told) != 64 or set(told) - set("0123456789abcdef"):
        return int(found[:16], 16), [("no SHA-256 where one should be", repr(told[:80]))]
    if not _text(fields, "image/provenance") and told != found:
        cause = "other bytes than those whose SHA-256 is told"
        raise DamagedPhotographError(cause, f"{found[:16]}, told {told[:16]}")
    return int(told[:16], 16), []


def _doubts(fields: Fields, encoded: bytes, size: np.ndarray) -> list[tuple[str, str]]:
    doubts = []
    found = tuple(int(side) for side in size)
    told = tuple(
        fields.get(f"image/{side}", real) for side, real in zip(_SIDES, found, strict=True)
    )
    if told != found:
        sizes = " x ".join(map(str, found)) + ", told " + " x ".join(map(str, told))
        doubts.append(("another height x width (upright) than told", sizes))
    told_format = _text(fields, "image/format").decode("latin-1").upper()
    kind = next((name for name, start in _FORMATS.items() if encoded.startswith(start)), "unknown")
    if told_format and told_format.replace("JPG", "JPEG") != kind:
        doubts.append(("another format than told", f"{kind}, told {told_format[:20]}"))
    if not _text(fields, "image/id"):
        doubts.append(("an empty id", ""))
    return doubts


@functools.cache
def _decoder_of_one() -> tf.types.experimental.GenericFunction:
    """Compiled once for all threads: thumbnail and upright size of a photograph."""
    return tf.function(
        lambda encoded: tf.cond(
            tf.io.is_jpeg(encoded), lambda: _decode_jpeg(encoded), lambda: _decode_other(encoded)
        ),
        input_signature=[tf.TensorSpec([], tf.string)],
    )


@functools.cache
def _decoder_of_many() -> tf.types.experimental.GenericFunction:
    """The same of JPEGs ``(batch,)``."""
    thumbnail = tf.TensorSpec((THUMBNAIL_SIDE, THUMBNAIL_SIDE), tf.uint8)
    return tf.function(
        lambda encoded: tf.map_fn(
            _decode_jpeg,
            encoded,
            fn_output_signature=(thumbnail, tf.TensorSpec((2,), tf.int32)),
            parallel_iterations=_TOGETHER,
        ),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )


def _decode_jpeg(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    size = tf.io.extract_jpeg_shape(encoded)[:2]
    # libjpeg rounds reduced sides up.
    wide_enough = -(-tf.reduce_min(size) // tf.constant(_RATIOS)) >= _LEAST_SIDE
    decoders = [
        lambda ratio=ratio: tf.io.decode_jpeg(encoded, channels=3, ratio=ratio)
        for ratio in (1, *_RATIOS[::-1])
    ]
    small = tf.switch_case(tf.reduce_sum(tf.cast(wide_enough, tf.int32)), decoders)
    orientation = exif_orientation(encoded)
    upright = tf.cond(orientation >= 5, lambda: size[::-1], lambda: size)
    return hash_thumbnail(apply_orientation(small, orientation)), upright


def _decode_other(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    image = decode_photograph(encoded)
    return hash_thumbnail(image), tf.shape(image)[:2]
