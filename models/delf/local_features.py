"""Local features with the signature of TF-Hub's DELF, from whatever format."""

import tensorflow as tf

from models.delf.named_function import NamedFunction
from models.delf.sources import HUB_OUTPUTS, Source

# What DELF is usually run at: https://www.tensorflow.org/hub/tutorials/tf_hub_delf_module.
SCALES = (0.25, 0.3536, 0.5, 0.7071, 1.0, 1.4142, 2.0)
# DELF's own extractor finds nothing in smaller images:
# https://github.com/tensorflow/models/blob/master/research/delf/delf/python/examples/extractor.py
SMALLEST_SIDE = 10
# What the signature of TF-Hub's DELF takes.
HUB_SPECS = (
    tf.TensorSpec([None, None, 3], tf.float32, name="image"),
    tf.TensorSpec([None], tf.float32, name="image_scales"),
    tf.TensorSpec([], tf.float32, name="score_threshold"),
    tf.TensorSpec([], tf.int32, name="max_feature_num"),
)


class LocalFeatures(tf.Module):
    """Finds the local features of an image.

    The descriptors are the source's own. TF-Hub's DELF has PCA inside and gives unit vectors of
    40. An archive's ``features`` are scaled to unit length, as DELF's own extractor scales them;
    a DELG brings an autoencoder to 128 inside, while the PCA that lies beside a DELF archive
    is no part of it and is not applied.

    Args:
        source: A model that has local features.

    Attributes:
        dimension: Length of a descriptor.

    Raises:
        ValueError: If the model has none.
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        if source.local is None:
            raise ValueError("A source with local features is expected. Received: none in it.")
        self._holds = source.holds
        self._is_archive = source.format != "tf_hub"
        self._function: NamedFunction = source.local
        nothing = self.default(tf.zeros((64, 64, 3)), tf.ones(1), tf.float32.max, tf.constant(1))
        self.dimension = int(nothing["descriptors"].shape[-1])

    @tf.function(input_signature=HUB_SPECS)
    def default(
        self,
        image: tf.Tensor,
        image_scales: tf.Tensor,
        score_threshold: tf.Tensor,
        max_feature_num: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Finds features, at most ``max_feature_num``, the highest scores first.

        Args:
            image: float32 ``(height, width, 3)``, RGB, 0 to 1.
            image_scales: float32 ``(scales,)``, multiples of its size, at least one.
            score_threshold: float32 scalar; features that score less are left out.
            max_feature_num: int32 scalar.

        Returns:
            ``locations`` ``(n, 2)``, y and x in pixels of the image; ``descriptors``
            ``(n, dimension)``, unit length; ``boxes`` ``(n, 4)``, receptive fields as top, left,
            bottom, right; ``scales`` ``(n,)``, the inverse of those given; ``scores`` ``(n,)``;
            where the source has them, ``features`` ``(n, channels)``, before any projection. All
            float32; ``n`` is 0 where nothing is found, as in an image below 10 pixels.
        """
        # A threshold that nothing reaches has the source itself give nothing.
        is_small = tf.reduce_min(tf.shape(image)[:2]) < SMALLEST_SIDE
        threshold = tf.where(is_small, tf.float32.max, score_threshold)
        enlarged = tf.zeros((SMALLEST_SIDE, SMALLEST_SIDE, 3))
        image = tf.ensure_shape(
            tf.cond(is_small, lambda: enlarged, lambda: tf.identity(image)), (None, None, 3)
        )
        if self._is_archive:
            return self._of_archive(image, image_scales, threshold, max_feature_num)
        return self._of_hub(image, image_scales, threshold, max_feature_num)

    def _of_hub(
        self, image: tf.Tensor, scales: tf.Tensor, threshold: tf.Tensor, most: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        given = {
            "image": image,
            "image_scales": scales,
            "score_threshold": threshold,
            "max_feature_num": most,
        }
        found = self._function(given)
        names = [*HUB_OUTPUTS, *(["features"] if "features" in found else [])]
        return _flattened({name: found[name] for name in names})

    def _of_archive(
        self, image: tf.Tensor, scales: tf.Tensor, threshold: tf.Tensor, most: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        given = {
            "input_image": tf.saturate_cast(tf.round(image * 255), tf.uint8),
            "input_scales": scales,
            "input_abs_thres": threshold,
            "input_max_feature_num": most,
            # Some scale has to be described as a whole too, by a model that does both at once.
            "input_global_scales_ind": tf.constant([0]),
        }
        found = self._function(given)
        boxes, features = found["boxes"], found["features"]
        return _flattened(
            {
                "locations": (boxes[:, :2] + boxes[:, 2:]) / 2,
                "descriptors": tf.math.l2_normalize(features, axis=1),
                "boxes": boxes,
                "features": features,
                "scales": found["scales"],
                "scores": found["scores"],
            }
        )


def _flattened(found: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """DELF gives its scores as ``(n, 1)``."""
    return {**found, **{name: tf.reshape(found[name], [-1]) for name in ("scales", "scores")}}
