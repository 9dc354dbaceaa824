"""Convolutional backbones: an RGB photograph in, a feature map out."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import keras
from keras import layers

BackboneName = Literal["resnet50", "vgg16", "mobilenet_v2", "small"]
BACKBONES: tuple[str, ...] = get_args(BackboneName)

_APPLICATIONS: dict[str, Callable[..., keras.Model]] = {
    "resnet50": keras.applications.ResNet50,
    "vgg16": keras.applications.VGG16,
    "mobilenet_v2": keras.applications.MobileNetV2,
}


@keras.saving.register_keras_serializable(package="landmark_retrieval")
class ImagenetPreprocessing(layers.Layer):
    """Scales RGB pixels 0 to 255 as the backbone's ImageNet weights expect them.

    Args:
        mode: ``"tf"`` scales to -1..1 (MobileNetV2); ``"caffe"`` turns RGB into BGR and
            subtracts ImageNet's channel means (ResNet50, VGG16).

    Input shape:
        ``(batch, height, width, 3)``, any numeric type.

    Output shape:
        The same, float32.
    """

    def __init__(self, mode: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mode = mode

    def call(self, inputs: Any) -> Any:
        pixels = keras.ops.cast(inputs, self.compute_dtype)
        return keras.applications.imagenet_utils.preprocess_input(pixels, mode=self.mode)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}


def preprocessing(name: str) -> ImagenetPreprocessing:
    """The preprocessing layer that belongs to a backbone."""
    return ImagenetPreprocessing("caffe" if name in ("resnet50", "vgg16") else "tf")


def build_backbone(name: str, weights: str) -> keras.Model:
    """Builds a backbone without its classifier.

    Args:
        name: One of ``BACKBONES``.
        weights: ``"imagenet"`` (downloaded once by Keras), ``"none"`` for random ones, or a
            ``.weights.h5`` file saved from the same network without classifier.

    Returns:
        A model from preprocessed ``(batch, height, width, 3)`` to
        ``(batch, height / 32, width / 32, channels)``; of ``small``, a sixteenth.

    Raises:
        FileNotFoundError: If the weights file is missing or ImageNet's cannot be downloaded.
        ValueError: For an unknown name, or weights of another network.
    """
    if name not in BACKBONES:
        raise ValueError(f"A backbone is one of {', '.join(BACKBONES)}. Received: {name}.")
    if name == "small":
        if weights == "imagenet":
            raise ValueError("The small backbone has no ImageNet weights; pass --weights=none.")
        backbone = small_backbone()
    else:
        backbone = _application(name, "imagenet" if weights == "imagenet" else None)
    if weights not in ("imagenet", "none"):
        _load_weights(backbone, name, Path(weights))
    return backbone


def _application(name: str, weights: str | None) -> keras.Model:
    try:
        with warnings.catch_warnings():  # that MobileNetV2's weights are those for 224 pixels
            warnings.simplefilter("ignore", UserWarning)
            return _APPLICATIONS[name](
                include_top=False, weights=weights, input_shape=(None, None, 3)
            )
    except Exception as error:  # Keras wraps whatever the download raised in a bare Exception
        if weights is None:
            raise
        raise FileNotFoundError(
            f"The ImageNet weights of {name} could not be downloaded ({error}). Pass "
            "--weights=FILE with a .weights.h5 file of this network without its classifier, "
            "or --weights=none to train from scratch."
        ) from error


def _load_weights(backbone: keras.Model, name: str, path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(
            f"--weights={path} is no file. Pass imagenet, none, or a .weights.h5 file."
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # one a layer, before Keras refuses the file
            backbone.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        reason = str(error).splitlines()[0].partition(" Example error message")[0].rstrip(".")
        raise ValueError(
            f"--weights={path} does not fit {name} without its classifier: {reason}. "
            f"Pass the weights of {name}, or the --backbone they were saved from."
        ) from error


def small_backbone() -> keras.Model:
    """A small residual network to train from scratch on a processor.

    Four stages of two 3x3 convolutions with batch normalisation at strides 2 to 16; about
    0.3 million weights.
    """
    inputs = keras.Input((None, None, 3))
    x = _convolution(inputs, 24, stride=2)
    for width in (32, 64, 128):
        x = _residual_block(x, width)
    return keras.Model(inputs, x, name="small")


def _convolution(x: Any, width: int, *, stride: int = 1, activation: str | None = "relu") -> Any:
    x = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x) if activation else x


def _residual_block(x: Any, width: int) -> Any:
    shortcut = layers.Conv2D(width, 1, strides=2, use_bias=False)(x)
    x = _convolution(x, width, stride=2)
    x = _convolution(x, width, activation=None)
    return layers.Activation("relu")(layers.Add()([x, shortcut]))
