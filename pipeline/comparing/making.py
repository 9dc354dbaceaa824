"""Makes the models that are compared, and describes what is searched, by the stages in a row."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import manifest, model_folder
from pipeline.comparing import markers
from pipeline.comparing.markers import RANDOM
from pipeline.comparing.methods import UNDER_HEAD, Hog, Method, Network, Words
from pipeline.comparing.recipe import FEATURES, LEARNED_FROM, SPLIT, Recipe
from pipeline.data.record_table import open_records
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.embeddings import pairs
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.extract import Settings as ExtractSettings
from pipeline.extract import extract
from pipeline.learn_words import Settings as WordSettings
from pipeline.learn_words import learn
from pipeline.local_features.store import store_folder
from pipeline.progress import logger
from pipeline.train import Settings as TrainSettings
from pipeline.train import train
from pipeline.train_local import Settings as HeadSettings
from pipeline.train_local import train_local

# Fine-tuning on few landmarks is soon overdone: docs/training.md.
_PRETRAINED_RATE = 1e-5
_ARCFACE_RATES: dict[str, Any] = {
    "learning_rate": 5e-5,
    "head_learning_rate": 1e-3,
    "layer_decay": 0.5,
}
_FROM_SCRATCH_RATE = 1e-3
_FROZEN_STAGES = 3  # of pretrained backbones


def make(recipe: Recipe, method: Method) -> Path:
    """Makes a method's model, unless that is done.

    Returns:
        The model's folder.

    Raises:
        FileNotFoundError: If something that it needs is missing.
        ValueError: As the stages do.
    """
    folder = recipe.model(method)
    if markers.is_finished(folder):  # stages would refuse the same records elsewhere
        return folder
    if isinstance(method, Hog):
        export(ExportSettings(model=folder, classical="hog"))
    elif isinstance(method, Network):
        _make_network(recipe, method, folder)
    else:
        _make_words(recipe, method, folder)
    return folder


def describe(recipe: Recipe, method: Method, model: Path) -> None:
    """Describes what is searched, unless that is done.

    Local features are found once, for all the words that are made of them.

    Raises:
        FileNotFoundError: If something that it needs is missing.
        ValueError: As the stages do.
    """
    for records in recipe.searched:
        features = None
        if isinstance(method, Words):
            features = Path(_find_features(recipe.features(method), method, records))
        described = model / model_folder.EMBEDDINGS / records.resolve().name
        is_others = _is_of_others(described, records)
        embed(EmbedSettings(model=model, records=records, features=features, overwrite=is_others))


def _make_network(recipe: Recipe, method: Network, folder: Path) -> None:
    train(_training(recipe, method, folder))
    export(ExportSettings(model=folder, variant="plain"))


def _training(recipe: Recipe, method: Network, folder: Path) -> TrainSettings:
    start = recipe.start(method)
    is_random = start == RANDOM
    settings = TrainSettings(
        output=folder,
        records=recipe.training,
        backbone=method.backbone,
        weights=start,
        pooling=method.pooling,
        projection="none",
        frozen_stages=0 if is_random else _FROZEN_STAGES,
        image_size=recipe.size_seen(start),
        epochs=0 if method.loss is None else recipe.epochs,
        steps_per_epoch=recipe.steps,
        loss=method.loss or "triplet",
        learning_rate=_FROM_SCRATCH_RATE if is_random else _PRETRAINED_RATE,
    )
    is_fine_tuned = method.loss == "arcface" and not is_random
    return dataclasses.replace(settings, **_ARCFACE_RATES) if is_fine_tuned else settings


def _make_words(recipe: Recipe, method: Words, folder: Path) -> None:
    extractor = recipe.features(method)
    if method.extractor == "sift":
        export(ExportSettings(model=extractor, classical="sift"))
    elif method.extractor == "delf":
        export(ExportSettings(model=extractor, delf=recipe.delf))
    else:
        _make_head(recipe, extractor)
    learn(
        WordSettings(
            extractor=extractor,
            data=(_find_features_to_learn_from(recipe, method, extractor),),
            model=folder,
            words=method.words,
            aggregation=method.aggregation,
            dimension=recipe.projected(method),
        )
    )


def _make_head(recipe: Recipe, folder: Path) -> None:
    beneath = recipe.model(UNDER_HEAD)
    _make_network(recipe, UNDER_HEAD, beneath)
    train_local(
        HeadSettings(
            model=beneath,
            output=folder,
            records=recipe.training,
            image_size=recipe.size_seen(recipe.start(UNDER_HEAD)),
            epochs=recipe.epochs,
            steps_per_epoch=recipe.steps,
        )
    )
    export(ExportSettings(model=folder, variant="plain"))


def _find_features_to_learn_from(recipe: Recipe, method: Words, extractor: Path) -> str:
    """Finds the features of training photographs, of some where there are many.

    Returns:
        The name of the data set that they are.
    """
    table = open_records(recipe.training, SPLIT)
    chosen = np.linspace(0, len(table) - 1, min(len(table), LEARNED_FROM)).astype(int)
    name = f"{recipe.training.resolve().name}-{SPLIT}"
    ids = extractor / f"{name}.txt"
    listed = [one.decode() for one in table.ids[chosen]]
    manifest.write_atomically(ids, lambda path: path.write_text("\n".join(listed) + "\n"))
    _find_features(extractor, method, recipe.training, ids=str(ids), name=name)
    return name


def _find_features(
    extractor: Path, method: Words, records: Path, ids: str | None = None, name: str | None = None
) -> str:
    """Finds the local features of records, or of some of them, unless that is done."""
    store = store_folder(extractor, name or records.resolve().name)
    if not store.is_dir():
        logger.info("Local features of %s:", name or records)
    return extract(
        ExtractSettings(
            model=extractor,
            records=records,
            ids=ids,
            name=name,
            most=FEATURES[method.extractor],
            overwrite=_is_of_others(store, records),
        )
    )


def _is_of_others(folder: Path, records: Path) -> bool:
    """Whether what was described is another folder of that name, which the stages would keep."""
    path = folder / pairs.MANIFEST
    if not path.is_file():
        return False
    before = Path(manifest.read_json(path, "python -m pipeline.compare", "source")["source"])
    return before.exists() and before.resolve() != records.resolve()
