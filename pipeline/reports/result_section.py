"""One result from near: its scores, its queries, its landmarks."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from pipeline.index.interface import Collection
from pipeline.markdown import count, score
from pipeline.reports import asked
from pipeline.reports.asked import Confusion, LandmarkScore
from pipeline.reports.elements import Html, breakable, details, element, joined, paragraph, table
from pipeline.reports.given import Given
from pipeline.reports.pictures import Framed, Pictures
from pipeline.reports.summary import score_of
from pipeline.scoring import found as of_queries
from pipeline.scoring.step_rows import main_scores, step_rows, written
from pipeline.stored_photograph import StoredPhotograph

_RESULTS = 5  # of a query, that are shown
_LANDMARKS = 25  # of either end, that are told
_CONFUSIONS = 20
_GONE = "This photograph is not in the index."


def scores_section(one: Given) -> Html:
    """Every score with its interval, and what each step of reordering gains."""
    rows = [(name, score_of(one.told, name)) for name in one.told["scores"]]
    parts = [
        element("h3", "Scores"),
        paragraph(f"Protocol: {one.told['protocol']}. {_index_in_words(one)}"),
        table(("score", "mean (95 % interval)"), rows, label=f"Scores of {one.name}"),
    ]
    if "against_exact" in one.told:
        parts.append(_against_exact(one.told["against_exact"]))
    if "steps" in one.told:
        parts += [element("h3", "Steps"), _steps(one.told["steps"])]
    return joined(parts)


def _index_in_words(one: Given) -> str:
    engine = one.told.get("index", {}).get("engine")
    depth = one.told.get("depth")
    said = f"Index: {engine}. " if engine else ""
    return said + (f"{depth:,} places of each ranking count." if depth else "")


def _against_exact(compared: dict[str, Any]) -> Html:
    exact, own = compared["exact"], compared["index"]
    rows = [(name, score(exact[name]), score(own[name])) for name in exact]
    header = ("score", "exact ranking", "this index")
    said = f"Exact ranking of the same vectors beside the index's, {compared['queries']:,} queries"
    return details(said, table(header, rows, label=said))


def _steps(steps: Sequence[dict[str, Any]]) -> Html:
    names = main_scores(steps)
    rows = [
        (
            row.name,
            *map(score, row.scores),
            written(row.gain, "+.3f"),
            written(row.milliseconds, ".3g"),
            written(row.seconds, ".1f"),
        )
        for row in step_rows(steps, names)
    ]
    header = ("step", *names, f"gain in {names[0]}", "ms a query", "s once")
    return table(header, rows, label="Steps of reordering, each after those above it")


def queries_section(
    one: Given, queries: pa.Table, collection: Collection, pictures: Pictures, shown: int
) -> Html:
    """The best and the worst queries, and the landmarks.

    Args:
        one: The result.
        queries: Those that the protocol scores.
        collection: The photographs.
        pictures: What draws them.
        shown: How many queries of either end; 0 for none.
    """
    photographs = _Photographs(collection)
    drawn = []
    if shown:
        best, worst = asked.extremes(queries, one.main_score, shown)
        drawn = [
            element("h3", "Worst queries"),
            paragraph(
                f"By {one.main_score}, at most one of a landmark, with the first {_RESULTS} "
                "results. ✓ and green is right, ✗ and red is wrong."
            ),
            _queries(one, worst, photographs, pictures),
            element("h3", "Best queries"),
            _queries(one, best, photographs, pictures),
        ]
    return joined([*drawn, _by_landmark(one, queries, photographs)])


def _by_landmark(one: Given, queries: pa.Table, photographs: "_Photographs") -> Html:
    nameless = queries["landmark"].to_pylist().count("")
    if nameless == len(queries):
        return paragraph("Which landmarks the queries show is not known.")
    landmarks = _landmarks(one, asked.by_landmark(queries, one.main_score))
    if nameless:
        left_out = paragraph(f"{nameless:,} queries of landmarks without a name are left out.")
        landmarks = joined([landmarks, left_out])
    taken = _confusions(asked.confusions(queries, photographs.landmarks), len(queries))
    columns = [
        element("div", element("h3", "Landmarks"), landmarks),
        element("div", element("h3", "Landmarks taken for others"), taken),
    ]
    return element("div", *columns, class_="columns")


def _queries(
    one: Given, queries: pa.Table, photographs: "_Photographs", pictures: Pictures
) -> Html:
    if not len(queries):
        return paragraph("None: the queries above are all there are.")
    return joined(_query(one, query, photographs, pictures) for query in queries.to_pylist())


def _query(
    one: Given, query: dict[str, Any], photographs: "_Photographs", pictures: Pictures
) -> Html:
    own = StoredPhotograph(**{name: query[name] for name in of_queries.PHOTOGRAPH})
    said = f"{one.main_score} {score(query[one.main_score])}"
    cells = [pictures.figure(own, Framed(look="query", sign="query", title=said))]
    results = list(zip(query["found"], query["right"], strict=True))[:_RESULTS]
    for place, (found, is_right) in enumerate(results, start=1):
        framed = _framed(place, is_right)
        photograph = photographs.of(found)
        if photograph is None:
            cells.append(element("p", f"{framed.sign}: {found}. {_GONE}", class_="unread"))
        else:
            cells.append(pictures.figure(photograph, framed))
    return element("div", *cells, class_="query-row")


def _framed(place: int, is_right: bool) -> Framed:
    look, sign = ("right", "✓ right") if is_right else ("wrong", "✗ wrong")
    return Framed(look=look, sign=sign, title=f"result {place}")


class _Photographs:
    """Photographs of a collection by their ids."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    def of(self, photograph_id: str) -> StoredPhotograph | None:
        """None if the collection lacks it."""
        try:
            keys = self._collection.keys_of([photograph_id])
        except ValueError:
            return None
        (row,) = self._collection.photographs(keys).select(of_queries.PHOTOGRAPH).to_pylist()
        return StoredPhotograph(**row)

    def landmarks(self, ids: list[str]) -> list[str]:
        """The names of those that photographs of the collection show, "" where unknown."""
        rows = self._collection.photographs(self._collection.keys_of(ids))
        names = zip(rows["landmark"].to_pylist(), rows["label"].to_pylist(), strict=True)
        return [name or (asked.NO_NAME if label >= 0 else "") for name, label in names]


