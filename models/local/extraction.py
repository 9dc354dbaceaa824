"""Local features by a network, with the signature of TF-Hub's DELF."""

import keras
import numpy as np
import tensorflow as tf

from models.delf.local_features import HUB_SPECS, SMALLEST_SIDE
from models.local.receptive_field import ReceptiveField

# Sides of what the network sees are multiples of the backbone's stride, at which "same" padding is
# the same for every size, so that centres are known to the pixel.
_GRID = 32
_LEAST_SIDE = 2 * _GRID
_LEAST_VARIATION = 5.0  # grey levels, the standard deviation around a feature; noise has 3
_CANDIDATES = 4  # times as many features as asked for are compared for overlap


class LocalExtraction(tf.Module):
    """Finds the local features of an image at several scales.

    Args:
        network: From uint8 ``(batch, height, width, 3)`` to descriptors and attention, see
            ``local_network``.
        seen: What a position of its maps sees.
        overlap: Intersection over union of two boxes above which the feature that scores less is
            left out.

    Attributes:
        dimension: Length of a descriptor.
    """

    def __init__(self, network: keras.Model, seen: ReceptiveField, overlap: float) -> None:
        super().__init__()
        self._network = network
        self._seen = seen
        self._overlap = overlap
        self.weights = network.variables  # what a SavedModel of this module has to hold
        self.dimension: int = network.output_shape[0][-1]

    @tf.function(input_signature=HUB_SPECS)
    def default(
        self,
        image: tf.Tensor,
        image_scales: tf.Tensor,
        score_threshold: tf.Tensor,
        max_feature_num: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Finds features as TF-Hub's DELF does, see ``models.delf.local_features``."""
        pixels = tf.saturate_cast(tf.round(image * 255), tf.uint8)
        found = self.of_batch(pixels[None], image_scales, score_threshold, max_feature_num)
        count = found["counts"][0]
        return {name: values[0, :count] for name, values in found.items() if name != "counts"}

    @tf.function(
        input_signature=(
            tf.TensorSpec([None, None, None, 3], tf.uint8, name="images"),
            *HUB_SPECS[1:],
        )
    )
    def of_batch(
        self,
        images: tf.Tensor,
        image_scales: tf.Tensor,
        score_threshold: tf.Tensor,
        max_feature_num: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Finds the features of several images of one size.

        Args:
            images: uint8 ``(batch, height, width, 3)``, RGB.
            image_scales: float32 ``(scales,)``, multiples of their size, at least one.
            score_threshold: float32 scalar; features that score less are left out.
            max_feature_num: int32 scalar.

        Returns:
            What ``default`` gives, with a first axis for the batch, padded with zeros to
            ``max_feature_num``, and ``counts`` int32 ``(batch,)``, how many are no padding.
        """
        is_small = tf.reduce_min(tf.shape(images)[1:3]) < SMALLEST_SIDE
        threshold = tf.where(is_small, tf.float32.max, score_threshold)
        descriptors, scores, boxes, scales = self._at_all(images, image_scales)

        def select(one: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
            """The best features of one image, padded."""
            of_one, its_scores = one
            rows = self._selected(boxes, its_scores, threshold, max_feature_num)
            found = {
                "locations": (tf.gather(boxes, rows)[:, :2] + tf.gather(boxes, rows)[:, 2:]) / 2,
                "descriptors": tf.gather(of_one, rows),
                "boxes": tf.gather(boxes, rows),
                "scales": tf.gather(scales, rows),
                "scores": tf.gather(its_scores, rows),
            }
            missing = max_feature_num - tf.size(rows)
            padded = {
                name: tf.pad(values, [[0, missing]] + [[0, 0]] * (len(values.shape) - 1))
                for name, values in found.items()
            }
            return {**padded, "counts": tf.size(rows)}

        shapes = {"locations": [None, 2], "descriptors": [None, self.dimension]}
        shapes |= {"boxes": [None, 4], "scales": [None], "scores": [None]}
        signature = {name: tf.TensorSpec(shape, tf.float32) for name, shape in shapes.items()}
        signature["counts"] = tf.TensorSpec([], tf.int32)
        return tf.map_fn(select, (descriptors, scores), fn_output_signature=signature)

    def _at_all(self, images: tf.Tensor, image_scales: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Every position at every scale.

        Returns:
            Descriptors ``(batch, n, dimension)``, scores ``(batch, n)``, boxes ``(n, 4)`` and the
            inverse of the scale of each ``(n,)``.
        """
        batch, count = tf.shape(images)[0], tf.shape(image_scales)[0]
        # Positions are the first axis, along which arrays are joined.
        arrays = [tf.TensorArray(tf.float32, count, infer_shape=False) for _ in range(4)]
        for number in tf.range(count):
            scale = image_scales[number]
            seen, attention, boxes = self._at_one(images, scale)
            positions = tf.shape(boxes)[0]
            of_images = tf.reshape(seen, [batch, positions, self.dimension])
            parts = (
                tf.transpose(of_images, [1, 0, 2]),
                tf.transpose(tf.reshape(attention, [batch, positions])),
                boxes,
                tf.fill([positions], 1 / scale),
            )
            arrays = [array.write(number, part) for array, part in zip(arrays, parts, strict=True)]
        shapes = ([None, None, self.dimension], [None, None], [None, 4], [None])
        descriptors, scores, boxes, scales = (
            tf.ensure_shape(array.concat(), shape)
            for array, shape in zip(arrays, shapes, strict=True)
        )
        return tf.transpose(descriptors, [1, 0, 2]), tf.transpose(scores), boxes, scales

    def _at_one(
        self, images: tf.Tensor, scale: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Descriptors and attention at a scale, and boxes ``(rows * columns, 4)``."""
        sides = tf.cast(tf.shape(images)[1:3], tf.float32)
        fitting = tf.cast(tf.round(sides * scale / _GRID), tf.int32) * _GRID
        fitting = tf.maximum(fitting, _LEAST_SIDE)
        resized = tf.image.resize(images, fitting, antialias=True)
        seen, attention = self._network(
            tf.saturate_cast(tf.round(resized), tf.uint8), training=False
        )
        attention = tf.where(self._is_blank(resized), -np.inf, attention)
        factors = sides / tf.cast(fitting, tf.float32)
        tops = self._edges(tf.shape(seen)[1], factors[0])
        lefts = self._edges(tf.shape(seen)[2], factors[1])
        rows, columns = tf.shape(tops)[0], tf.shape(lefts)[0]
        top = tf.repeat(tops, columns, axis=0)
        left = tf.tile(lefts, [rows, 1])
        boxes = tf.stack([top[:, 0], left[:, 0], top[:, 1], left[:, 1]], axis=1)
        return seen, attention, boxes

    def _is_blank(self, images: tf.Tensor) -> tf.Tensor:
        """Where hardly anything is to be seen, as on a wall or in the sky.

        What a network makes of that comes from its padding, and is alike at the same places of
        any two walls.

        Args:
            images: float32 ``(batch, height, width, 3)``, 0 to 255.

        Returns:
            bool ``(batch, rows, columns, 1)``.
        """
        stride = self._seen.stride
        grey = tf.reduce_mean(images, axis=3, keepdims=True)

        def mean(values: tf.Tensor) -> tf.Tensor:
            return tf.nn.avg_pool2d(values, 2 * stride, stride, "SAME")

        return mean(tf.square(grey)) - tf.square(mean(grey)) < _LEAST_VARIATION**2

    def _edges(self, count: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
        """First and last pixel of the original that each position sees, ``(count, 2)``."""
        starts = tf.cast(tf.range(count) * self._seen.stride, tf.float32)
        edges = starts[:, None] + tf.constant([self._seen.first, self._seen.last], tf.float32)
        return (edges + 0.5) * factor - 0.5

    def _selected(
        self, boxes: tf.Tensor, scores: tf.Tensor, threshold: tf.Tensor, most: tf.Tensor
    ) -> tf.Tensor:
        """Rows of the best features that do not overlap too much, best first."""
        best = tf.math.top_k(scores, tf.minimum(_CANDIDATES * most, tf.size(scores))).indices
        best = tf.boolean_mask(best, tf.gather(scores, best) >= tf.maximum(threshold, 0.0))
        kept = tf.image.non_max_suppression(
            tf.gather(boxes, best), tf.gather(scores, best), most, iou_threshold=self._overlap
        )
        return tf.gather(best, kept)
