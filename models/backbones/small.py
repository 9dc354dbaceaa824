"""A small residual network to train from scratch on a processor."""

from typing import Any

import keras
from keras import layers


def small_backbone() -> keras.Model:
    """Four stages of 3x3 convolutions with batch normalisation at strides 2 to 16.

    About 0.3 million weights.
    """
    inputs = keras.Input((None, None, 3))
    x = _convolution(inputs, 24, "stem", stride=2)
    x = layers.Activation("relu", name="stem_out")(x)
    for stage, width in ((2, 32), (3, 64), (4, 128)):
        x = _residual_block(x, width, f"stage{stage}")
    return keras.Model(inputs, x, name="small")


def _residual_block(x: Any, width: int, name: str) -> Any:
    shortcut = layers.Conv2D(width, 1, strides=2, use_bias=False, name=f"{name}_shortcut")(x)
    x = _convolution(x, width, f"{name}_1", stride=2)
    x = layers.Activation("relu", name=f"{name}_1_out")(x)
    x = _convolution(x, width, f"{name}_2")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.Activation("relu", name=f"{name}_out")(x)


def _convolution(x: Any, width: int, name: str, *, stride: int = 1) -> Any:
    x = layers.Conv2D(
        width, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_convolution"
    )(x)
    return layers.BatchNormalization(name=f"{name}_normalisation")(x)
