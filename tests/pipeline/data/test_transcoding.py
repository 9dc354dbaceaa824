import base64
import concurrent.futures
import io
import struct
import warnings
import zlib
from typing import Any

import cv2
import numpy as np
import PIL
import pytest
import tensorflow as tf
from PIL import Image, ImageCms

from models.preprocessing import decode_photograph
from pipeline.data.transcoding import PIXEL_LIMIT, decode_any_photograph, transcode

# Red and green over blue and yellow, wider than high, so that every turn shows.
CORNERS = np.array([[(230, 30, 30), (30, 200, 30)], [(30, 30, 220), (230, 220, 30)]], np.uint8)
PIXELS = np.kron(CORNERS, np.ones((32, 48, 1), np.uint8))

# The corners, 32 x 16, by `jpegtran -arithmetic`: neither Pillow nor OpenCV writes this coding.
ARITHMETIC_CODED = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsL"
    "EBYQERMUFRUVDA8XGBYUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU"
    "FBQUFBQUFBQUFBQUFBQUFBQUFBT/yQARCAAQACADAREAAhEBAxEB/8wACgAQEAUBEBEF/9oADAMBAAIRAxEAPwD/AM/w"
    "DqQM1AbmL3+zua9hsp8ZwduyPOedaP/Z"
)


