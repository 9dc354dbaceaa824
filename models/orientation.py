"""EXIF orientation as TensorFlow operations, so that an exported model applies it by itself.

TensorFlow's decoders return the stored raster and ignore the tag that telephones write.
Layout: Exif 2.32, CIPA DC-008, section 4.5 (https://www.cipa.jp/std/documents/e/DC-008-2019-E.pdf);
in WebP: https://developers.google.com/speed/webp/docs/riff_container.

Only the few bytes that are looked at leave the encoded string: of what reading a photograph costs
that has no tag, this is about a tenth.
"""

import tensorflow as tf

_EXIF = tuple(b"Exif\0\0")
_ORIENTATION_TAG = 0x0112
# Ends the search in a file made of nothing but segments; cameras write the Exif one first.
_MAX_SEGMENTS = 256
_MAX_ENTRIES = 512


def exif_orientation(encoded: tf.Tensor) -> tf.Tensor:
    """The orientation that a photograph's EXIF header asks for.

    Args:
        encoded: string scalar, the bytes of a photograph in any format.

    Returns:
        int32 scalar, 1 to 8; 1 (as stored) where the bytes are no JPEG or WebP, or carry
        no such tag ahead of a JPEG's tables and picture.
    """
    is_webp = tf.strings.regex_full_match(tf.strings.substr(encoded, 0, 12), r"RIFF\C{4}WEBP")

    def tagged() -> tf.Tensor:
        tiff = tf.cond(is_webp, lambda: _tiff_in_webp(encoded), lambda: _tiff_in_jpeg(encoded))
        return tf.cond(tiff > 0, lambda: _orientation_entry(encoded, tiff), lambda: tf.constant(1))

    return tf.cond(is_webp | _may_be_tagged(encoded), tagged, lambda: tf.constant(1))


