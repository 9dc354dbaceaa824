"""What two methods answer to the same, side by side, as HTML."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from demo import texts
from demo.asking.query import Found
from demo.page import results
from demo.page.answer_card import answer
from demo.page.asked import Asked
from demo.refusals import Refused
from pipeline.reports.elements import Html, element, joined


def shown(
    found: Sequence[Found | Refused], asked: Sequence[Asked], minutes: float
) -> dict[str, Any]:
    """What the results' component shows, and hands over as a link.

    Args:
        found: By either method, or why it could not answer; one of the two has.
        asked: Of either.
        minutes: An upload is kept for.
    """
    ids = [_ids(each) for each in found]
    columns = [
        _column(each, one, ids[place] - ids[1 - place])
        for place, (each, one) in enumerate(zip(found, asked, strict=True))
    ]
    link = dataclasses.replace(asked[0], against=asked[1].method)
    bar = element(
        "div",
        element("p", " ".join(_told(found, ids, asked[0])), class_="common"),
        element("div", results.copy_button(link, minutes), class_="buttons"),
        class_="results-bar",
    )
    compared = element("div", *columns, class_="compared")
    return results.told(joined([bar, compared]), link.to_link())


def _ids(found: Found | Refused) -> frozenset[str]:
    if isinstance(found, Refused):
        return frozenset()
    return frozenset(one.photograph.id for one in found.answer.results)


def _told(
    found: Sequence[Found | Refused], ids: Sequence[frozenset[str]], asked: Asked
) -> Iterator[str]:
    """What holds for both."""
    words = texts.Compare
    count = max(map(len, ids))
    if count and not any(isinstance(each, Refused) for each in found):
        yield words.COMMON.format(common=len(ids[0] & ids[1]), count=count)
    if asked.conditions:
        yield words.FILTERED
    if asked.ranking.steps or asked.verify:
        yield words.REORDERED


def _column(found: Found | Refused, asked: Asked, only: frozenset[str]) -> Html:
    if isinstance(found, Refused):
        title = asked.method
        parts = [results.state(texts.Results.FAILED, str(found), class_="state problem")]
    else:
        method = found.method
        title = texts.Compare.method(method.collection, method.model, method.kind)
        parts = [results.nothing(asked)]
        if found.answer.results:
            parts = [
                answer(found, asked.photograph),
                results.steps(found),
                results.gallery(found.answer.results, asked, only),
            ]
    return element("section", element("h3", title), *parts, aria_label=title)
