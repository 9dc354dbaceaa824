"""What a training run leaves to read: TensorBoard events, the epochs' scores, a curve."""

import json
from pathlib import Path
from typing import Any

import tensorflow as tf
from matplotlib.figure import Figure

from pipeline import manifest

_EVENTS = "tensorboard"
_HISTORY = "history.json"
_CURVE = "curve.png"


class TrainingLog:
    """Writes scalars to TensorBoard, and the epochs to ``history.json`` and ``curve.png``.

    Args:
        folder: Where they go.
    """

    FILES = (_EVENTS, _HISTORY, _CURVE)

    def __init__(self, folder: Path) -> None:
        self.epochs: list[dict[str, Any]] = []
        self._folder = folder
        self._writer = tf.summary.create_file_writer(str(folder / _EVENTS))

    def resume(self, last_epoch: int) -> None:
        """Takes up the epochs that an interrupted run had finished."""
        rows = json.loads((self._folder / _HISTORY).read_text())["epochs"]
        self.epochs = [row for row in rows if row["epoch"] <= last_epoch]

    def step(self, step: int, **scalars: tf.Tensor) -> None:
        """Records one step's scalars."""
        with self._writer.as_default(step):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)

    def epoch(self, step: int, **row: Any) -> None:
        """Records an epoch: its row, its numbers in TensorBoard, the curve drawn anew."""
        self.epochs.append(row)
        self.step(step, **{f"epoch/{k}": v for k, v in row.items() if isinstance(v, float)})
        self._writer.flush()
        manifest.write_json(self._folder / _HISTORY, {"epochs": self.epochs})
        manifest.write_atomically(self._folder / _CURVE, self._draw)

    def _draw(self, path: Path) -> None:
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        epochs = [row["epoch"] for row in self.epochs]
        for name, colour, side in (("loss", "C0", axes), ("held-out mAP", "C1", axes.twinx())):
            values = [float("nan") if row[name] is None else row[name] for row in self.epochs]
            side.plot(epochs, values, "o-", color=colour)
            side.set_ylabel(name, color=colour)
        axes.set_xlabel("epoch")
        figure.savefig(path, format="png", dpi=120)
