"""What a backbone's weights expect of pixels."""

from typing import Any, Literal

import keras

PixelScale = Literal["caffe", "tf", "torch", "halves"]


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class ImagenetPreprocessing(keras.layers.Layer):
    """Scales RGB pixels 0 to 255 as the backbone's ImageNet weights expect them.

    It computes in float32 whatever the backbone computes in: a mean of 123.68 is 123.5 in
    bfloat16. Of ConvNeXt and EfficientNetV2 it stands for the layers that keras.applications
    would put inside the backbone.

    Args:
        mode: ``"caffe"`` turns RGB into BGR and subtracts ImageNet's channel means; ``"tf"``
            scales to -1..1; ``"torch"`` scales to 0..1, subtracts the means and divides by the
            standard deviations; ``"halves"`` scales to ``x / 128 - 1``.

    Input shape:
        ``(batch, height, width, 3)``, any numeric type.

    Output shape:
        The same, float32.
    """

    def __init__(self, mode: PixelScale, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.mode = mode

    def call(self, inputs: Any) -> Any:
        pixels = keras.ops.cast(inputs, self.compute_dtype)
        if self.mode == "halves":
            return pixels / 128 - 1
        return keras.applications.imagenet_utils.preprocess_input(pixels, mode=self.mode)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}
