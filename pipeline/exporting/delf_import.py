"""Brings a published DELF or DELG into a model folder."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from models.delf import global_descriptor, local_features
from models.delf.serving import DelfModel
from models.delf.sources import open_source
from pipeline import manifest, model_folder
from pipeline.exporting import delf_hub
from pipeline.exporting.delf_check import require_same_features
from pipeline.progress import logger


def import_delf(handle: str, folder: Path, *, overwrite: bool) -> Path:
    """Writes ``saved_model/`` and ``model.json`` of a published model.

    Args:
        handle: A handle of TensorFlow Hub, or the folder of a SavedModel.
        folder: The model's folder.
        overwrite: Whether to import again over a finished import.

    Returns:
        The model's folder.

    Raises:
        FileNotFoundError: If the source is missing or cannot be fetched.
        ValueError: If it is no DELF or DELG, has changed since it was imported, the folder is that
            of another model, or the SavedModel, read back, gives something else than the source.
    """
    if (folder / model_folder.TRAINING).exists():
        raise ValueError(
            f"{folder} is the folder of a model that is trained here; name another one, such as "
            f"--model={folder.with_name('delf')}."
        )
    if not overwrite and _is_current(handle, folder):
        logger.info("%s is imported; --overwrite imports it again.", folder)
        return folder
    source_folder = delf_hub.resolve(handle)
    source = open_source(source_folder)
    model = DelfModel(source)

    def save(part: Path) -> None:
        model.save(part)
        require_same_features(part, source_folder, source)

    manifest.write_atomically(folder / model_folder.SAVED_MODEL, save)
    manifest.write_json(
        folder / model_folder.MODEL_FILE,
        {
            **_describe(model),
            "source": {
                "handle": handle,
                "format": source.format,
                "fingerprint": _fingerprint(source_folder),
            },
            "settings": {"delf": handle},
            "training": None,
            "versions": {"tensorflow": tf.__version__},
            "fingerprint": model_folder.fingerprint(folder),
        },
    )
    return folder


def _is_current(handle: str, folder: Path) -> bool:
    """Whether what is imported is the source as it is now.

    A handle of TensorFlow Hub, with its version, is taken to lead to the same for ever.

    Raises:
        ValueError: If it was another source, or another kind of model.
    """
    try:
        described = model_folder.read_model_file(folder)
        fingerprint = model_folder.fingerprint(folder)
    except (FileNotFoundError, ValueError):  # it is damaged: this is what mends it
        return False
    if described["fingerprint"] != fingerprint:  # a half-replaced import
        return False
    source = described.get("source")
    if source is None:
        raise ValueError(
            f"{folder} holds a model of the kind {described['kind']}; name another folder, or pass "
            "--overwrite to import over it."
        )
    if handle == source["handle"] and delf_hub.local_folder(handle) is None:
        return True
    now = _fingerprint(delf_hub.resolve(handle))
    if now != source["fingerprint"]:
        raise ValueError(
            f"{folder} was imported from {source['handle']}, {source['fingerprint'][:12]}; now "
            f"{handle} is {now[:12]}. Name another folder, or pass --overwrite to import it anew."
        )
    return True


def _fingerprint(source_folder: Path) -> str:
    """SHA-256 over the files of a SavedModel that decide what it gives."""
    files = [source_folder / tf.saved_model.SAVED_MODEL_FILENAME_PB]
    for name in ("variables", "assets"):
        files += [path for path in (source_folder / name).rglob("*") if path.is_file()]
    return manifest.fingerprint_files(source_folder, files)


def _describe(model: DelfModel) -> dict[str, Any]:
    """What a model gives; ``dimension`` is that of the global descriptor where there is one."""
    described: dict[str, Any] = {"kind": model.kind}
    if model.local is not None:
        described["dimension"] = described["local_dimension"] = model.local.dimension
        described["local_scales"] = list(local_features.SCALES)
    if model.whole is not None:
        described["dimension"] = model.whole.dimension
        described["scales"] = list(global_descriptor.SCALES)
        described["longest_side"] = global_descriptor.LONGEST_SIDE
    return described
