"""The folder of a model under ``exported/``: where its parts lie and what ``model.json`` says."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import manifest

MODEL_FILE = "model.json"
TRAINING = "training"
TRAINING_FILE = "training.json"
NETWORK = "network.keras"
# Content ids of what the network was trained on, bytes (photographs,).
LEARNED_CONTENTS = "photograph_contents.npy"
SAVED_MODEL = "saved_model"
# Likewise of what the exported whitening was learned from, within the SavedModel, whose
# "assets.extra" is for what others add.
WHITENING_CONTENTS = "assets.extra/photograph_contents.npy"
EMBEDDINGS = "embeddings"
LOCAL_FEATURES = "local_features"
INDEXES = "indexes"
METRICS = "metrics"
_EXPORT_COMMAND = "python -m pipeline.export --model={folder}"


def read_model_file(folder: Path) -> dict[str, Any]:
    """What ``model.json`` says of a model.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
        ValueError: If the file is damaged.
    """
    command = _EXPORT_COMMAND.format(folder=folder)
    return manifest.read_json(folder / MODEL_FILE, command, "fingerprint")


def learned_contents(folder: Path) -> np.ndarray:
    """Content ids of the photographs that an exported model learned from, bytes ``(n,)``.

    Those that the network was trained on and those that its whitening was learned from, each
    once; a network that was not trained (``--epochs=0``) learned from none. What an imported
    model learned from is not known: see ``is_imported``.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
    """
    training = read_model_file(folder)["training"]
    trained = [folder / TRAINING / LEARNED_CONTENTS] if _was_trained(training) else []
    paths = [*trained, folder / SAVED_MODEL / WHITENING_CONTENTS]
    contents = [np.load(path) for path in paths if path.is_file()]
    return np.unique(np.concatenate([np.zeros(0, bytes), *contents]))


def embeddings(folder: Path, data: str) -> str:
    """The folder of a data set's embeddings: its name in the model's, or a folder elsewhere."""
    return os.path.expanduser(data) if "/" in data else str(folder / EMBEDDINGS / data)


def _was_trained(training: dict[str, Any] | None) -> bool:
    if training is None:
        return False
    return training["settings"]["epochs"] > 0 or _was_trained(training.get("beneath"))


def is_imported(folder: Path) -> bool:
    """Whether a model was trained elsewhere, on photographs that are not known here."""
    return read_model_file(folder)["training"] is None


def require_global_descriptor(folder: Path, described: dict[str, Any]) -> None:
    """Checks that a model describes a photograph by one vector.

    Args:
        folder: The model's folder.
        described: What its ``model.json`` says.

    Raises:
        ValueError: If it gives local features only.
    """
    if described["kind"] == "delf":
        raise ValueError(
            f"{folder} has no global descriptor, only local features, behind the signature default "
            "of its SavedModel; embedding, indexing and searching need one vector a photograph. "
            "Name a trained model, or import a DELG with `python -m pipeline.export --delf=DIR`."
        )


def of_index(index: Path) -> Path:
    """The model's folder that an index lies in, from whatever folder it is named."""
    return Path(os.path.normpath(index / ".." / ".."))


def fingerprint(folder: Path) -> str:
    """SHA-256 over the files of a SavedModel that decide its vectors.

    Its own ``fingerprint.pb`` is left out, which differs between equal exports.

    Raises:
        FileNotFoundError: If there is none, or a part of it is missing.
    """
    saved_model = folder / SAVED_MODEL
    try:
        return fingerprint_saved_model(saved_model)
    except FileNotFoundError as error:
        command = _EXPORT_COMMAND.format(folder=folder)
        raise FileNotFoundError(
            f"{saved_model} is missing or not whole; make it with `{command}`."
        ) from error


def fingerprint_saved_model(saved_model: Path) -> str:
    """The same of a SavedModel wherever it lies.

    Raises:
        FileNotFoundError: If a part of it is missing.
    """
    files = [saved_model / "saved_model.pb", *(saved_model / "variables").iterdir()]
    return manifest.fingerprint_files(saved_model, files)


def require_made_by(folder: Path, artefact: Path, made_by: str) -> None:
    """Checks that what lies in a model's folder was made by the model that is there now.

    Args:
        folder: The model's folder.
        artefact: Embeddings or an index.
        made_by: Fingerprint of the model that made it.

    Raises:
        ValueError: If that was another one, naming both.
    """
    fingerprint_now = read_model_file(folder)["fingerprint"]
    if made_by != fingerprint_now:
        raise ValueError(
            f"{artefact} was made by the model {made_by[:12]}; {folder} is {fingerprint_now[:12]}, "
            "whose vectors cannot be compared with it. Describe the photographs anew with `python "
            "-m pipeline.embed --overwrite`, then run `python -m pipeline.build_index`."
        )