def save(kind: str, mode: str = "RGB", pixels: np.ndarray = PIXELS, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    image = image.quantize() if mode == "P" else image.convert(mode)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def held(kind: str, orientation: int, **options: Any) -> bytes:
    """The corners as a camera stores them that was turned; 6: clockwise by 90 degrees to view."""
    turns = {1: 0, 3: 2, 6: 1, 8: -1}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return save(kind, pixels=np.rot90(PIXELS, turns).copy(), exif=exif.tobytes(), **options)


def animated(kind: str) -> bytes:
    return save(kind, save_all=True, append_images=[Image.fromarray(PIXELS[::-1, ::-1])])


def sixteen_bit(extension: str, pixels: np.ndarray = PIXELS[..., ::-1]) -> bytes:
    """By OpenCV, which expects BGR."""
    return cv2.imencode(extension, pixels.astype(np.uint16) * 257)[1].tobytes()


def corners(pixels: np.ndarray) -> np.ndarray:
    """The colours in the middle of the four quarters, ``(2, 2, 3)``."""
    height, width = pixels.shape[:2]
    return pixels[height // 4 :: height // 2, width // 4 :: width // 2].astype(int)


FOREIGN = {
    "HEIF": save("HEIF", quality=95),
    "AVIF": save("AVIF", quality=95),
    "WebP": save("WEBP", quality=95),
    "WebP, lossless": save("WEBP", lossless=True),
    "WebP, animated": animated("WEBP"),
    "WebP, with alpha": save("WEBP", "RGBA", quality=95),
    "TIFF": save("TIFF"),
    "TIFF, LZW": save("TIFF", compression="tiff_lzw"),
    "TIFF, JPEG": save("TIFF", compression="jpeg", quality=95),
    "TIFF, CMYK": save("TIFF", "CMYK"),
    "TIFF, 16 bit": sixteen_bit(".tiff"),
    "JPEG 2000": save("JPEG2000"),
    "CMYK JPEG": save("JPEG", "CMYK", quality=95),
    "arithmetic-coded JPEG": ARITHMETIC_CODED,
    "16-bit PNG": sixteen_bit(".png"),
    "BMP": save("BMP"),
    "BMP, palette": save("BMP", "P"),
    "GIF": save("GIF", "P"),
    "GIF, animated": animated("GIF"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_photograph_becomes_one_of_the_same_colours_that_tensorflow_decodes(
    name: str,
) -> None:
    kind = name.split(",", maxsplit=1)[0]
    transcoded = transcode(FOREIGN[name])
    assert transcoded.provenance == f"transcoded from {kind} by Pillow {PIL.__version__}"
    assert transcoded.format == ("PNG" if kind in ("16-bit PNG", "BMP", "GIF") else "JPEG")
    decode = {"JPEG": tf.io.decode_jpeg, "PNG": tf.io.decode_png}[transcoded.format]
    for pixels in (decode(transcoded.encoded).numpy(), decode_any_photograph(FOREIGN[name])):
        np.testing.assert_allclose(corners(pixels), CORNERS, atol=12)


@pytest.mark.parametrize(
    ("kind", "encoded"),
    [
        ("JPEG", save("JPEG")),
        ("JPEG", save("JPEG", "L")),
        ("JPEG", save("JPEG", progressive=True)),
        ("JPEG", held("JPEG", 6)),  # whoever decodes it turns it
        ("JPEG", save("MPO", save_all=True, append_images=[Image.fromarray(PIXELS)])),
        ("PNG", save("PNG")),
        ("PNG", save("PNG", "P")),
        ("PNG", save("PNG", "LA")),
        ("PNG", held("PNG", 1)),
    ],
)
def test_good_jpeg_and_png_stay_byte_for_byte(kind: str, encoded: bytes) -> None:
    transcoded = transcode(encoded)
    assert transcoded.encoded is encoded
    assert (transcoded.format, transcoded.provenance) == (kind, "")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_orientation_is_applied_exactly_once(kind: str, orientation: int) -> None:
    encoded = held(kind, orientation, quality=95)
    pixels = decode_any_photograph(encoded)
    assert pixels.shape == PIXELS.shape
    np.testing.assert_allclose(corners(pixels), CORNERS, atol=12)


def test_orientation_of_a_compressed_tiff_is_applied_exactly_once() -> None:
    pixels = decode_any_photograph(held("TIFF", 6, compression="tiff_lzw"))
    np.testing.assert_allclose(corners(pixels), CORNERS, atol=12)


def test_heif_is_turned_by_its_container_and_not_by_exif() -> None:
    """So its standard has it, ISO/IEC 23008-12; cameras write both."""
    exif = Image.Exif()
    exif[0x0112] = 6
    encoded = save("HEIF", exif=exif, quality=95)  # pillow-heif writes no turn for this class
    assert b"irot" not in encoded
    assert decode_any_photograph(encoded).shape == PIXELS.shape


def test_written_photograph_carries_no_metadata_to_apply_again() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for encoded in (held("TIFF", 6, icc_profile=profile), held("PNG", 6, icc_profile=profile)):
        with Image.open(io.BytesIO(transcode(encoded).encoded)) as image:
            assert not {"exif", "icc_profile", "comment"} & set(image.info)
            assert not image.getexif()


def swapped_profile() -> bytes:
    """A profile whose red is sRGB's green and the other way round: the tags exchange names."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", profile, 128)
    places = {bytes(profile[p : p + 4]): p for p in range(132, 132 + 12 * count, 12)}
    for one, other in ((b"rXYZ", b"gXYZ"), (b"rTRC", b"gTRC")):
        profile[places[one] : places[one] + 4] = other
        profile[places[other] : places[other] + 4] = one
    return bytes(profile)


@pytest.mark.parametrize("kind", ["TIFF", "HEIF", "WEBP"])
def test_colours_of_another_profile_become_srgb(kind: str) -> None:
    exchanged = PIXELS[..., [1, 0, 2]]
    encoded = save(kind, pixels=exchanged, icc_profile=swapped_profile(), quality=95)
    np.testing.assert_allclose(corners(decode_any_photograph(encoded)), CORNERS, atol=12)


@pytest.mark.parametrize("profile", [b"no profile", swapped_profile()[:200]])
def test_damaged_profile_leaves_the_colours_as_they_are(profile: bytes) -> None:
    encoded = save("TIFF", icc_profile=profile)
    np.testing.assert_allclose(corners(decode_any_photograph(encoded)), CORNERS, atol=12)


@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_16_bit_grey_keeps_its_brightness(extension: str) -> None:
    grey = np.kron(np.array([[10, 90], [160, 250]], np.uint8), np.ones((32, 48), np.uint8))
    found = corners(decode_any_photograph(sixteen_bit(extension, grey)))
    np.testing.assert_allclose(found, corners(grey[..., None].repeat(3, axis=2)), atol=2)


def test_lossless_kinds_lose_nothing() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    for encoded in (save("BMP", pixels=noise), sixteen_bit(".png", noise[..., ::-1])):
        np.testing.assert_array_equal(decode_any_photograph(encoded), noise)


def test_picture_too_long_for_a_jpeg_becomes_a_png() -> None:
    strip = np.full((2, 66_000, 3), 90, np.uint8)
    transcoded = transcode(save("TIFF", pixels=strip))
    assert transcoded.format == "PNG"
    np.testing.assert_array_equal(decode_any_photograph(transcoded.encoded), strip)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("HEIF", "HEIF"),
        ("AVIF", "AVIF"),
        ("TIFF", "TIFF"),
        ("TIFF", "TIFF, LZW"),
        ("WebP", "WebP"),
        ("GIF", "GIF"),
        ("JPEG 2000", "JPEG 2000"),
        ("CMYK JPEG", "CMYK JPEG"),
        ("16-bit PNG", "16-bit PNG"),
    ],
)
def test_cut_photograph_is_refused_with_a_short_reason(kind: str, name: str) -> None:
    for kept in (0.2, 0.5, 0.9):
        cut = FOREIGN[name][: int(kept * len(FOREIGN[name]))]
        with pytest.raises(ValueError, match=f"^unreadable {kind}: ") as refused:
            transcode(cut)
        assert len(str(refused.value)) < 200
        assert "0x" not in str(refused.value)  # an object's address differs in every run


@pytest.mark.parametrize("name", FOREIGN)
def test_no_damage_escapes_as_another_error_or_a_warning(name: str) -> None:
    random = np.random.default_rng(0)
    whole = np.frombuffer(FOREIGN[name], np.uint8)
    refused = 0
    for _ in range(20):
        damaged = whole.copy()
        damaged[random.integers(0, min(len(whole), 300), 6)] = random.integers(0, 256, 6)
        try:
            transcode(damaged.tobytes())
        except ValueError:
            refused += 1
    assert refused


def test_damaged_metadata_does_not_lose_a_whole_photograph() -> None:
    encoded = held("WEBP", 1, quality=95)
    start = encoded.index(b"EXIF") + 8
    broken = encoded[:start] + b"?" * 8 + encoded[start + 8 :]
    np.testing.assert_allclose(corners(decode_any_photograph(broken)), CORNERS, atol=12)


def png_header(width: int, height: int) -> bytes:
    content = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    framed = struct.pack(">I", 13) + content + struct.pack(">I", zlib.crc32(content))
    return b"\x89PNG\r\n\x1a\n" + framed


def enlarged(encoded: bytes, old: bytes, new: bytes) -> bytes:
    assert encoded.count(old) == 1
    return encoded.replace(old, new)


@pytest.mark.parametrize(
    "encoded",
    [
        png_header(20_000, 20_000),
        enlarged(save("JPEG"), struct.pack(">HH", 64, 96), struct.pack(">HH", 60_000, 60_000)),
        enlarged(save("BMP"), struct.pack("<II", 96, 64), struct.pack("<II", 60_000, 60_000)),
    ],
)
def test_decompression_bomb_is_refused_and_names_the_limit(encoded: bytes) -> None:
    with pytest.raises(ValueError, match=f"more than the {PIXEL_LIMIT:,} pixels that are read"):
        transcode(encoded)


def test_limit_is_the_one_that_pillow_keeps() -> None:
    assert Image.MAX_IMAGE_PIXELS is not None
    assert PIXEL_LIMIT == 2 * Image.MAX_IMAGE_PIXELS


def test_large_photograph_below_the_limit_raises_no_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", PIXELS.shape[0] * PIXELS.shape[1] - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert transcode(save("TIFF")).format == "JPEG"


def test_preview_in_a_camera_raw_file_is_not_taken_for_the_photograph() -> None:
    with pytest.raises(ValueError, match="is a preview, as in a camera's raw file"):
        transcode(save("TIFF", tiffinfo={0x00FE: 1}))


def test_samples_of_32_bit_are_refused_by_name() -> None:
    encoded = cv2.imencode(".tiff", np.ones((8, 8), np.float32))[1].tobytes()
    with pytest.raises(ValueError, match="unreadable TIFF: 32 bit a sample"):
        transcode(encoded)


@pytest.mark.parametrize("encoded", [b"", b"A text.", b"RIFF....WAVE", b"%!PS-Adobe-3.0 EPSF-3.0"])
def test_what_is_no_photograph_is_told_what_would_be(encoded: bytes) -> None:
    with pytest.raises(ValueError, match=r"^not a JPEG, PNG, .*AVIF or JPEG 2000 file$"):
        transcode(encoded)


def test_damaged_jpeg_is_refused_when_it_is_decoded() -> None:
    whole = save("JPEG")
    with pytest.raises(ValueError, match=r"^damaged JPEG"):
        decode_any_photograph(whole[: len(whole) // 2])


def test_good_jpeg_is_decoded_as_its_record_will_be() -> None:
    encoded = held("JPEG", 6)
    expected = decode_photograph(tf.constant(encoded)).numpy()
    np.testing.assert_array_equal(decode_any_photograph(encoded), expected)


def test_several_threads_transcode_as_one_does() -> None:
    one_by_one = [transcode(encoded) for encoded in FOREIGN.values()]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        together = list(pool.map(transcode, [*FOREIGN.values()] * 5))
    assert together == one_by_one * 5
