"""A random part of a photograph, as Inception was trained on."""

import tensorflow as tf


def random_part(
    sides: tf.Tensor, seed: tf.Tensor, *, area: tuple[float, float], stretch: float
) -> tf.Tensor:
    """Draws a rectangle of random area, shape and place.

    Szegedy et al., 2015, section 6, https://arxiv.org/abs/1409.4842.

    Args:
        sides: int32 ``(2,)``: height and width of the photograph.
        seed: int ``(2,)``; the same seed always gives the same rectangle.
        area: Smallest and largest share of the photograph's area.
        stretch: The rectangle is at most this many times as wide as high, or as high as wide; at
            least 1.

    Returns:
        int32 ``(4,)``: top, left, height and width. After ten rectangles that are larger than the
        photograph it is all of it.
    """
    begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.concat([sides, [3]], axis=0),
        tf.zeros((1, 0, 4)),
        seed,
        min_object_covered=0.0,
        aspect_ratio_range=(1.0 / stretch, stretch),
        area_range=area,
        max_attempts=10,
        use_image_if_no_bounding_boxes=True,
    )
    return tf.ensure_shape(tf.concat([begin[:2], extent[:2]], axis=0), (4,))
