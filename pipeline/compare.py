"""Compares methods by indexes on any records: how well each finds, and what it costs.

    python -m pipeline.compare --records=tfrecords/NAME,tfrecords/DISTRACTORS \
      --training=tfrecords/OTHER --output=exported/comparisons/NAME

Photographs of the records query one another as in ``pipeline.evaluate``. Networks and visual words
learn from other records. Every method's model lies in the output's folder, as in ``exported/``; a
finished cell of the table is kept, and a changed setting redoes only the cells that it decides.
Contents decide, not paths. The table has the cells of earlier runs too, as far as they fit the
settings, so that the command of one row keeps the others; ``--overwrite`` makes cells again that
are there. Where the ImageNet weights of a backbone cannot be downloaded it starts at random, and
its rows say so; what cannot be made at all is listed with the reason.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline import command_line, manifest, model_folder
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.command_line import setting
from pipeline.comparing import cells, making, searched
from pipeline.comparing import row as rows
from pipeline.comparing.kept import Earlier, first_line
from pipeline.comparing.methods import METHODS, Method
from pipeline.comparing.recipe import Recipe
from pipeline.comparing.row import Row
from pipeline.evaluate import Settings as EvaluateSettings
from pipeline.evaluate import evaluate
from pipeline.index import kinds
from pipeline.progress import logger
from pipeline.scoring import result

RESULT = "comparison.json"
_INDEXES = ("flat", "lsh", "ivf", "pq")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Which methods and indexes, on which photographs."""

    records: tuple[str, ...] = setting(
        "Folders of records that are searched, comma-separated; photographs of known landmarks ask."
    )
    output: Path = setting("Folder of the comparison, such as exported/comparisons/NAME.")
    training: Path | None = setting(
        "Records whose split train is learned from; by default the first of --records, whose "
        "photographs are then asked for as well, which is said.",
        default=None,
    )
    methods: tuple[str, ...] = setting(
        f"Of {', '.join(METHODS)}; by default all.", default=tuple(METHODS)
    )
    indexes: tuple[str, ...] = setting(
        "Kinds of index, as --kind of pipeline.build_index; models of sparse words have inverted.",
        default=_INDEXES,
    )
    mobilenet_weights: str = setting(
        "Where MobileNetV2 starts: imagenet, none, or a .weights.h5 file.", default="imagenet"
    )
    resnet_weights: str = setting("The same of ResNet50.", default="imagenet")
    vgg_weights: str = setting("The same of VGG16.", default="imagenet")
    delf: str = setting(
        "DELF: TF-Hub's handle, or a folder.", default="https://tfhub.dev/google/delf/1"
    )
    image_size: int = setting("Side of what networks see, pixels.", default=224)
    random_image_size: int = setting(
        "The same of networks that start at random, which learn little in so short a time whatever "
        "they see.",
        default=96,
    )
    epochs: int = setting("Epochs of every network that learns.", default=3)
    steps_per_epoch: int | None = setting("Steps an epoch; by default all the data.", default=None)
    overwrite: bool = setting(
        "Make the cells of these methods and indexes again; their models stay.", default=False
    )

    def __post_init__(self) -> None:
        """Checks names and ranges."""
        command_line.require_at_least(
            self, image_size=32, random_image_size=32, epochs=1, steps_per_epoch=1
        )
        unknown = [name for name in self.methods if name not in METHODS]
        if unknown or not self.methods:
            raise ValueError(
                f"--methods are of {', '.join(METHODS)}. Received: {', '.join(unknown) or 'none'}."
            )
        wrong = [kind for kind in self.indexes if not kinds.is_known(kind)]
        if wrong or not self.indexes:
            received = ", ".join(wrong) or "none"
            raise ValueError(f"--indexes are of {', '.join(kinds.KINDS)}. Received: {received}.")
        names = [Path(folder).resolve().name for folder in self.records]
        if not all(self.records) or not names or len(set(names)) < len(names):
            raise ValueError(
                f"--records are folders whose names differ. Received: {','.join(self.records)!r}."
            )

    @property
    def recipe(self) -> Recipe:
        """What the models are made of."""
        folders = tuple(map(Path, self.records))
        return Recipe(
            folder=self.output,
            searched=folders,
            training=self.training or folders[0],
            weights={
                "mobilenet_v2": self.mobilenet_weights,
                "resnet50": self.resnet_weights,
                "vgg16": self.vgg_weights,
            },
            delf=self.delf,
            image_size=self.image_size,
            random_image_size=self.random_image_size,
            epochs=self.epochs,
            steps=self.steps_per_epoch,
        )


