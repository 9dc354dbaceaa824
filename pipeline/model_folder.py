"""The folder of a model under ``exported/``: where its parts lie and what ``model.json`` says."""

import contextlib
import json
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
LEARNED_LANDMARKS = "landmarks.json"  # names of the landmarks that these show
SAVED_MODEL = "saved_model"
# Likewise of what the exported whitening was learned from, within the SavedModel, whose
# "assets.extra" is for what others add.
WHITENING_CONTENTS = "assets.extra/photograph_contents.npy"
# What decides the descriptions of a model that is no network: all files below.
PARTS = "parts"
PARTS_CONTENTS = "photograph_contents.npy"  # in the model's folder: likewise, of its vocabulary
EMBEDDINGS = "embeddings"
LOCAL_FEATURES = "local_features"
INDEXES = "indexes"
METRICS = "metrics"
TRIPLETS = "triplets"  # descriptions of the photographs of Kaggle's triplets
_LOCAL_KINDS = ("delf", "sift")
_OF_AN_EXPORT = "fingerprint.pb"  # of a SavedModel
WORDS = "words"  # kind of a model of visual words
EXTRACTOR = "extractor"  # in its parts: the model that finds local features
PARTS_SETTINGS = "settings.json"  # in the parts of any model that is no network
_COMMANDS = {
    WORDS: "python -m pipeline.learn_words --extractor=exported/MODEL --data=NAME --model={folder} "
    "--overwrite",
    "sift": "python -m pipeline.export --classical=sift --model={folder}",
    "hog": "python -m pipeline.export --classical=hog --model={folder}",
}
_EXPORT_COMMAND = "python -m pipeline.export --model={folder}"


def kind_of(folder: Path) -> str:
    """The kind of a model by what is left of it: its ``model.json``, else its parts; "" if neither.

    A network's is not told without ``model.json``.
    """
    for path in (folder / MODEL_FILE, folder / PARTS / PARTS_SETTINGS):
        with contextlib.suppress(OSError, ValueError):  # gone or damaged
            told = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(told, dict) and "kind" in told:
                return str(told["kind"])
    return WORDS if (folder / PARTS / EXTRACTOR).is_dir() else ""


def command_that_makes(folder: Path) -> str:
    """The command that makes a model again where it is damaged."""
    return _COMMANDS.get(kind_of(folder), _EXPORT_COMMAND).format(folder=folder)


def read_model_file(folder: Path) -> dict[str, Any]:
    """What ``model.json`` says of a model.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
        ValueError: If the file is damaged.
    """
    return manifest.read_json(folder / MODEL_FILE, command_that_makes(folder), "fingerprint")


def learned_contents(folder: Path) -> np.ndarray:
    """Content ids of the photographs that an exported model learned from, bytes ``(n,)``.

    Those that the network was trained on and those that its whitening or its vocabulary was
    learned from, each once; a network that was not trained (``--epochs=0``) learned from none.
    What an imported model learned from is not known: see ``is_imported``.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
    """
    training = read_model_file(folder)["training"]
    trained = [folder / TRAINING / LEARNED_CONTENTS] if _was_trained(training) else []
    paths = [*trained, folder / SAVED_MODEL / WHITENING_CONTENTS, folder / PARTS_CONTENTS]
    contents = [np.load(path) for path in paths if path.is_file()]
    return np.unique(np.concatenate([np.zeros(0, bytes), *contents]))


def learned_landmarks(folder: Path) -> set[str] | None:
    """Names of the landmarks that an exported model learned from.

    Returns:
        None where they are not known: of triplets or other photographs without landmarks, of a
        model that was trained before names were kept, and where a whitening or a vocabulary was
        learned from other photographs than the network.

    Raises:
        FileNotFoundError: If the folder holds no exported model.
    """
    if not _was_trained(read_model_file(folder)["training"]):
        return None if len(learned_contents(folder)) else set()
    training = folder / TRAINING
    contents, path = training / LEARNED_CONTENTS, training / LEARNED_LANDMARKS
    if not contents.is_file() or not path.is_file():
        return None
    told = manifest.read_json(path, "python -m pipeline.train", "landmarks")["landmarks"]
    is_named = np.isin(learned_contents(folder), np.load(contents)).all()
    return set(told) if told and is_named else None


