"""Where a handle of TensorFlow Hub leads, and what lies there, as others load it."""

import functools
import types
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

HANDLE = "https://tfhub.dev/google/delf/1"
ARCHIVES = "https://github.com/tensorflow/models/tree/master/research/delf#pre-trained-models"


def local_folder(handle: str) -> Path | None:
    """The folder that a handle names, of which ``~`` is the user's home; None if there is none."""
    folder = Path(handle).expanduser()
    return folder if folder.is_dir() else None


def resolve(handle: str) -> Path:
    """Finds the folder of a handle; what is not on this machine is downloaded, once.

    TensorFlow Hub keeps downloads in ``TFHUB_CACHE_DIR``.

    Args:
        handle: An address that TensorFlow Hub knows, or a folder.

    Raises:
        FileNotFoundError: If there is no such folder, or the address cannot be reached.
    """
    folder = local_folder(handle)
    if folder is not None:
        return folder
    if "://" not in handle:
        raise FileNotFoundError(
            f"--delf={handle} is no folder. Name the folder of a SavedModel or the handle "
            f"{HANDLE}; archives of DELF and DELG are at {ARCHIVES}."
        )
    try:
        return Path(_tensorflow_hub().resolve(handle))
    except (OSError, RuntimeError, tf.errors.OpError) as error:
        raise FileNotFoundError(
            f"--delf={handle} cannot be fetched ({error}). A folder does as well: download DELF "
            f"from {HANDLE}, or an archive of DELF or DELG from {ARCHIVES}, on a machine that "
            "reaches them, unpack it, and pass --delf=DIR."
        ) from error


def load(folder: Path, tags: Sequence[str]) -> Any:
    """Loads a SavedModel as every user of TensorFlow Hub does."""
    return _tensorflow_hub().load(str(folder), tags=list(tags))


@functools.cache
def _tensorflow_hub() -> types.ModuleType:
    with warnings.catch_warnings():
        # Version 0.16.1 imports it; setup.py pins the setuptools that still bring it.
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
        import tensorflow_hub  # noqa: PLC0415  # it takes a second, which no other stage needs
    return tensorflow_hub
