"""Makes model folders of what needs no training: HOG and SIFT."""

import importlib.metadata
from pathlib import Path
from typing import Any, Literal

from models import hog
from models.local import sift
from pipeline import manifest, model_folder
from pipeline.local_features.sift_extractor import CONTRAST, SIDE
from pipeline.progress import logger

Classical = Literal["hog", "sift"]
SETTINGS_FILE = "settings.json"  # in the folder's parts: how features are found


def export_classical(
    kind: Classical, folder: Path, settings: dict[str, Any], *, overwrite: bool
) -> None:
    """Writes ``parts/`` and ``model.json``, unless they are there.

    Args:
        kind: What is to describe photographs.
        folder: The model's folder.
        settings: How it does; what decides its descriptions.
        overwrite: Whether to write over a finished one with other settings.

    Raises:
        ValueError: If the folder is that of a network, or of the same with other settings.
    """
    if (folder / model_folder.TRAINING).exists() or (folder / model_folder.SAVED_MODEL).exists():
        raise ValueError(
            f"{folder} is the folder of a network; name another one, such as "
            f"--model={folder.with_name(kind)}."
        )
    told = {"kind": kind, **settings}
    if not overwrite and _is_current(folder, told):
        logger.info("%s is finished; --overwrite makes it again.", folder)
        return
    names = ("opencv-python-headless", "scikit-image")
    versions = {name: importlib.metadata.version(name) for name in names}
    manifest.write_atomically(
        folder / model_folder.PARTS,
        lambda part: manifest.write_json(part / SETTINGS_FILE, told),
    )
    manifest.write_json(
        folder / model_folder.MODEL_FILE,
        {
            "kind": kind,
            **_dimensions(kind),
            "settings": settings,
            "training": None,
            "versions": versions,
            "fingerprint": model_folder.fingerprint(folder),
        },
    )


def sift_settings(*, upright: bool) -> dict[str, Any]:
    """What decides SIFT's features."""
    return {"upright": upright, "contrast": CONTRAST, "side": SIDE}


def _dimensions(kind: Classical) -> dict[str, int]:
    if kind == "hog":
        return {"dimension": hog.DIMENSION}
    return {"dimension": sift.DIMENSION, "local_dimension": sift.DIMENSION}


def _is_current(folder: Path, told: dict[str, Any]) -> bool:
    """Whether the same is there already.

    Raises:
        ValueError: If the folder holds something else.
    """
    try:
        described = model_folder.read_model_file(folder)
        is_whole = described["fingerprint"] == model_folder.fingerprint(folder)
    except (FileNotFoundError, ValueError):  # it is damaged: this is what mends it
        return False
    before = {"kind": described["kind"], **described["settings"]}
    if is_whole and before != told:
        raise ValueError(
            f"{folder} was made with other settings ({before}, now {told}); name another folder, "
            "or pass --overwrite to make it anew."
        )
    return is_whole
