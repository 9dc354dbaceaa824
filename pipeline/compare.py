"""Compares methods by indexes on any records: how well each finds, and what it costs.

    python -m pipeline.compare --records=tfrecords/NAME,tfrecords/DISTRACTORS \
      --training=tfrecords/OTHER --output=exported/comparisons/NAME

Photographs of the records query one another as in ``pipeline.evaluate``. Networks and visual words
learn from other records. Every method's model lies in the output's folder, as in ``exported/``; a
finished cell of the table is kept, and a changed setting redoes only the cells that it decides.
Where the ImageNet weights of a backbone cannot be downloaded it starts at random, and its rows say
so; what cannot be made at all is listed with the reason.
"""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline import command_line, manifest, model_folder
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.command_line import setting
from pipeline.comparing import row as rows
from pipeline.comparing.making import Making, data_of
from pipeline.comparing.methods import METHODS, Method
from pipeline.comparing.row import Row
from pipeline.data import records as record_files
from pipeline.data.record_table import open_records
from pipeline.evaluate import Settings as EvaluateSettings
from pipeline.evaluate import evaluate
from pipeline.index import kinds
from pipeline.progress import logger

RESULT = "comparison.json"
_CELLS = "cells"  # in a model's folder: its rows by the kind of the index
_TIMED_PHOTOGRAPHS = 9


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
        default=("flat", "lsh", "ivf", "pq"),
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
    def making(self) -> Making:
        """What the models are made of."""
        searched = tuple(map(Path, self.records))
        return Making(
            folder=self.output,
            searched=searched,
            training=self.training or searched[0],
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
    """Makes every cell that is not there yet, and writes the table.

    Returns:
        The result's file: a row a cell, best first; and what could not be made, with the reason.

    Raises:
        FileNotFoundError: If records are missing.
        ValueError: If they are unusable, or no method can be made of them.
    """
    making = settings.making
    counts = _counts(settings)
    found: list[Row] = []
    missing: dict[str, str] = {}
    for name in settings.methods:
        method = METHODS[name]
        logger.info("%s:", name)
        try:
            model = making.make(method)
        except (FileNotFoundError, ValueError) as error:
            logger.warning("%s was not made: %s", name, error)
            missing[name] = str(error).splitlines()[0]
            continue
        found += [_row(settings, making, method, model, kind) for kind in _kinds(settings, model)]
    if not found:
        raise ValueError(f"Nothing was made to compare: {'; '.join(missing.values())}")
    output = settings.output / RESULT
    told = rows.as_json(found, missing, command=_command(settings), **counts)
    manifest.write_json(output, told)
    return output


def _kinds(settings: Settings, model: Path) -> tuple[str, ...]:
    """Those that a model's descriptions can be searched with."""
    if model_folder.read_model_file(model).get("is_sparse"):
        return (kinds.INVERTED,)
    photographs = sum(len(open_records(Path(folder))) for folder in settings.records)
    return tuple(
        kind
        for kind in settings.indexes
        if kind not in kinds.KINDS or photographs >= kinds.fewest_vectors(kind)
    )


def _row(settings: Settings, making: Making, method: Method, model: Path, kind: str) -> Row:
    """A cell of the table, as it is there or made."""
    path = model / _CELLS / f"{kind}.json"
    if path.is_file():
        return rows.read_row(path)
    index = build_index(IndexSettings(model=model, data=data_of(making), kind=kind))
    result = manifest.read_json(
        evaluate(EvaluateSettings(index=index)), "python -m pipeline.evaluate"
    )
    row = Row(
        method=method.name,
        index=kind,
        start=making.starts(method),
        scores=result["scores"],
        intervals=result["intervals"],
        queries_trained_on=result["queries_trained_on"],
        dimension=rows.dimension_of(model),
        extraction_milliseconds=_extraction_milliseconds(settings, model),
        command=_command(settings, method.name, kind),
        **rows.costs_of(index),
    )
    rows.write_row(path, row)
    return row


def _extraction_milliseconds(settings: Settings, model: Path) -> float:
    table = open_records(Path(settings.records[0]))
    numbers = np.linspace(0, len(table) - 1, min(_TIMED_PHOTOGRAPHS, len(table))).astype(int)
    encoded = [
        record_files.parse_photograph(tf.constant(table.files.read(int(number))))["image/encoded"]
        for number in numbers
    ]
    return rows.extraction_milliseconds(model, [one.numpy() for one in encoded])


def _counts(settings: Settings) -> dict[str, Any]:
    labels = [open_records(Path(folder)).labels for folder in settings.records]
    return {
        "photographs": sum(map(len, labels)),
        "landmarks": sum(len(set(one[one >= 0].tolist())) for one in labels),
        "distractors": sum(int((one < 0).sum()) for one in labels),
    }


def _command(settings: Settings, method: str | None = None, kind: str | None = None) -> str:
    """The command that makes a comparison again, or one of its cells."""
    told = dataclasses.replace(
        settings,
        methods=settings.methods if method is None else (method,),
        indexes=settings.indexes if kind in (None, kinds.INVERTED) else (kind or "",),
    )
    flags = []
    for field in dataclasses.fields(told):
        value = getattr(told, field.name)
        if value != field.default:
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            flags.append(f"--{field.name}={text}")
    return shlex.join(["python", "-m", "pipeline.compare", *flags])


def main(settings: Settings) -> None:
    """Compares and prints the table."""
    output = compare(settings)
    told = manifest.read_json(output, "python -m pipeline.compare")
    print(rows.table_of([Row(**row) for row in told["rows"]], told["missing"]))
    print(f"Result: {output}")


if __name__ == "__main__":
    command_line.run(main, Settings)