def _landmarks(one: Given, scores: Sequence[LandmarkScore]) -> Html:
    header = ("landmark", one.main_score, "queries")
    label = f"Landmarks of {one.name}, worst first"
    if len(scores) <= 2 * _LANDMARKS:
        return table(header, _rows(scores), label=label)
    middle = len(scores) - 2 * _LANDMARKS
    return joined(
        [
            table(header, _rows(scores[:_LANDMARKS]), label=label),
            paragraph(f"{middle:,} landmarks between are left out; the {_LANDMARKS} best:"),
            table(header, _rows(scores[-_LANDMARKS:]), label=f"Best landmarks of {one.name}"),
        ]
    )


def _rows(scores: Iterable[LandmarkScore]) -> list[tuple[str, ...]]:
    return [(breakable(one.name), score(one.score), count(one.queries)) for one in scores]


def _confusions(found: Sequence[Confusion], queries: int) -> Html:
    if not found:
        return paragraph("None: no query has a wrong photograph among its first ten results.")
    wrong, misled = sum(one.queries for one in found), sum(one.misled for one in found)
    rows = [
        (breakable(one.landmark), breakable(one.instead), count(one.queries), count(one.misled))
        for one in found[:_CONFUSIONS]
    ]
    said = (
        f"Of {queries:,} queries {misled:,} have a wrong photograph as their first result, "
        f"{wrong:,} one among their first ten."
    )
    if len(found) > _CONFUSIONS:
        said += f" The {_CONFUSIONS} pairs of {len(found):,} that mislead most:"
    header = ("landmark asked for", "first wrong result", "queries", "as first result")
    return joined(
        [paragraph(said), table(header, rows, label="Landmarks taken for others", texts=2)]
    )
