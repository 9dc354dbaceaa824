"""The global descriptor of DELG behind the signatures that this project's models have."""

from collections.abc import Callable

import tensorflow as tf

from models.delf.local_features import SMALLEST_SIDE
from models.delf.named_function import NamedFunction
from models.delf.sources import GLOBAL_OUTPUTS, Source
from models.preprocessing import decode_photograph

# Those that DELG is described at and the size it sees, in its authors' own configurations:
# https://github.com/tensorflow/models/tree/master/research/delf/delf/python/delg
SCALES = (0.70710677, 1.0, 1.4142135)
LONGEST_SIDE = 1024

# From an element of a batch to uint8 (height, width, 3).
See = Callable[[tf.Tensor], tf.Tensor]


class GlobalDescriptor(tf.Module):
    """Describes photographs as DELG does, one at a time, the aspect ratio kept.

    A photograph with a side above 1,024 pixels is reduced to that. The descriptions at the three
    scales are each scaled to unit length, summed, and scaled again. Cao et al., 2020,
    https://arxiv.org/abs/2001.05027.

    Args:
        source: A model that has a global descriptor. One that gives a single vector has pooled its
            scales, perhaps fixed ones, itself.

    Attributes:
        dimension: Length of a description.

    Raises:
        ValueError: If the model has none.
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        if source.whole is None:
            raise ValueError("A source with a global descriptor is expected. Received: none in it.")
        self._holds = source.holds
        self._function: NamedFunction = source.whole
        self.dimension = int(self._describe(tf.zeros((64, 64, 3), tf.uint8)).shape[-1])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serving_default(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes encoded photographs of any size, string ``(batch,)``."""
        return self.describe_prepared(
            tf.map_fn(self.prepare, image_bytes, fn_output_signature=tf.string)
        )

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")])
    def pixels(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes RGB images of one size, uint8 ``(batch, height, width, 3)``."""
        return self._describe_each(images, _fit)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8, name="input_image")])
    def kaggle(self, input_image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes one RGB image, uint8 ``(height, width, 3)``, as Kaggle's contests ask."""
        return {name: batch[0] for name, batch in self.pixels(input_image[None]).items()}

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def prepare(self, encoded: tf.Tensor) -> tf.Tensor:
        """Decodes one photograph of any size, a string scalar.

        Returns:
            What the network sees of it, uint8 ``(height, width, 3)``, as one string: so photographs
            of different sizes are one batch, and none is padded.
        """
        return tf.io.serialize_tensor(_fit(decode_photograph(encoded)))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def describe_prepared(self, prepared: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes a batch of what ``prepare`` gives, string ``(batch,)``."""
        return self._describe_each(prepared, lambda one: tf.io.parse_tensor(one, tf.uint8))

    def _describe_each(self, batch: tf.Tensor, see: See) -> dict[str, tf.Tensor]:
        described = tf.map_fn(
            lambda one: self._describe(tf.ensure_shape(see(one), (None, None, 3))),
            batch,
            fn_output_signature=tf.TensorSpec([self.dimension]),
        )
        return {"global_descriptor": described}

    def _describe(self, image: tf.Tensor) -> tf.Tensor:
        """From uint8 ``(height, width, 3)`` to ``(dimension,)``, unit length."""
        given = {
            "input_image": image,
            "input_scales": tf.constant(SCALES),
            "input_global_scales_ind": tf.range(len(SCALES)),
            # Of a model that does both at once, no local features are wanted.
            "input_abs_thres": tf.constant(tf.float32.max),
            "input_max_feature_num": tf.constant(1),
        }
        found = self._function(given)
        of_each, pooled = GLOBAL_OUTPUTS
        of_scales = found[of_each] if of_each in found else found[pooled][None]
        summed = tf.reduce_sum(tf.math.l2_normalize(of_scales, axis=1), axis=0)
        return tf.math.l2_normalize(summed, axis=0)


def _fit(image: tf.Tensor) -> tf.Tensor:
    """Reduces uint8 ``(height, width, 3)`` to sides that DELG sees, 10 to 1,024 pixels.

    A triangle filter, as Pillow's, which DELG's extractor reduces with. DELG describes nothing
    narrower than 10 pixels; here a strip is widened to that.
    """
    sides = tf.shape(image)[:2]
    factor = tf.minimum(1.0, LONGEST_SIDE / tf.cast(tf.reduce_max(sides), tf.float32))
    fitting = tf.cast(tf.round(tf.cast(sides, tf.float32) * factor), tf.int32)
    fitting = tf.maximum(fitting, SMALLEST_SIDE)

    def resized() -> tf.Tensor:
        smooth = tf.image.resize(image, fitting, antialias=True)
        return tf.saturate_cast(tf.round(smooth), tf.uint8)

    return tf.cond(tf.reduce_all(fitting == sides), lambda: tf.identity(image), resized)
