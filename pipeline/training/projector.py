"""Held-out photographs as points of TensorBoard's embedding projector."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.plugins import projector  # type: ignore[import-untyped]

from pipeline import manifest
from pipeline.training.held_out import HeldOut

_CONFIG = "projector_config.pbtxt"  # the name that TensorBoard looks for
_FOLDER = "projector"
_TENSORS, _METADATA, _SPRITE = "embeddings.tsv", "photographs.tsv", "thumbnails.png"


def write_projector(folder: Path, held_out: HeldOut) -> None:
    """Has TensorBoard show the held-out photographs as they are described now.

    Args:
        folder: Where the run's events are.
        held_out: What to show, instead of what was shown before.
    """
    manifest.write_atomically(folder / _FOLDER, lambda part: _write_points(part, held_out))
    text = text_format.MessageToString(_config(held_out))
    manifest.write_atomically(folder / _CONFIG, lambda part: part.write_text(text))


def _write_points(folder: Path, held_out: HeldOut) -> None:
    folder.mkdir()
    # As text: TensorBoard takes numbers in binary for text where they happen to be valid UTF-8.
    np.savetxt(folder / _TENSORS, held_out.embeddings, fmt="%.5g", delimiter="\t")
    rows = zip(held_out.names, held_out.labels, held_out.ids, strict=True)
    lines = [_line(("landmark", "label", "id"))]
    lines += [_line((name or "unknown", label, photograph)) for name, label, photograph in rows]
    (folder / _METADATA).write_text("".join(lines), encoding="utf-8")
    encoded = tf.io.encode_png(sprite(held_out.thumbnails))
    (folder / _SPRITE).write_bytes(encoded.numpy())


def _line(values: Iterable[object]) -> str:
    """A row of a table; what a name has of tabs and line ends would be more columns and rows."""
    return "\t".join(" ".join(str(value).split()) for value in values) + "\n"


def sprite(thumbnails: np.ndarray) -> np.ndarray:
    """Lays out pictures row by row in a square that holds them all; what is left is black.

    Args:
        thumbnails: uint8 ``(pictures, side, side, 3)``.

    Returns:
        uint8 ``(columns * side, columns * side, 3)``.
    """
    count, side = thumbnails.shape[:2]
    columns = int(np.ceil(np.sqrt(count)))
    cells = np.zeros((columns**2, side, side, 3), np.uint8)
    cells[:count] = thumbnails
    rows = cells.reshape(columns, columns, side, side, 3).transpose(0, 2, 1, 3, 4)
    return rows.reshape(columns * side, columns * side, 3)


def _config(held_out: HeldOut) -> projector.ProjectorConfig:
    config = projector.ProjectorConfig()
    points = config.embeddings.add()
    points.tensor_name = "held-out photographs"
    # TensorBoard refuses what lies outside the folder of the configuration.
    points.tensor_path = f"{_FOLDER}/{_TENSORS}"
    points.tensor_shape.extend(held_out.embeddings.shape)
    points.metadata_path = f"{_FOLDER}/{_METADATA}"
    points.sprite.image_path = f"{_FOLDER}/{_SPRITE}"
    points.sprite.single_image_dim.extend(2 * [held_out.thumbnails.shape[1]])
    return config