def embeddings(folder: Path, data: str) -> str:
    """The folder of a data set's embeddings: its name in the model's, or a folder elsewhere."""
    return os.path.expanduser(data) if "/" in data else str(folder / EMBEDDINGS / data)


def _was_trained(training: dict[str, Any] | None) -> bool:
    if training is None:
        return False
    return training["settings"]["epochs"] > 0 or _was_trained(training.get("beneath"))


def is_imported(folder: Path) -> bool:
    """Whether a model was trained elsewhere, on photographs that are not known here.

    Of visual words, whether what finds their features was.
    """
    described = read_model_file(folder)
    if is_classical(folder):
        return bool(described.get("is_imported"))
    return described["training"] is None


def is_classical(folder: Path) -> bool:
    """Whether a model is no network with a SavedModel: SIFT, HOG, or visual words."""
    return (folder / PARTS).is_dir()


def require_global_descriptor(folder: Path, described: dict[str, Any]) -> None:
    """Checks that a model describes a photograph as a whole.

    Args:
        folder: The model's folder.
        described: What its ``model.json`` says.

    Raises:
        ValueError: If it gives local features only.
    """
    if described["kind"] in _LOCAL_KINDS:
        raise ValueError(
            f"{folder} has no global descriptor, only local features; embedding, indexing and "
            "searching need one description a photograph. Learn visual words over them with "
            f"`python -m pipeline.learn_words --extractor={folder}`, name a trained model, or "
            "import a DELG with `python -m pipeline.export --delf=DIR`."
        )


def of_index(index: Path) -> Path:
    """The model's folder that an index lies in, from whatever folder it is named."""
    return Path(os.path.normpath(index / ".." / ".."))


def fingerprint(folder: Path) -> str:
    """SHA-256 over the files that decide what a model gives.

    Of a SavedModel without its own ``fingerprint.pb``, which differs between equal exports.

    Raises:
        FileNotFoundError: If there is none, or a part of it is missing.
    """
    if is_classical(folder):
        return _fingerprint_parts(folder / PARTS)
    saved_model = folder / SAVED_MODEL
    try:
        return fingerprint_saved_model(saved_model)
    except FileNotFoundError as error:
        path = folder / PARTS if kind_of(folder) in _COMMANDS else saved_model
        raise FileNotFoundError(
            f"{path} is missing or not whole; make it with `{command_that_makes(folder)}`."
        ) from error


def _fingerprint_parts(parts: Path) -> str:
    files = [path for path in parts.rglob("*") if path.is_file() and path.name != _OF_AN_EXPORT]
    return manifest.fingerprint_files(parts, files)


def fingerprint_saved_model(saved_model: Path) -> str:
    """The same of a SavedModel wherever it lies.

    Raises:
        FileNotFoundError: If a part of it is missing.
    """
    files = [saved_model / "saved_model.pb", *(saved_model / "variables").iterdir()]
    return manifest.fingerprint_files(saved_model, files)


def require_own_files(folder: Path, described: dict[str, Any]) -> str:
    """Checks that a model's files are those that its ``model.json`` tells of.

    Returns:
        Their fingerprint.

    Raises:
        FileNotFoundError: If a part is missing.
        ValueError: If they are others.
    """
    found = fingerprint(folder)
    if found != described["fingerprint"]:
        name = PARTS if is_classical(folder) else SAVED_MODEL
        command = command_that_makes(folder).removesuffix(" --overwrite")
        raise ValueError(
            f"{folder}/{name} has the fingerprint {found[:12]}, model.json tells of "
            f"{described['fingerprint'][:12]}; make the model again with `{command} --overwrite` "
            "and the flags that it was made with."
        )
    return found


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
