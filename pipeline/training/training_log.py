"""What a training run leaves to read: TensorBoard events, the epochs' scores, a curve."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from pipeline import manifest
from pipeline.training.held_out import HeldOut
from pipeline.training.pictures import draw_triplets, hardest_triplets
from pipeline.training.projector import write_projector
from pipeline.training.step_report import Step

_EVENTS = "tensorboard"
_HISTORY = "history.json"
_CURVE = "curve.png"
_TRIPLETS_DRAWN = 6
_PAIRS_DRAWN = 10_000  # show a distribution as well as the million of a large batch, in a hundredth


class TrainingLog:
    """Writes steps and epochs to TensorBoard, and the epochs to ``history.json`` and ``curve.png``.

    ``tensorboard --logdir=exported/MODEL/training`` shows them.

    Args:
        folder: Where they go.
        histogram_steps: Steps between two histograms of distances; scalars are of every step.
    """

    FILES = (_EVENTS, _HISTORY, _CURVE)

    def __init__(self, folder: Path, *, histogram_steps: int = 50) -> None:
        self.epochs: list[dict[str, Any]] = []
        self._folder = folder
        self._histogram_steps = histogram_steps
        self._first_step = 0
        self._last: Step | None = None

    def resume(self, last_epoch: int, last_step: int) -> None:
        """Takes up what an interrupted run had recorded until its last checkpoint.

        To be called before anything is recorded. What it recorded after that is forgotten.

        Args:
            last_epoch: The last that was finished.
            last_step: The last step of the run that is in the checkpoint.
        """
        rows = manifest.read_json(self._folder / _HISTORY, "--overwrite")["epochs"]
        self.epochs = [row for row in rows if row["epoch"] <= last_epoch]
        self._first_step = last_step + 1

    def step(self, step: Step) -> None:
        """Records a step: its scalars, now and then its distances."""
        self._last = step
        scalars = {
            "loss": step.loss,
            "active_fraction": step.active,
            "gradient_norm": step.gradient_norm,
            "learning_rate": step.learning_rate,
            **step.scalars,
        }
        with self._writer.as_default(step.number):
            for name, value in scalars.items():
                tf.summary.scalar(name, value)
            if step.number % self._histogram_steps == 0:
                for name, pairs in (("positive", step.positive), ("negative", step.negative)):
                    distances = _some_of(step.distances[np.triu(pairs)])
                    tf.summary.histogram(f"squared_distance/{name}", distances)

    def epoch(self, step_number: int, held_out: HeldOut | None, **row: Any) -> None:
        """Records an epoch: its row, its hardest triplets, the held-out photographs, the curve.

        Args:
            step_number: The last step of the epoch; 0 for the network as it starts.
            held_out: The network's score, if it has one.
            row: What ``history.json`` says of the epoch, "epoch", "loss" and "held-out mAP" among
                it; numbers with a fraction go to TensorBoard too.
        """
        self.epochs.append(row)
        with self._writer.as_default(step_number):
            for name, value in row.items():
                if isinstance(value, float):
                    tf.summary.scalar(f"epoch/{name}", value)
            if self._last and (triplets := hardest_triplets(self._last, _TRIPLETS_DRAWN)):
                tf.summary.image("hardest_triplets", draw_triplets(self._last, triplets)[None])
        self._last = None  # its images need not wait for the next step
        if held_out is not None:
            write_projector(self._folder / _EVENTS, held_out)
        self.flush()
        manifest.write_json(self._folder / _HISTORY, {"epochs": self.epochs})
        manifest.write_atomically(self._folder / _CURVE, self._draw)

    def flush(self) -> None:
        """Writes what is recorded; before a checkpoint, or a run killed after it has a gap here."""
        self._writer.flush()

    @functools.cached_property
    def _writer(self) -> tf.summary.SummaryWriter:
        folder = str(self._folder / _EVENTS)
        # A session's start has TensorBoard drop what earlier ones recorded from this step on. Only
        # a writer of TensorFlow 1 can tell of it.
        start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
        with tf.Graph().as_default(), tf.compat.v1.summary.FileWriter(folder) as writer:
            writer.add_session_log(start, self._first_step)
        return tf.summary.create_file_writer(folder)

    def _draw(self, path: Path) -> None:
        figure = Figure(figsize=(7, 4))
        axes = figure.subplots()
        # Found anew for each picture, the margins took as long as the drawing.
        figure.subplots_adjust(left=0.12, right=0.88, bottom=0.13, top=0.96)
        epochs = [row["epoch"] for row in self.epochs]
        for name, colour, side in (("loss", "C0", axes), ("held-out mAP", "C1", axes.twinx())):
            values = [float("nan") if row[name] is None else row[name] for row in self.epochs]
            side.plot(epochs, values, "o-", color=colour)
            side.set_ylabel(name, color=colour)
        axes.set_xlabel("epoch")
        figure.savefig(path, format="png", dpi=120)


def _some_of(values: np.ndarray) -> np.ndarray:
    """At most so many as are drawn, evenly spaced."""
    return values[:: max(1, -(-len(values) // _PAIRS_DRAWN))]
