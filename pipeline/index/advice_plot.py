"""What the advisor measured, as a picture."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.index.advisor import Advice, Candidate

_LEAST_AREA, _MOST_AREA = 30, 900  # of a circle, square points


def save_plot(advice: Advice, path: Path) -> None:
    """Draws recall against milliseconds, a circle a kind, as large as the kind's memory; a PNG."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    largest = max(one.bytes for one in advice.candidates)
    ranked = sorted(advice.candidates, key=lambda one: -one.recall)
    for place, one in enumerate(ranked):
        fits = one.fits(advice.wanted)
        is_chosen = one.kind == advice.chosen.kind
        axes.scatter(
            one.milliseconds_alone,
            one.recall,
            s=max(_LEAST_AREA, _MOST_AREA * one.bytes / largest),
            color="tab:green" if is_chosen else "tab:blue" if fits else "tab:gray",
            alpha=0.6,
        )
        _name(axes, one, 1 - (place + 0.5) / len(ranked), "bold" if is_chosen else "normal")
    axes.axhline(advice.wanted.recall, color="tab:gray", linestyle=":", linewidth=1)
    if advice.wanted.milliseconds is not None:
        axes.axvline(advice.wanted.milliseconds, color="tab:gray", linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds of a query that is asked alone; a circle's area is memory")
    axes.set_ylabel("recall@10 against exact search")
    axes.set_title(f"Chosen: {advice.chosen.kind}")
    axes.margins(x=0.15, y=0.1)
    figure.savefig(path, format="png", dpi=100)


def _name(axes: Axes, one: Candidate, height: float, weight: str) -> None:
    """Names a circle beside the plot, with a line from there to it."""
    axes.annotate(
        f"{one.kind}, {one.bytes / 1e6:.1f} MB",
        (one.milliseconds_alone, one.recall),
        xytext=(1.03, height),
        textcoords="axes fraction",
        va="center",
        fontsize=8,
        fontweight=weight,
        arrowprops={"arrowstyle": "-", "color": "tab:gray", "linewidth": 0.5},
    )
