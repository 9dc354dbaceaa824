"""What two methods answer to the same, side by side, as HTML."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from demo import texts
from demo.asking.query import Found
from demo.page import results
from demo.page.answer_card import answer
from demo.page.asked import Asked
from pipeline.reports.elements import Html, element, joined


def shown(found: Sequence[Found], asked: Sequence[Asked], minutes: float) -> dict[str, Any]:
    """What the results' component shows, and hands over as a link.

    Args:
        found: By either method.
        asked: Of either.
        minutes: An upload is kept for.
    """
    ids = [frozenset(one.photograph.id for one in each.answer.results) for each in found]
    columns = [
        _column(each, one, ids[place] - ids[1 - place])
        for place, (each, one) in enumerate(zip(found, asked, strict=True))
    ]
    count = max(map(len, ids))
    told = [texts.Compare.COMMON.format(common=len(ids[0] & ids[1]), count=count)] if count else []
    told += [texts.Compare.FILTERED] if asked[0].conditions else []
    told += [texts.Compare.REORDERED] if asked[0].ranking.steps or asked[0].verify else []
    link = dataclasses.replace(asked[0], against=asked[1].method)
    bar = element("div", results.copy_button(link, minutes), class_="buttons")
    common = element("p", " ".join(told), class_="common")
    compared = element("div", *columns, class_="compared")
    return results.told(
        joined([element("div", common, bar, class_="results-bar"), compared]), link.to_link()
    )


def _column(found: Found, asked: Asked, only: frozenset[str]) -> Html:
    method = found.method
    title = texts.Compare.method(method.collection, method.model, method.kind)
    parts = [
        answer(found, asked.photograph),
        results.steps(found),
        results.gallery(found.answer.results, asked, only),
    ]
    if not found.answer.results:
        parts = [results.nothing(asked)]
    return element("section", element("h3", title), *parts, aria_label=title)
