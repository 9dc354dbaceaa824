"""Exports a trained network as a SavedModel that needs none of this code.

    python -m pipeline.export --model=exported/MODEL

The SavedModel decodes, turns upright, resizes and describes. Its signatures:

    serving_default  image_bytes  string [batch], JPEG, PNG, BMP, GIF, WebP of any size
    pixels           images       uint8 [batch, height, width, 3], RGB
    kaggle           input_image  uint8 [height, width, 3], RGB

Each gives ``global_descriptor``, float32 of unit length.
"""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.preprocessing import resize
from models.serving import ServingModel
from models.siamese import load_network
from pipeline import command_line, manifest, model_folder
from pipeline.command_line import setting
from pipeline.progress import logger

# Two graphs of one network differ by the order of float32 sums, no more.
_TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which model."""

    model: Path = setting("Folder of a trained model, exported/MODEL.")
    overwrite: bool = setting("Export again over a finished export.", default=False)


def export(settings: Settings) -> Path:
    """Writes ``saved_model/`` and ``model.json`` beside a model's training.

    Returns:
        The model's folder.

    Raises:
        FileNotFoundError: If the model has not been trained.
        ValueError: If the SavedModel, read back, gives other vectors than the network.
    """
    folder = settings.model
    training = manifest.read_json(
        folder / model_folder.TRAINING / model_folder.TRAINING_FILE,
        f"python -m pipeline.train --output={folder}",
    )
    if not settings.overwrite and _is_current(folder, training):
        logger.info("%s is exported; --overwrite exports it again.", folder)
        return folder
    network = load_network(folder / model_folder.TRAINING / model_folder.NETWORK)
    size = training["settings"]["image_size"]

    def save(part: Path) -> None:
        ServingModel(network, size).save(part)
        _verify(part, network, size)

    manifest.write_atomically(folder / model_folder.SAVED_MODEL, save)
    manifest.write_json(folder / model_folder.MODEL_FILE, _describe(folder, network, training))
    return folder


def _is_current(folder: Path, training: dict[str, Any]) -> bool:
    """Whether what is exported is the network that was trained last."""
    try:
        described = model_folder.read_model_file(folder)
        fingerprint = model_folder.fingerprint(folder)
    except FileNotFoundError:
        return False
    return described["training"] == training and described["fingerprint"] == fingerprint


def _describe(folder: Path, network: keras.Model, training: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "deep",
        "dimension": network.output_shape[-1],
        "input_size": training["settings"]["image_size"],
        "scales": [1.0],
        "parameters": network.count_params(),
        "training": training,
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "fingerprint": model_folder.fingerprint(folder),
    }


def _verify(saved_model: Path, network: keras.Model, size: int) -> None:
    """Compares the SavedModel read back with the network, on an image that needs resizing."""
    image = np.random.default_rng(0).integers(0, 256, (size + 37, size // 2, 3), np.uint8)
    expected = network(resize(image[None], size), training=False).numpy()
    signatures = tf.saved_model.load(str(saved_model)).signatures
    for name, outputs in (
        ("serving_default", signatures["serving_default"](tf.io.encode_png(image)[None])),
        ("pixels", signatures["pixels"](tf.constant(image[None]))),
        ("kaggle", signatures["kaggle"](tf.constant(image))),
    ):
        difference = np.abs(outputs["global_descriptor"] - expected).max()
        if not difference <= _TOLERANCE:
            raise ValueError(
                f"The signature {name} of the SavedModel differs from the trained network by "
                f"{difference:.2g}; at most {_TOLERANCE} is expected."
            )


def main(settings: Settings) -> None:
    """Exports and prints what was made."""
    folder = export(settings)
    described = model_folder.read_model_file(folder)
    print(
        f"{folder}/saved_model: {described['parameters']:,} parameters, vectors of "
        f"{described['dimension']}, fingerprint {described['fingerprint'][:12]}"
    )


if __name__ == "__main__":
    command_line.run(main, Settings)
