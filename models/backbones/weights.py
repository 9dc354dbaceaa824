"""Weights of a backbone from a file."""

import warnings
from pathlib import Path

import h5py
import keras
import numpy as np


def load_weights(backbone: keras.Model, path: Path) -> None:
    """Reads a file of weights that were saved from the same network without classifier.

    Args:
        backbone: The network to fill.
        path: A ``.weights.h5`` file, or a ``.h5`` file in Keras's older format.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, or its weights are those of another network.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"--weights={path} is no file. Pass imagenet, none, or a .weights.h5 file."
        )
    _require_as_many(backbone, path)
    try:
        with warnings.catch_warnings(action="ignore"):  # one a layer, before Keras refuses the file
            backbone.load_weights(path)
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0].partition(" Example error message")[0].rstrip(".")
        raise _misfit(backbone, path, reason) from error
    if not all(np.isfinite(weights).all() for weights in backbone.get_weights()):
        raise ValueError(f"--weights={path} is damaged: it holds infinite or undefined numbers.")


def _require_as_many(backbone: keras.Model, path: Path) -> None:
    """Checks the count, for Keras passes over what a file holds beyond the network."""
    try:
        with h5py.File(path) as file:
            found = _count_weights(file)
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"--weights={path} is empty, damaged or no HDF5 file: {error}.") from error
    expected = backbone.count_params()
    if found != expected:
        raise _misfit(
            backbone, path, f"it holds {found:,} weights, and the network has {expected:,}"
        )


def _count_weights(file: h5py.File) -> int:
    """How many numbers a file holds beside an optimizer's."""
    sizes = []

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            sizes.append(item.size)

    file.visititems(visit)
    return sum(sizes)


def _misfit(backbone: keras.Model, path: Path, reason: str) -> ValueError:
    return ValueError(
        f"--weights={path} does not fit {backbone.name} without its classifier: {reason}. "
        f"Pass weights of {backbone.name} saved without classifier (include_top=False), or the "
        "--backbone they were saved from."
    )
