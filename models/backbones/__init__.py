"""Convolutional backbones: an RGB photograph in, a feature map out."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import keras

from models.backbones.architectures import ARCHITECTURES, BACKBONES, BackboneName
from models.backbones.preprocessing import ImagenetPreprocessing
from models.backbones.weights import load_weights

__all__ = ["BACKBONES", "BackboneName", "Precision", "build_backbone", "preprocessing"]

Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]


def preprocessing(name: str) -> ImagenetPreprocessing:
    """The preprocessing layer that belongs to a backbone."""
    return ImagenetPreprocessing(ARCHITECTURES[name].pixels)


def build_backbone(name: str, weights: str, *, precision: Precision = "float32") -> keras.Model:
    """Builds a backbone without its classifier.

    Args:
        name: One of ``BACKBONES``.
        weights: ``"imagenet"`` (downloaded once by Keras), ``"none"`` for random ones, or a
            ``.weights.h5`` file saved from the same network without classifier.
        precision: What it computes in; under the mixed ones its weights are float32 still.

    Returns:
        A model of that name from preprocessed ``(batch, height, width, 3)`` to
        ``(batch, height / 32, width / 32, channels)``; of ``small``, a sixteenth.

    Raises:
        FileNotFoundError: If the weights file is missing or ImageNet's cannot be downloaded.
        ValueError: For an unknown name, weights of another network, or a damaged file.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"A backbone is one of {', '.join(BACKBONES)}. Received: {name}.")
    if name == "small" and weights == "imagenet":
        raise ValueError("The small backbone has no ImageNet weights; pass --weights=none.")
    with _computing_in(precision):
        network = _build(name, "imagenet" if weights == "imagenet" else None)
        backbone = keras.Model(network.input, network.output, name=name)
    if weights not in ("imagenet", "none"):
        load_weights(backbone, Path(weights))
    return backbone


def _build(name: str, weights: str | None) -> keras.Model:
    try:
        with warnings.catch_warnings():  # that MobileNetV2's weights are those for 224 pixels
            warnings.simplefilter("ignore", UserWarning)
            return ARCHITECTURES[name].build(weights)
    except Exception as error:  # Keras wraps whatever the download raised in a bare Exception
        if weights is None:
            raise
        raise FileNotFoundError(
            f"The ImageNet weights of {name} could not be downloaded ({error}). Pass "
            "--weights=FILE with a .weights.h5 file of this network without its classifier, "
            "or --weights=none to train from scratch."
        ) from error


@contextlib.contextmanager
def _computing_in(precision: str) -> Iterator[None]:
    """Layers made within have the policy; keras.applications takes none as an argument."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
