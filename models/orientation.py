"""EXIF orientation as TensorFlow operations, so that an exported model applies it by itself.

TensorFlow's decoders return the stored raster and ignore the tag that telephones write.
Layout: Exif 2.32, CIPA DC-008, section 4.5 (https://www.cipa.jp/std/documents/e/DC-008-2019-E.pdf);
in WebP: https://developers.google.com/speed/webp/docs/riff_container.
"""

import tensorflow as tf

# A JPEG's segments hold at most 64 KiB each; the Exif one stands first or second.
_HEADER_BYTES = 2**17
_EXIF = tuple(b"Exif\0\0")
_ORIENTATION_TAG = 0x0112


def exif_orientation(encoded: tf.Tensor) -> tf.Tensor:
    """The orientation that a photograph's EXIF header asks for.

    Args:
        encoded: string scalar, the bytes of a photograph in any format.

    Returns:
        int32 scalar, 1 to 8; 1 (as stored) where the bytes are no JPEG or WebP, or carry
        no such tag.
    """
    header = _raw_bytes(tf.strings.substr(encoded, 0, _HEADER_BYTES))
    is_webp = tf.reduce_all(_bytes_at(header, tf.range(8, 12)) == tuple(b"WEBP"))
    # A WebP has its metadata behind the picture.
    raw = tf.cond(is_webp, lambda: _raw_bytes(encoded), lambda: header)
    tiff = tf.cond(is_webp, lambda: _tiff_in_webp(raw), lambda: _tiff_in_jpeg(raw))
    orientation = tf.cond(tiff > 0, lambda: _orientation_entry(raw, tiff), lambda: tf.constant(1))
    valid = (orientation >= 1) & (orientation <= 8)
    return tf.where(valid, orientation, 1)


def apply_orientation(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns an image upright.

    Args:
        image: ``(height, width, channels)``.
        orientation: int32 scalar as EXIF counts, 1 to 8.

    Returns:
        The image, ``(width, height, channels)`` where the orientation is 5 to 8.
    """
    image = tf.cond(
        orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: tf.identity(image)
    )
    mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
    upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    image = tf.cond(mirrored, lambda: image[:, ::-1], lambda: image)
    return tf.cond(upside_down, lambda: image[::-1], lambda: image)


def _raw_bytes(encoded: tf.Tensor) -> tf.Tensor:
    """The bytes as int32 and a zero: reads past the end land there, so none is a special case."""
    return tf.concat([tf.cast(tf.io.decode_raw(encoded, tf.uint8), tf.int32), [0]], axis=0)


def _bytes_at(header: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    return tf.gather(header, tf.clip_by_value(positions, 0, tf.size(header) - 1))


def _tiff_in_webp(raw: tf.Tensor) -> tf.Tensor:
    """Where the TIFF block of the chunk "EXIF" starts; 0 where there is none."""

    def is_other_chunk(position: tf.Tensor) -> tf.Tensor:
        is_exif = tf.reduce_all(_bytes_at(raw, position + tf.range(4)) == tuple(b"EXIF"))
        return (position < tf.size(raw)) & ~is_exif

    def next_chunk(position: tf.Tensor) -> tuple[tf.Tensor]:
        length = _unsigned(raw, position + 4, 4, big_endian=tf.constant(False))
        sound = (length >= 0) & (length < tf.size(raw))
        return (tf.where(sound, position + 8 + length + length % 2, tf.size(raw)),)

    (position,) = tf.while_loop(is_other_chunk, next_chunk, (tf.constant(12),))
    content = position + 8
    # Some writers put in front what only a JPEG's segment asks for.
    has_name = tf.reduce_all(_bytes_at(raw, content + tf.range(6)) == _EXIF)
    return tf.where(position < tf.size(raw), tf.where(has_name, content + 6, content), 0)


def _tiff_in_jpeg(header: tf.Tensor) -> tf.Tensor:
    """Where the TIFF block of the APP1 segment "Exif" starts; 0 where there is none."""

    def is_exif(position: tf.Tensor) -> tf.Tensor:
        marker = _bytes_at(header, position + 1)
        name = _bytes_at(header, position + 4 + tf.range(6))
        return (marker == 0xE1) & tf.reduce_all(name == _EXIF)

    def is_other_segment(position: tf.Tensor) -> tf.Tensor:
        start, marker = _bytes_at(header, position), _bytes_at(header, position + 1)
        return (start == 0xFF) & (marker != 0xDA) & ~is_exif(position)

    def next_segment(position: tf.Tensor) -> tuple[tf.Tensor]:
        length = _unsigned(header, position + 2, 2, big_endian=tf.constant(True))
        is_fill = _bytes_at(header, position + 1) == 0xFF  # any number may precede a marker
        return (position + tf.where(is_fill, 1, 2 + length),)

    is_jpeg = tf.reduce_all(_bytes_at(header, tf.range(2)) == (0xFF, 0xD8))
    (position,) = tf.while_loop(
        is_other_segment, next_segment, (tf.where(is_jpeg, 2, tf.size(header)),)
    )
    return tf.where(is_exif(position), position + 10, 0)


def _orientation_entry(header: tf.Tensor, tiff: tf.Tensor) -> tf.Tensor:
    """The orientation in the first directory of the TIFF block; 0 where it has none."""
    big_endian = _bytes_at(header, tiff) == 0x4D  # "MM", otherwise "II"
    directory = tiff + _unsigned(header, tiff + 4, 4, big_endian)
    count = _unsigned(header, directory, 2, big_endian)
    entries = directory + 2 + 12 * tf.range(tf.clip_by_value(count, 0, 512))
    found = _unsigned(header, entries, 2, big_endian) == _ORIENTATION_TAG
    values = _unsigned(header, entries + 8, 2, big_endian)
    return tf.reduce_max(tf.concat([tf.where(found, values, 0), [0]], axis=0))


def _unsigned(
    header: tf.Tensor, positions: tf.Tensor, size: int, big_endian: tf.Tensor
) -> tf.Tensor:
    """Unsigned integers of ``size`` bytes at ``positions`` (a scalar or ``(n,)``)."""
    digits = _bytes_at(header, tf.expand_dims(positions, -1) + tf.range(size))
    shifts = 8 * tf.range(size)
    shifts = tf.where(big_endian, shifts[::-1], shifts)
    return tf.reduce_sum(tf.bitwise.left_shift(digits, shifts), axis=-1)
