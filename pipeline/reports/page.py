"""Results as one HTML file that needs no other: no script, font or picture from elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline import manifest
from pipeline.index.collection import load_collection
from pipeline.progress import logger
from pipeline.reports import asked, charts
from pipeline.reports.comparison import comparison
from pipeline.reports.comparison_section import comparisons_section
from pipeline.reports.elements import Html, breakable, command, details, element, paragraph
from pipeline.reports.given import Given, read_comparisons, read_results
from pipeline.reports.index_section import index_section
from pipeline.reports.pictures import SIDE, Pictures
from pipeline.reports.result_section import queries_section, scores_section
from pipeline.reports.summary import summary
from pipeline.reports.training_curves import training_curves
from pipeline.scoring.scored_index import ScoredIndex

QUERIES = 4  # of the best and of the worst, that are shown of each result
_TITLE = "Landmark retrieval, report"
_STYLES = (Path(__file__).with_name("page.css"), charts.STYLE)
# What a browser may load: the pictures and the style inside the page.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(
    results: Sequence[Path], output: Path, *, made_by: str = "", queries: int = QUERIES
) -> Path:
    """Writes a page about results.

    Where an index, its embeddings or photographs are no longer there, the page says what it
    therefore lacks.

    Args:
        results: Files that ``pipeline.evaluate`` or ``pipeline.compare`` wrote.
        output: The page, an ``.html`` file.
        made_by: The command line that makes it, which it tells.
        queries: How many of the best and of the worst are shown of each result; 0 for none.

    Returns:
        ``output``.

    Raises:
        FileNotFoundError: If a result is missing.
        ValueError: If there are none, or one is damaged or of an earlier version.
    """
    if not results:
        raise ValueError(
            "--results names no file; name some, separated by commas, such as "
            "exported/MODEL/metrics/NAME.json."
        )
    compared = read_comparisons(results)
    single = read_results([path for path in results if path not in compared])
    text = page(single, compared, made_by=made_by, queries=queries)
    manifest.write_atomically(output, lambda part: part.write_text(text, encoding="utf-8"))
    return output


def page(
    results: Sequence[Given],
    compared: Mapping[Path, Mapping[str, Any]],
    *,
    made_by: str,
    queries: int,
) -> str:
    """The whole page, of single results and of comparisons, either of which may be none."""
    pictures = Pictures()
    drawn: dict[Path, str] = {}
    parts = [comparisons_section(compared)]
    if results:
        parts += [summary(results), comparison(results), training_curves(results)]
    for number, one in enumerate(results, start=1):
        logger.info("Reporting %s.", one.name)
        content = _result(one, pictures, queries, drawn)
        title = element("h2", breakable(one.name))
        parts.append(details(title, *content, name=f"result-{number}", is_open=number == 1))
        if one.index is not None:
            drawn.setdefault(one.index, one.name)
    names = [("methods", "Methods compared")] if compared else []
    if results:
        names += [("summary", "Summary"), ("curves", "Curves"), ("training", "Training")]
    names += [(f"result-{number}", one.name) for number, one in enumerate(results, start=1)]
    links = [
        element("li", element("a", breakable(title), href=f"#{name}")) for name, title in names
    ]
    body = element(
        "body",
        element("header", element("h1", _TITLE), element("nav", element("ul", *links))),
        element("main", *parts),
        _footer(made_by, queries),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{_head()}\n{body}\n</html>\n'


def _result(one: Given, pictures: Pictures, queries: int, drawn: dict[Path, str]) -> Iterable[Html]:
    """The sections of a result; what is told of an index is told once."""
    yield scores_section(one)
    if one.index is None:
        yield paragraph(f"{one.lacking} Its queries and photographs cannot be shown.")
        return
    try:
        if one.queries is None:
            yield paragraph(
                "Its queries and what they found were not kept; its command keeps them."
            )
        else:
            scored = asked.scored(one.queries, one.main_score)
            collection = load_collection(one.index)
            yield queries_section(one, scored, collection, pictures, queries)
        if one.index in drawn:
            yield element("h3", "Similarities, calibration and map")
            yield paragraph(f"As of {drawn[one.index]}: the index is the same.")
        else:
            yield index_section(ScoredIndex.open(one.index))
    except (OSError, ValueError) as error:
        yield paragraph(f"The rest cannot be told: {error}")


def _head() -> Html:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", _TITLE),
        element("style", Html("".join(path.read_text(encoding="utf-8") for path in _STYLES))),
    )


def _footer(made_by: str, queries: int) -> Html:
    made = [paragraph("This page is made by"), command(made_by)] if made_by else []
    return element(
        "footer",
        *made,
        paragraph(
            f"Of each result at most {queries} of the best and of the worst queries are shown, "
            f"photographs with {SIDE} pixels at most. They belong to whoever is named below them; "
            "see to their licences before you pass the page on."
        ),
    )
