"""A model folder of visual words: what decides its descriptions lies in ``parts/``.

``centres.npy`` and ``rarity.npy`` of the words, ``projection.npy`` and ``mean.npy`` where
descriptions are projected, ``settings.json``, and ``extractor/``, a copy of the model folder that
finds local features.
"""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import manifest, model_folder
from pipeline.classical.image_descriptor import ImageDescriptor
from pipeline.descriptions import Descriptions
from pipeline.local_features import coding
from pipeline.local_features.extractor import Extractor, open_extractor
from pipeline.words.aggregation import Aggregator, Weighting
from pipeline.words.learning import Learned
from pipeline.words.vocabulary import Vocabulary

KIND = model_folder.WORDS
_EXTRACTOR = model_folder.EXTRACTOR
_SETTINGS = model_folder.PARTS_SETTINGS


def require_own(folder: Path) -> None:
    """Checks that a folder is new, or one of visual words.

    Raises:
        ValueError: If another model lies there.
    """
    is_other = (folder / model_folder.TRAINING).exists() or (
        folder / model_folder.SAVED_MODEL
    ).exists()
    if (folder / model_folder.MODEL_FILE).is_file():
        is_other |= model_folder.kind_of(folder) != KIND  # damaged ones are made again
    if is_other:
        raise ValueError(
            f"{folder} is the folder of another model; name another one, such as "
            f"--model={folder.with_name(KIND)}."
        )


def write(
    folder: Path,
    learned: Learned,
    weighting: Weighting,
    extractor: Path,
    most: int,
    contents: np.ndarray,
    told: dict[str, Any],
) -> None:
    """Writes a model folder, its ``model.json`` last.

    Args:
        folder: Where to.
        learned: The words.
        weighting: How they describe photographs.
        extractor: Folder of the model that finds local features.
        most: Features of a photograph at most.
        contents: Content ids of the photographs learned from, bytes ``(n,)``.
        told: What ``model.json`` says besides.
    """
    all_contents = np.union1d(contents, model_folder.learned_contents(extractor))

    def save(parts: Path) -> None:
        parts.mkdir()
        np.save(parts / "centres.npy", learned.centres)
        np.save(parts / "rarity.npy", learned.rarity)
        if learned.projection is not None:
            for name, array in zip(("projection", "mean"), learned.projection, strict=True):
                np.save(parts / f"{name}.npy", array)
        settings = {**dataclasses.asdict(weighting), "most": most}
        manifest.write_json(parts / _SETTINGS, settings)
        _copy_extractor(extractor, parts / _EXTRACTOR)
        manifest.write_atomically(folder / model_folder.PARTS_CONTENTS, save_contents)

    def save_contents(part: Path) -> None:
        _save_array(part, all_contents)
        # Until here a full disk leaves the finished model: what is new is on the disk now.
        (folder / model_folder.MODEL_FILE).unlink(missing_ok=True)

    manifest.write_atomically(folder / model_folder.PARTS, save)
    none = _aggregator(folder).none
    manifest.write_json(
        folder / model_folder.MODEL_FILE,
        {
            "kind": KIND,
            "dimension": none.shape[1],
            "is_sparse": not isinstance(none, np.ndarray),
            "words": len(learned.centres),
            "features": learned.features,
            "photographs": len(contents),
            "aggregation": weighting.aggregation,
            "is_imported": model_folder.is_imported(extractor),
            **told,
            "training": None,
            "fingerprint": model_folder.fingerprint(folder),
        },
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class OpenedWords:
    """The parts of a model folder.

    Attributes:
        fingerprint: SHA-256 over all that decides the descriptions.
        extractor: Finds local features.
        aggregator: Describes by them.
    """

    fingerprint: str
    extractor: Extractor
    aggregator: Aggregator

    def describe(self, image: np.ndarray) -> Descriptions:
        """Describes an image by its features as they are where they are stored.

        So that an image and its stored features have the same description, and that of the
        features that the words were learned from.
        """
        sides = image.shape[0], image.shape[1]
        stored = coding.encode(self.extractor.extract(image), sides)
        return self.aggregator.describe(coding.decode(stored, sides))


def open_parts(folder: Path, described: dict[str, Any]) -> OpenedWords:
    """Opens what a model folder holds.

    Args:
        folder: The model folder.
        described: What its ``model.json`` says.

    Raises:
        ValueError: If its files are not those that ``model.json`` tells of.
    """
    fingerprint = model_folder.require_own_files(folder, described)
    extractor = folder / model_folder.PARTS / _EXTRACTOR
    return OpenedWords(
        fingerprint=fingerprint,
        extractor=open_extractor(extractor, _settings(folder)["most"]),
        aggregator=_aggregator(folder),
    )


def open_words(folder: Path, described: dict[str, Any]) -> ImageDescriptor:
    """The descriptor of a model folder; takes and raises what ``open_parts`` does."""
    opened = open_parts(folder, described)
    return ImageDescriptor(
        folder=folder,
        fingerprint=opened.fingerprint,
        none=opened.aggregator.none,
        describe=opened.describe,
        longest_side=opened.extractor.longest_side,
    )


def _aggregator(folder: Path) -> Aggregator:
    parts = folder / model_folder.PARTS
    settings = {name: value for name, value in _settings(folder).items() if name != "most"}
    projection = None
    if (parts / "projection.npy").is_file():
        projection = np.load(parts / "projection.npy"), np.load(parts / "mean.npy")
    return Aggregator(
        Vocabulary(np.load(parts / "centres.npy")),
        np.load(parts / "rarity.npy"),
        Weighting(**settings),
        projection,
    )


def _settings(folder: Path) -> dict[str, Any]:
    command = model_folder.command_that_makes(folder)
    return manifest.read_json(folder / model_folder.PARTS / _SETTINGS, command, "most")


def _copy_extractor(extractor: Path, copy: Path) -> None:
    """What an extractor needs to find features; not its embeddings, indexes and training."""
    copy.mkdir()
    shutil.copy2(extractor / model_folder.MODEL_FILE, copy)
    for name in (model_folder.PARTS, model_folder.SAVED_MODEL):
        if (extractor / name).is_dir():
            shutil.copytree(extractor / name, copy / name)


def _save_array(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array)
