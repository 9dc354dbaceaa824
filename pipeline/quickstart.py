"""The whole way once: records, training, export, embeddings, indexes, scores.

    python -m pipeline.quickstart                  # over a synthetic city
    python -m pipeline.quickstart --photos=DIR     # over your photographs

Ends in a table of methods and the command that opens the search page. What is finished is not
done again.
"""

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np

from models.backbones import build_backbone
from pipeline import command_line, manifest
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.command_line import setting
from pipeline.data import records
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.engine import Engine
from pipeline.evaluate import Settings as EvaluateSettings
from pipeline.evaluate import evaluate
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.index.kinds import IndexKind, fewest_vectors
from pipeline.index.measurement import median_milliseconds
from pipeline.progress import logger
from pipeline.text_table import format_table
from pipeline.train import Settings as TrainSettings
from pipeline.train import train

_TIMED_QUERIES = 20
_UNTRAINED = "small-untrained"
_KINDS: tuple[IndexKind, ...] = ("flat", "ivf", "lsh", "pq")
_TRAINING_CITY = "city-training"
# The buildings to search, which no network learns from: cities of two seeds share none.
CITY = RecordSettings(
    output=Path("city"),
    split=("index",),
    seed=1,
    city_landmarks=30,
    city_photographs=12,
    city_distractors=100,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Over which photographs, with which weights, and where the artefacts go."""

    photos: Path | None = setting(
        "Your photographs, one sub-folder a landmark or all in one folder; without them a "
        "synthetic city is searched.",
        default=None,
    )
    weights: str = setting(
        "Where MobileNetV2 starts: imagenet, or a .weights.h5 file without classifier; with "
        "none, or where imagenet cannot be downloaded, a small network learns from scratch.",
        default="imagenet",
    )
    tfrecords: Path = setting("Folder of the records.", default=Path("tfrecords"))
    exported: Path = setting("Folder of the models.", default=Path("exported"))
    training_landmarks: int = setting("Buildings of the city to learn from.", default=320)
    epochs: int = setting("Epochs of training.", default=16)
    overwrite: bool = setting("Make everything anew.", default=False)

    def __post_init__(self) -> None:
        """Checks ranges."""
        command_line.require_at_least(self, training_landmarks=3, epochs=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table; scores are None where the photographs name no landmarks."""

    method: str
    mean_average_precision: float | None
    recall_at_1: float | None
    milliseconds: float


def quickstart(settings: Settings) -> list[Row]:
    """Runs all stages.

    Returns:
        A row for every model and index: mAP and recall@1, and the median milliseconds from a
        decoded photograph to its ten results.

    Raises:
        FileNotFoundError: If the photographs or the weights file are missing.
        ValueError: If they are unusable.
    """
    collection = _collection_records(settings)
    rows = []
    for name, training in _models(settings).items():
        train(training)
        model = training.output
        # The plain graph, so that the table is the same on every machine.
        export(ExportSettings(model=model, variant="plain", overwrite=settings.overwrite))
        embed(EmbedSettings(model=model, records=collection, overwrite=settings.overwrite))
        kinds = _kinds(name, collection)
        rows += [_row(model, collection, kind, settings.overwrite) for kind in kinds]
    return rows


def _kinds(model: str, collection: Path) -> tuple[IndexKind, ...]:
    """Which indexes are built: one is enough to see what an untrained network is worth."""
    if model == _UNTRAINED:
        return ("flat",)
    photographs = _described(collection)["photographs"]
    return tuple(kind for kind in _KINDS if photographs >= fewest_vectors(kind))


def _described(collection: Path) -> dict[str, Any]:
    return manifest.read_json(collection / records.MANIFEST, "python -m pipeline.build_records")


def _collection_records(settings: Settings) -> Path:
    """The records to be searched: the user's photographs, or buildings no model has seen."""
    if settings.photos is None:
        logger.info("The buildings to search:")
        city = dataclasses.replace(
            CITY, output=settings.tfrecords / CITY.output, overwrite=settings.overwrite
        )
        return build_records(city)
    photos = settings.photos.resolve()
    return build_records(
        RecordSettings(
            output=_place_for(photos, settings.tfrecords),
            photos=photos,
            split=("index",),
            overwrite=settings.overwrite,
        )
    )


def _place_for(photos: Path, tfrecords: Path) -> Path:
    """A record folder named as the photographs are; numbered where others have that name."""

    def is_free(folder: Path) -> bool:
        if not folder.exists():
            return folder.name not in (CITY.output.name, _TRAINING_CITY)
        if not (folder / records.MANIFEST).is_file():
            return False
        return _described(folder).get("settings", {}).get("photos") == str(photos)

    names = (f"{photos.name}-{n}" for n in itertools.count(2))
    folders = (tfrecords / name for name in itertools.chain([photos.name], names))
    return next(folder for folder in folders if is_free(folder))


def _models(settings: Settings) -> dict[str, TrainSettings]:
    """How each model is trained, by its name; zero epochs leave it as it starts."""
    if _has_pretrained(settings.weights):
        pretrained = TrainSettings(
            output=settings.exported / "mobilenet_v2",
            records=_training_records(settings),
            backbone="mobilenet_v2",
            weights=settings.weights,
            dimension=256,
            epochs=0,
            overwrite=settings.overwrite,
        )
        return {"mobilenet_v2": pretrained}
    from_scratch = TrainSettings(
        output=settings.exported / "small",
        records=_training_records(settings),
        backbone="small",
        weights="none",
        dimension=128,
        image_size=96,
        first_image_size=64,
        loss="supervised_contrastive",
        epochs=settings.epochs,
        learning_rate=2e-3,
        overwrite=settings.overwrite,
    )
    untrained = dataclasses.replace(from_scratch, output=settings.exported / _UNTRAINED, epochs=0)
    return {_UNTRAINED: untrained, "small": from_scratch}


def _has_pretrained(weights: str) -> bool:
    if weights == "none":
        return False
    try:
        build_backbone("mobilenet_v2", weights)
    except FileNotFoundError as error:
        if weights != "imagenet":
            raise
        logger.info(
            "The ImageNet weights of MobileNetV2 cannot be downloaded here (%s). Going on with a "
            "small network that learns from scratch on a synthetic city; for better results on "
            "real photographs pass --weights=FILE.",
            str(error.__cause__).splitlines()[0],
        )
        return False
    return True


def _training_records(settings: Settings) -> Path:
    logger.info("The buildings to learn from:")
    return build_records(
        RecordSettings(
            output=settings.tfrecords / _TRAINING_CITY,
            validation_fraction=0.1,
            city_landmarks=settings.training_landmarks,
            city_photographs=7,
            city_size=128,
            overwrite=settings.overwrite,
        )
    )


def _row(model: Path, collection: Path, kind: IndexKind, overwrite: bool) -> Row:
    index = build_index(
        IndexSettings(model=model, data=(collection.name,), kind=kind, overwrite=overwrite)
    )
    scores: dict[str, float] = {}
    landmarks = _described(collection)["landmarks"]
    if any(name and count > 1 for name, count in landmarks.items()):
        result = evaluate(EvaluateSettings(index=index))
        scores = manifest.read_json(result, "python -m pipeline.evaluate")["scores"]
    return Row(
        method=f"{model.name}, {kind}",
        mean_average_precision=scores.get("mAP"),
        recall_at_1=scores.get("recall@1"),
        milliseconds=_milliseconds(Engine(index)),
    )


def _milliseconds(engine: Engine) -> float:
    image = np.zeros((256, 256, 3), np.uint8)
    return median_milliseconds([lambda: engine.search(image, 10)] * _TIMED_QUERIES)


def table_of(rows: list[Row]) -> str:
    """The rows as text, a dash where there is no score."""

    def score(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    cells = [
        (
            row.method,
            score(row.mean_average_precision),
            score(row.recall_at_1),
            f"{row.milliseconds:.1f}",
        )
        for row in rows
    ]
    return format_table({"method": "<", "mAP": ">", "recall@1": ">", "ms a query": ">"}, cells)


def main(settings: Settings) -> None:
    """Runs the recipe, prints the table and how to open the page."""
    print(table_of(quickstart(settings)))
    print("Search them on a page: python -m demo.app")


if __name__ == "__main__":
    command_line.run(main, Settings)
