"""What an index's similarities are worth: pairs, calibration, a map."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pipeline.markdown import score
from pipeline.recognition.calibration import Reliability
from pipeline.reports import study
from pipeline.reports.axes import Axis
from pipeline.reports.charts import Series, histogram, legend, line_chart, map_chart
from pipeline.reports.elements import Html, element, figure, paragraph, table
from pipeline.reports.study import EmbeddingMap, FirstResults, Pairs
from pipeline.scoring.scored_index import ScoredIndex

_BINS = 40


def index_section(index: ScoredIndex) -> Html:
    """Similarities, calibration and the map of one index."""
    return element(
        "div",
        element("h3", "Similarities and how far they are to be trusted"),
        element("div", _histogram(index), *_calibration(index), class_="figures"),
        element("h3", "Map of descriptions"),
        _map(index),
    )


def _histogram(index: ScoredIndex) -> Html:
    pairs = study.pairs_of(index)
    if pairs is None:
        return paragraph("There are no pairs both of the same landmark and of others to compare.")
    every = np.concatenate([pairs.same, pairs.other])
    edges = np.histogram_bin_edges(every, _BINS)
    series = [
        _shares(name, values, edges)
        for name, values in (("same landmark", pairs.same), ("other landmarks", pairs.other))
    ]
    axis = Axis(label=_similarity(index), low=float(edges[0]), high=float(edges[-1]))
    chart = histogram("Similarities of pairs", axis, edges.tolist(), series)
    middles = [f"{x:.3f}" for x, _ in series[0].points]
    shares = [[f"{share:.4f}" for _, share in one.points] for one in series]
    header = ("middle of the bin", *(one.name for one in series))
    rows = list(zip(middles, *shares, strict=True))
    return figure(
        chart,
        _told(pairs),
        legend=legend([one.name for one in series], lines=True, points=False),
        numbers=table(header, rows, label="Shares of pairs by similarity", texts=0),
    )


def _similarity(index: ScoredIndex) -> str:
    return "similarity" if index.collection.metric == "cosine" else "minus the distance"


def _shares(name: str, values: np.ndarray, edges: np.ndarray) -> Series:
    counts, _ = np.histogram(values, edges)
    middles = ((edges[:-1] + edges[1:]) / 2).tolist()
    return Series(
        name=name, points=list(zip(middles, (counts / len(values)).tolist(), strict=True))
    )


def _told(pairs: Pairs) -> str:
    return (
        f"Similarities of {len(pairs.same):,} pairs of the same landmark, {pairs.same.mean():.3f} "
        f"in the mean, and of {len(pairs.other):,} of others, {pairs.other.mean():.3f}: all pairs "
        f"of {pairs.photographs:,} photographs of {pairs.landmarks:,} landmarks, by the model's "
        "own vectors."
    )


def _calibration(index: ScoredIndex) -> Iterator[Html]:
    first = study.first_results(index)
    yield paragraph(first) if isinstance(first, str) else _of_first(first)
    recognition = index.collection.manifest.get("recognition")
    if recognition is not None:
        yield _of_answers(recognition["account"])


def _of_first(first: FirstResults) -> Html:
    said = (
        f"How often the first result is right, by the probability that is told with it: "
        f"{sum(first.counts):,} photographs of the index, each left out of its own answer. The "
        "probabilities were learned from photographs of the index too. Expected calibration error "
        f"{first.error:.3f}; the numbers are how many photographs each point is of."
    )
    counts = [f"{count:,}" for count in first.counts]
    return _reliability("The first result is right", said, first.predicted, first.true, counts)


def _of_answers(account: dict[str, Any]) -> Html:
    told = Reliability(**account["winners"])
    said = (
        "How often the landmark that has most votes is right, by how sure that is: "
        f"{account['queries']:,} photographs that asked twice, with their landmark in the index "
        "and without, each half of the landmarks judged by what the other taught; in bins of as "
        f"many answers each. Calibration error {told.error:.3f}."
    )
    return _reliability("The landmark named is right", said, told.predicted, told.true)


def _reliability(
    title: str,
    said: str,
    predicted: Sequence[float],
    true: Sequence[float],
    counts: Sequence[str] = (),
) -> Html:
    points = list(zip(predicted, true, strict=True))
    cells = [[score(sure), score(held)] for sure, held in points]
    header = ["probability told", "how often it holds"]
    if counts:
        cells = [[*row, count] for row, count in zip(cells, counts, strict=True)]
        header.append("queries")
    notes = [
        ", ".join(f"{name} {cell}" for name, cell in zip(header, row, strict=True)) for row in cells
    ]
    chart = line_chart(
        title,
        Axis.of_shares("probability told"),
        Axis.of_shares("how often it holds"),
        [Series(name=title, points=points, notes=notes, labels=counts)],
        diagonal=True,
    )
    return figure(chart, said, numbers=table(header, cells, label=title, texts=0))


def _map(index: ScoredIndex) -> Html:
    found = study.map_of(index)
    if found is None:
        return paragraph("There are too few photographs to map.")
    series = [_landmark(found, label, name) for label, name in found.names.items()]
    is_other = ~np.isin(found.labels, list(found.names))
    others = Series(name="others", points=_points(found, is_other))
    chart = map_chart("Map of descriptions", series, others)
    said = (
        f"{len(found.labels):,} photographs, near one another where their descriptions are "
        f"(t-SNE): of the {len(series)} landmarks that have most photographs, each with a shape of "
        f"its own, and {len(others.points):,} others, the grey dots. Distances between far groups "
        "mean little."
    )
    rows = [(one.name, f"{len(one.points):,}") for one in series]
    numbers = table(("landmark", "photographs drawn"), rows, label="Landmarks of the map")
    names = legend([one.name for one in series])
    drawn = figure(chart, said, legend=names, numbers=numbers)
    return element("div", drawn, class_="figures wide")


def _landmark(found: EmbeddingMap, label: int, name: str) -> Series:
    is_own = found.labels == label
    titles = [title for title, own in zip(found.titles, is_own, strict=True) if own]
    return Series(name=name, points=_points(found, is_own), notes=titles)


def _points(found: EmbeddingMap, chosen: np.ndarray) -> list[tuple[float, float]]:
    return [(x, y) for x, y in found.places[chosen].tolist()]
