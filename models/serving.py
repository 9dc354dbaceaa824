"""The SavedModel that others load: photographs in, unit vectors out, preprocessing inside."""

from pathlib import Path

import keras
import tensorflow as tf

from models.preprocessing import load_photograph, resize


class ServingModel(tf.Module):
    """An embedding network behind three named signatures.

    Args:
        network: From uint8 ``(batch, size, size, 3)`` to ``(batch, dim)`` of unit length.
        size: Side of the network's input, pixels.
    """

    def __init__(self, network: keras.Model, size: int) -> None:
        super().__init__()
        self._network = network
        self._size = size
        self.weights = network.variables  # what a SavedModel of this module has to hold

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serving_default(self, image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes encoded photographs of any size, string ``(batch,)``.

        A JPEG is decoded at a reduced scale where it is large, as in training. The same
        photograph given to ``pixels`` in full differs by a level or so a pixel.
        """
        images = tf.map_fn(
            lambda encoded: load_photograph(encoded, self._size),
            image_bytes,
            fn_output_signature=tf.TensorSpec([self._size, self._size, 3], tf.uint8),
        )
        return self._describe(images)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")])
    def pixels(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes RGB images of one size, uint8 ``(batch, height, width, 3)``."""
        return self._describe(self._resized(images))

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3], tf.uint8, name="input_image")])
    def kaggle(self, input_image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Describes one RGB image, uint8 ``(height, width, 3)``, as Kaggle's contests ask."""
        descriptors = self._describe(self._resized(input_image[None]))
        return {name: batch[0] for name, batch in descriptors.items()}

    def save(self, folder: Path) -> None:
        """Writes the SavedModel with its three signatures."""
        signatures = {
            "serving_default": self.serving_default,
            "pixels": self.pixels,
            "kaggle": self.kaggle,
        }
        tf.saved_model.save(self, str(folder), signatures=signatures)

    def _resized(self, images: tf.Tensor) -> tf.Tensor:
        """Images already of the network's size pass untouched."""
        shape = tf.shape(images)
        fits = (shape[1] == self._size) & (shape[2] == self._size)
        images = tf.cond(fits, lambda: images, lambda: resize(images, self._size))
        return tf.ensure_shape(images, (None, self._size, self._size, 3))

    def _describe(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"global_descriptor": self._network(images, training=False)}
