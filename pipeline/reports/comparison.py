"""Results beside one another as curves: precision by recall, what is found by how long it takes."""

from collections.abc import Iterable, Sequence

from pipeline.markdown import score
from pipeline.reports.axes import Axis
from pipeline.reports.charts import MOST_SERIES, Series, legend, line_chart, point_chart
from pipeline.reports.elements import Html, element, figure, paragraph, section, table
from pipeline.reports.given import Given

_CURVE = "precision_at_recall"


def comparison(results: Sequence[Given]) -> Html:
    """Precision by recall, and scores by milliseconds."""
    return section(
        "Curves",
        element("div", _precision(results), *_by_time(results), class_="figures"),
        name="curves",
    )


def _precision(results: Sequence[Given]) -> Html:
    curves = {one.name: one.told[_CURVE] for one in results if _CURVE in one.told}
    if not curves:
        return paragraph(
            "No result tells its precision by recall; those of this version do, the commands above "
            "make them."
        )
    drawn = dict(list(curves.items())[:MOST_SERIES])
    series = [
        Series(name=name, points=[(float(recall), value) for recall, value in curve.items()])
        for name, curve in drawn.items()
    ]
    recalls = list(next(iter(curves.values())))
    rows = [(name, *map(score, curve.values())) for name, curve in curves.items()]
    chart = line_chart(
        "Precision by recall",
        Axis.of_shares("recall"),
        Axis.of_shares("precision"),
        series,
    )
    said = "Interpolated precision by recall, the mean of all queries."
    if len({one.told["protocol"] for one in results}) > 1:
        said += " Curves of different protocols do not compare."
    return figure(
        chart,
        said + _left_out(len(curves)),
        legend=legend(list(drawn), lines=True),
        numbers=table(("result", *recalls), rows, label="Precision by recall"),
    )


def _by_time(results: Sequence[Given]) -> Iterable[Html]:
    indexes = {str(one.index): one for one in results if one.index is not None}
    found = {
        f"{one.model.resolve().name}/{one.index.name}": (
            one.described["milliseconds_per_query"],
            next(value for key, value in one.described.items() if key.startswith("recall@")),
        )
        for one in indexes.values()
        if one.index is not None
    }
    if found:
        yield _points(
            "Recall@10 by time",
            "Recall@10 against exact search by the milliseconds of a search, of every index.",
            "recall@10 against exact",
            found,
        )
    name = results[0].main_score
    scored = {
        one.name: (one.milliseconds, one.told["scores"][name])
        for one in results
        if one.milliseconds is not None and one.told["protocol"] == results[0].told["protocol"]
    }
    if scored:
        yield _points(
            f"{name} by time",
            f"{name} by the milliseconds of a query, of every result by the first one's protocol.",
            name,
            scored,
        )


def _points(title: str, said: str, label: str, points: dict[str, tuple[float, float]]) -> Html:
    drawn = dict(list(points.items())[:MOST_SERIES])
    series = [Series(name=name, points=[point]) for name, point in drawn.items()]
    times, values = zip(*points.values(), strict=True)
    chart = point_chart(
        title,
        Axis.around("milliseconds a query", times, is_logarithmic=True),
        Axis.around(label, values, most=1.0),
        series,
    )
    rows = [(name, f"{time:.3g}", score(value)) for name, (time, value) in points.items()]
    numbers = table(("result", "ms a query", label), rows, label=title)
    said += _left_out(len(points))
    return figure(chart, said, legend=legend(list(drawn)), numbers=numbers)


def _left_out(count: int) -> str:
    if count <= MOST_SERIES:
        return ""
    return f" The first {MOST_SERIES} of {count} are drawn; the numbers are of all."