def apply_orientation(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns an image upright.

    Args:
        image: ``(height, width, channels)``.
        orientation: int32 scalar as EXIF counts, 1 to 8.

    Returns:
        The image, ``(width, height, channels)`` where the orientation is 5 to 8.
    """
    return tf.cond(
        orientation == 1, lambda: tf.identity(image), lambda: _turned(image, orientation)
    )


def _turned(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    image = tf.cond(
        orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: tf.identity(image)
    )
    mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
    upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    # A strided slice, image[::-1], takes ten times as long.
    image = tf.cond(mirrored, lambda: tf.reverse(image, [1]), lambda: tf.identity(image))
    return tf.cond(upside_down, lambda: tf.reverse(image, [0]), lambda: tf.identity(image))


def stored_box(box: tf.Tensor, sides: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Where a part of the upright photograph lies in the stored raster.

    Args:
        box: int32 ``(4,)``: top, left, height and width, upright.
        sides: int32 ``(2,)``: height and width of the photograph, upright.
        orientation: int32 scalar as EXIF counts, 1 to 8.

    Returns:
        int32 ``(4,)``: the same of the stored raster.
    """
    begin, extent = box[:2], box[2:]
    turned = [
        tf.reduce_any(orientation == [3, 4, 7, 8]),  # upside down
        tf.reduce_any(orientation == [2, 3, 6, 7]),  # mirrored
    ]
    begin = tf.where(turned, sides - begin - extent, begin)
    on_its_side = orientation >= 5
    begin = tf.where(on_its_side, tf.reverse(begin, [0]), begin)
    extent = tf.where(on_its_side, tf.reverse(extent, [0]), extent)
    return tf.concat([begin, extent], axis=0)


def _bytes_at(encoded: tf.Tensor, position: tf.Tensor, count: int) -> tf.Tensor:
    """The bytes from a position on, int32 ``(count,)``; zeros past the end."""
    position = tf.clip_by_value(position, 0, tf.strings.length(encoded))
    part = tf.strings.substr(encoded, position, count)
    return tf.cast(tf.io.decode_raw(part, tf.uint8, fixed_length=count), tf.int32)


def _may_be_tagged(encoded: tf.Tensor) -> tf.Tensor:
    """Whether a JPEG has more application data than the JFIF segment that most begin with.

    Most have not, and are spared the walk from segment to segment.
    """
    start = _bytes_at(encoded, tf.constant(0), 6)
    is_jfif = (start[2] == 0xFF) & (start[3] == 0xE0)
    after = _bytes_at(encoded, tf.where(is_jfif, 4 + 256 * start[4] + start[5], 2), 2)
    is_segment = (after[1] >= 0xE0) & ((after[1] <= 0xEF) | (after[1] >= 0xFE))
    return tf.io.is_jpeg(encoded) & (after[0] == 0xFF) & is_segment


def _tiff_in_jpeg(encoded: tf.Tensor) -> tf.Tensor:
    """Where the TIFF block of the APP1 segment "Exif" starts; 0 where there is none."""
    length = tf.strings.length(encoded)

    def starts_with(segment: tf.Tensor, start: bytes, mask: bytes) -> tf.Tensor:
        return tf.bitwise.bitwise_and(segment, _big_endian(mask)) == _big_endian(start)

    def is_exif(segment: tf.Tensor) -> tf.Tensor:
        return starts_with(segment, b"\xff\xe1\0\0Exif", b"\xff\xff\0\0\xff\xff\xff\xff")

    def is_other(position: tf.Tensor, segment: tf.Tensor) -> tf.Tensor:
        # Application data, or a comment or a fill byte: the tables and the picture come after.
        is_application = starts_with(segment, b"\xff\xe0", b"\xff\xf0")
        is_comment_or_fill = starts_with(segment, b"\xff\xfe", b"\xff\xfe")
        return (is_application | is_comment_or_fill) & ~is_exif(segment)

    def next_one(position: tf.Tensor, segment: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        is_fill = starts_with(segment, b"\xff\xff", b"\xff\xff")  # any number may precede a marker
        size = tf.bitwise.right_shift(segment, tf.constant(32, tf.int64)) & 0xFFFF
        return at(position + tf.where(is_fill, 1, 2 + tf.cast(size, tf.int32)))

    def at(position: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        start = tf.strings.substr(encoded, tf.minimum(position, length), 8)
        eight = tf.io.decode_raw(start, tf.int64, little_endian=False, fixed_length=8)
        return position, eight[0]

    position, segment = tf.while_loop(
        is_other, next_one, at(tf.constant(2)), maximum_iterations=_MAX_SEGMENTS
    )
    return tf.where(is_exif(segment), position + 10, 0)


def _big_endian(start: bytes) -> int:
    """The first eight bytes of a segment as one number."""
    return int.from_bytes(start.ljust(8, b"\0"), "big", signed=True)


def _tiff_in_webp(encoded: tf.Tensor) -> tf.Tensor:
    """Where the TIFF block of the chunk "EXIF" starts; 0 where there is none."""
    length = tf.strings.length(encoded)

    def is_exif(chunk: tf.Tensor) -> tf.Tensor:
        return tf.reduce_all(chunk[:4] == tuple(b"EXIF"))

    def is_other(position: tf.Tensor, chunk: tf.Tensor) -> tf.Tensor:
        return (position < length) & ~is_exif(chunk)

    def next_one(position: tf.Tensor, chunk: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        size = _unsigned(chunk[4:8], big_endian=tf.constant(False))
        sound = (size >= 0) & (size < length)
        position = tf.where(sound, position + 8 + size + size % 2, length)
        return position, _bytes_at(encoded, position, 14)

    position, chunk = tf.while_loop(
        is_other,
        next_one,
        (tf.constant(12), _bytes_at(encoded, tf.constant(12), 14)),
        maximum_iterations=_MAX_SEGMENTS,
    )
    # Some writers put in front what only a JPEG's segment asks for.
    has_name = tf.reduce_all(chunk[8:] == _EXIF)
    return tf.where(is_exif(chunk), tf.where(has_name, position + 14, position + 8), 0)


def _orientation_entry(encoded: tf.Tensor, tiff: tf.Tensor) -> tf.Tensor:
    """The orientation in the first directory of the TIFF block; 1 where it has no valid one."""
    start = _bytes_at(encoded, tiff, 8)
    big_endian = start[0] == 0x4D  # "MM", otherwise "II"
    offset = _unsigned(start[4:], big_endian)
    length = tf.strings.length(encoded)
    directory = tiff + tf.where((offset >= 0) & (offset < length), offset, length)
    count = _unsigned(_bytes_at(encoded, directory, 2), big_endian)
    entries = _bytes_at(encoded, directory + 2, 12 * _MAX_ENTRIES)
    entries = tf.reshape(entries, (_MAX_ENTRIES, 12))[: tf.minimum(count, _MAX_ENTRIES)]
    values = _unsigned(entries[:, 8:10], big_endian)
    found = _unsigned(entries[:, :2], big_endian) == _ORIENTATION_TAG
    valid = found & (values >= 1) & (values <= 8)
    return tf.reduce_max(tf.concat([tf.where(valid, values, 1), [1]], axis=0))


def _unsigned(digits: tf.Tensor, big_endian: tf.Tensor) -> tf.Tensor:
    """The unsigned integers that bytes ``(..., size)`` spell; negative from 2 ** 31 on."""
    shifts = 8 * tf.range(digits.shape[-1])
    shifts = tf.where(big_endian, shifts[::-1], shifts)
    return tf.reduce_sum(tf.bitwise.left_shift(digits, shifts), axis=-1)
