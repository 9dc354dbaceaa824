import hashlib
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from pipeline.data.checks.photograph_look import (
    DamagedPhotographError,
    Decoded,
    decode_all,
    look_at,
)
from pipeline.data.perceptual_hash import hash_thumbnail, perceptual_hashes


def picture(height: int = 300, width: int = 400) -> np.ndarray:
    """Detail of every coarseness that a hash looks at, finer ones fainter."""
    generator = np.random.default_rng(0)
    pixels = np.full((height, width, 3), 128.0)
    for octave in range(4):
        coarse = generator.normal(0, 50 / 1.5**octave, (6 * 2**octave, 8 * 2**octave, 3))
        pixels += tf.image.resize(coarse, (height, width), method="bicubic", antialias=True).numpy()
    return pixels.clip(0, 255).astype(np.uint8)


def jpeg(pixels: np.ndarray, orientation: int = 1) -> bytes:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(file, "JPEG", quality=90, exif=exif)
    return file.getvalue()


def decode(encoded: bytes) -> Decoded:
    (decoded,) = decode_all([encoded])
    assert isinstance(decoded, Decoded)
    return decoded


def fields(encoded: bytes, **changes: bytes | int) -> dict[str, bytes | int]:
    return {
        "image/encoded": encoded,
        "image/id": b"a",
        "image/class/label": 0,
        "image/height": 300,
        "image/width": 400,
        "image/format": b"JPEG",
        "image/sha256": hashlib.sha256(encoded).hexdigest().encode(),
        **{f"image/{key}": value for key, value in changes.items()},
    }


@pytest.mark.parametrize("shape", [(300, 400), (40, 48), (1100, 700), (1, 1), (90, 2000)])
def test_photograph_decoded_smaller_is_known_by_nearly_the_same_hash(
    shape: tuple[int, int],
) -> None:
    """One in twenty of the bits at most, where 56 of 256 make a near duplicate."""
    pixels = picture(*shape)
    decoded = decode(jpeg(pixels))
    assert decoded.size.tolist() == list(shape)
    whole = tf.io.decode_jpeg(jpeg(pixels)).numpy()
    thumbnails = np.stack([decoded.thumbnail, hash_thumbnail(whole).numpy()])
    one, other = perceptual_hashes(thumbnails)
    assert np.bitwise_count(one ^ other).sum() <= 13


@pytest.mark.parametrize("orientation", range(1, 9))
def test_size_and_looks_are_those_of_the_upright_photograph(orientation: int) -> None:
    stored = jpeg(picture(), orientation)
    upright = Image.open(io.BytesIO(stored))
    decoded = decode(stored)
    expected = np.asarray(ImageOps.exif_transpose(upright))
    assert decoded.size.tolist() == list(expected.shape[:2])
    error = decoded.thumbnail.astype(int) - hash_thumbnail(expected).numpy().astype(int)
    assert np.abs(error).mean() < 3  # of 255; turned wrongly it is above 30


def test_damaged_photograph_does_not_hide_the_others() -> None:
    """They are decoded together first."""
    sound, png = jpeg(picture()), tf.io.encode_png(picture()).numpy()
    decoded = decode_all([sound, sound[: len(sound) // 2], b"", png, b"text", sound, png[:500]])
    assert [isinstance(one, Decoded) for one in decoded] == [
        *(True, False, False, True, False, True, False)
    ]
    assert all(one for one in decoded if isinstance(one, str))
    assert decode_all([]) == []


def test_sound_photograph_leaves_no_doubt_and_is_known_by_its_bytes() -> None:
    encoded = jpeg(picture())
    look = look_at(fields(encoded), decode(encoded))
    assert look.doubts == ()
    assert f"{look.content:016x}" == hashlib.sha256(encoded).hexdigest()[:16]


def test_photograph_that_was_transcoded_is_known_by_what_it_was_made_of() -> None:
    encoded = jpeg(picture())
    told = fields(encoded, sha256=b"ab" * 32, provenance=b"transcoded from HEIF")
    assert f"{look_at(told, decode(encoded)).content:016x}" == "ab" * 8


def test_bytes_that_are_others_than_told_are_damage() -> None:
    encoded = jpeg(picture())
    with pytest.raises(DamagedPhotographError, match=r"other bytes.*told abababababababab"):
        look_at(fields(encoded, sha256=b"ab" * 32), decode(encoded))


def test_record_that_tells_no_sha256_is_taken_at_its_bytes() -> None:
    encoded = jpeg(picture())
    look = look_at(fields(encoded, sha256=b""), decode(encoded))
    assert (look.content, look.doubts) == (look_at(fields(encoded), decode(encoded)).content, ())


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"height": 400, "width": 300}, "300 x 400, told 400 x 300"),
        ({"format": b"PNG"}, "JPEG, told PNG"),
        ({"sha256": b"0123"}, "0123"),
        ({"id": b""}, "an empty id"),
    ],
)
def test_what_is_told_wrong_is_a_doubt(changes: dict[str, bytes | int], doubt: str) -> None:
    encoded = jpeg(picture())
    ((cause, detail),) = look_at(fields(encoded, **changes), decode(encoded)).doubts
    assert doubt in f"{cause}: {detail}"


def test_formats_lower_case_name_is_no_doubt() -> None:
    encoded = jpeg(picture())
    assert look_at(fields(encoded, format=b"jpg"), decode(encoded)).doubts == ()
