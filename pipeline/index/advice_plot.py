"""What the advisor measured, as a picture."""

from pathlib import Path

from matplotlib.figure import Figure

from pipeline.index.advisor import Advice

_LEAST_AREA, _MOST_AREA = 30, 900  # of a circle, square points


def save_plot(advice: Advice, path: Path) -> None:
    """Draws recall against milliseconds, a circle a kind, as large as the kind's memory; a PNG."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    largest = max(one.bytes for one in advice.candidates)
    for one in advice.candidates:
        is_chosen = one.kind == advice.chosen.kind
        fits = one.fits(advice.wanted)
        axes.scatter(
            one.milliseconds_alone,
            one.recall,
            s=max(_LEAST_AREA, _MOST_AREA * one.bytes / largest),
            color="tab:green" if is_chosen else "tab:blue" if fits else "tab:gray",
            alpha=0.6,
        )
        axes.annotate(
            f"{one.kind}, {one.bytes / 1e6:.1f} MB",
            (one.milliseconds_alone, one.recall),
            xytext=(6, 6),
            textcoords="offset points",
            fontsize=8,
            fontweight="bold" if is_chosen else "normal",
        )
    axes.axhline(advice.wanted.recall, color="tab:gray", linestyle=":", linewidth=1)
    if advice.wanted.milliseconds is not None:
        axes.axvline(advice.wanted.milliseconds, color="tab:gray", linestyle=":", linewidth=1)
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds of a query that is asked alone")
    axes.set_ylabel("recall@10 against exact search")
    axes.set_title(f"Chosen: {advice.chosen.kind}")
    axes.margins(x=0.15, y=0.1)
    figure.savefig(path, format="png", dpi=100)
