"""The folder of a model under ``exported/``: where its parts lie and what ``model.json`` says."""

from pathlib import Path
from typing import Any

from pipeline import manifest

MODEL_FILE = "model.json"
TRAINING = "training"
TRAINING_FILE = "training.json"
NETWORK = "network.keras"
LEARNED_IDS = "photograph_ids.npy"  # of what the network was trained on, bytes (photographs,)
SAVED_MODEL = "saved_model"
EMBEDDINGS = "embeddings"
INDEXES = "indexes"
METRICS = "metrics"
_EXPORT_COMMAND = "python -m pipeline.export --model={folder}"


def read_model_file(folder: Path) -> dict[str, Any]:
    """What ``model.json`` says of a model.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
    """
    return manifest.read_json(folder / MODEL_FILE, _EXPORT_COMMAND.format(folder=folder))


def fingerprint(folder: Path) -> str:
    """SHA-256 over the files of a SavedModel that decide its vectors.

    Its own ``fingerprint.pb`` is left out, which differs between equal exports.
    """
    saved_model = folder / SAVED_MODEL
    files = [saved_model / "saved_model.pb", *(saved_model / "variables").iterdir()]
    return manifest.fingerprint_files(saved_model, files)
