"""How the models of results learned."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import manifest, model_folder
from pipeline.reports.axes import Axis
from pipeline.reports.charts import Series, line_chart
from pipeline.reports.elements import Html, details, element, figure, paragraph, section, table
from pipeline.reports.given import Given

_TRAIN = "python -m pipeline.train"
_HISTORY = "history.json"
_DRAWN = ("loss", "held-out mAP")


def training_curves(results: Sequence[Given]) -> Html:
    """Loss and held-out score of every epoch, of every model."""
    models = dict.fromkeys(one.model for one in results)
    return section("Training", *(_model(model) for model in models), name="training")


def _model(model: Path) -> Html:
    name = model.resolve().name
    folder = model / model_folder.TRAINING
    if not (folder / _HISTORY).is_file():
        return paragraph(f"{name} was not trained here, or learns nothing.")
    epochs = manifest.read_json(folder / _HISTORY, _TRAIN, "epochs")["epochs"]
    if not any(row["epoch"] for row in epochs):
        return paragraph(f"{name} is as it started, with no epoch of training.")
    figures = [_figure(name, what, epochs) for what in _DRAWN]
    rows = [(str(row["epoch"]), *(_number(row.get(what)) for what in _DRAWN)) for row in epochs]
    numbers = table(("epoch", *_DRAWN), rows, label=f"Epochs of {name}", texts=0)
    return element(
        "div",
        element("h3", name),
        paragraph(_account(folder)),
        element("div", *figures, class_="figures"),
        details("Numbers", numbers),
    )


def _account(folder: Path) -> str:
    if not (folder / model_folder.TRAINING_FILE).is_file():
        return "The training has not ended yet."
    told = manifest.read_json(folder / model_folder.TRAINING_FILE, _TRAIN)
    data, settings = told.get("data", {}), told.get("settings", {})
    learned = [
        f"{data[what]:,} {what}" for what in ("records", "triplets", "landmarks") if what in data
    ]
    parts = [f"{settings.get('backbone')}, {settings.get('loss')} loss", *learned]
    return f"{', '.join(parts)}. Epoch {told.get('best_epoch')} was kept; 0 is the start."


def _figure(model: str, what: str, epochs: Sequence[dict[str, Any]]) -> Html:
    points = [(float(row["epoch"]), row[what]) for row in epochs if row.get(what) is not None]
    if not points:
        return paragraph(f"No {what} was measured: no landmarks were held out.")
    chart = line_chart(
        f"{what} of {model} by epoch",
        Axis.around("epoch", [float(row["epoch"]) for row in epochs]),
        Axis.around(what, [value for _, value in points]),
        [Series(name=what, points=points)],
    )
    return figure(chart, f"{what.capitalize()} by epoch.")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