def compare(settings: Settings) -> Path:
    """Makes every cell asked for that is not there yet, and writes the table of all that are.

    Returns:
        The result's file: a row a cell, best first; and what could not be made, with the reason.

    Raises:
        FileNotFoundError: If records are missing.
        ValueError: If they are unusable, or no method can be made of them.
    """
    searched.require_pairs(settings.records)
    recipe = settings.recipe
    found: list[Row] = []
    missing: dict[str, str] = {}
    for name in settings.methods:
        logger.info("%s:", name)
        try:
            model = making.make(recipe, METHODS[name])
        except (FileNotFoundError, ValueError) as error:
            logger.warning("%s was not made: %s", name, error)
            missing[name] = first_line(error)
            continue
        missing |= _make_cells(settings, recipe, METHODS[name], model)
        found += cells.of_model(model)
    earlier = Earlier(settings.output / RESULT)
    found += earlier.rows(recipe, settings.methods)
    missing |= earlier.missing(found, missing, settings.methods, settings.indexes)
    if not found:
        raise ValueError(f"Nothing was made to compare: {'; '.join(missing.values())}")
    whole = _whole(settings, found, missing)
    missing = dict(sorted(missing.items()))
    told = rows.as_json(
        found,
        missing,
        command=result.command("compare", whole),
        **searched.counts(settings.records),
    )
    output = settings.output / RESULT
    manifest.write_json(output, told)
    return output


def _make_cells(settings: Settings, recipe: Recipe, method: Method, model: Path) -> dict[str, str]:
    """Makes those of a model that are not there, or all again.

    Returns:
        Why some could not be made, by method and kind.
    """
    missing = {}
    is_sparse = bool(model_folder.read_model_file(model).get("is_sparse"))
    asked = (kinds.INVERTED,) if is_sparse else settings.indexes
    if settings.overwrite:
        cells.forget(model, *asked)
    for kind in asked:
        if cells.read(cells.path_of(model, kind)) is not None:
            continue
        try:
            searched.require_enough(settings.records, kind)
            making.describe(recipe, method, model)
            cells.write(model, _row(settings, recipe, method, model, kind))
        except (FileNotFoundError, ValueError) as error:
            logger.warning("%s, %s was not made: %s", method.name, kind, error)
            missing[f"{method.name}, {kind}"] = first_line(error)
    return missing


def _row(settings: Settings, recipe: Recipe, method: Method, model: Path, kind: str) -> Row:
    """A cell of the table, made."""
    index = build_index(
        IndexSettings(model=model, data=recipe.data, kind=kind, overwrite=settings.overwrite)
    )
    scored = manifest.read_json(
        evaluate(EvaluateSettings(index=index)), "python -m pipeline.evaluate"
    )
    indexes = settings.indexes if kind == kinds.INVERTED else (kind,)
    own = dataclasses.replace(settings, methods=(method.name,), indexes=indexes, overwrite=False)
    return Row(
        method=method.name,
        index=kind,
        start=recipe.start_name(method),
        scores=scored["scores"],
        intervals=scored["intervals"],
        queries_trained_on=scored["queries_trained_on"],
        landmarks_trained_on=scored["landmarks_trained_on"],
        image_size=recipe.image_size_of(method),
        dimension=rows.dimension_of(model),
        extraction_milliseconds=cells.extraction_milliseconds(model, Path(settings.records[0])),
        command=result.command("compare", own),
        **rows.costs_of(index),
    )


def _whole(settings: Settings, found: Sequence[Row], missing: Iterable[str]) -> Settings:
    """What makes the whole table, where some of it was there before."""
    untold = [one.partition(", ") for one in missing]
    methods = {row.method for row in found} | {method for method, _, _ in untold}
    indexes = {row.index for row in found} | {kind for _, _, kind in untold}
    known = dict.fromkeys((*_INDEXES, *settings.indexes, *sorted(indexes - {kinds.INVERTED, ""})))
    asked = {*settings.indexes, *indexes}
    return dataclasses.replace(
        settings,
        methods=tuple(name for name in METHODS if name in methods),
        indexes=tuple(kind for kind in known if kind in asked),
        overwrite=False,
    )


def main(settings: Settings) -> None:
    """Compares and prints the table."""
    output = compare(settings)
    told = manifest.read_json(output, "python -m pipeline.compare")
    print(rows.table_of([rows.as_row(row, str(output)) for row in told["rows"]], told["missing"]))
    print(f"Result: {output}")


if __name__ == "__main__":
    command_line.run(main, Settings)
