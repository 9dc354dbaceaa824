"""How right the probabilities of a collection are, as a picture."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.recognition.calibration import Reliability
from pipeline.recognition.votes import Account


def save_plot(account: Account, path: Path) -> None:
    """Draws how often what was given a probability holds, for results and for answers; a PNG."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    results, answers = figure.subplots(1, 2, sharex=True, sharey=True)
    _draw(results, account.pairs, "a result shows the landmark")
    _draw(answers, account.winners, "the landmark named is right")
    results.set_ylabel("how often it holds")
    figure.savefig(path, format="png", dpi=100)


def _draw(axes: Axes, reliability: Reliability, title: str) -> None:
    axes.plot([0, 1], [0, 1], color="tab:gray", linestyle=":", linewidth=1)
    axes.plot(reliability.predicted, reliability.true, marker="o", color="tab:blue")
    axes.set_title(f"{title}\ncalibration error {reliability.error:.3f}", fontsize=10)
    axes.set_xlabel("probability")
    axes.set_aspect("equal")
