"""The component that shows one collection: its numbers, its photographs, copies among them.

Its value is the HTML of ``told``. Its events: ``turn``, another page of photographs is asked for;
``duplicates``, copies are looked for; ``leave_out``, photographs that were chosen are to be removed
(``ids``); ``alter``, something is to be done to the whole (``what``).
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import gradio as gr
import numpy as np

from demo.catalogue import Method
from demo.making.statistics import Statistics
from demo.page import addresses
from demo.page.names import name_of
from demo.texts import Collections, Shown
from pipeline.duplicate_report import Duplicate
from pipeline.engine import Engine
from pipeline.reports.elements import Html, breakable, details, element, joined, paragraph, table

_SCRIPT = Path(__file__).with_suffix(".js").read_text("utf-8")
PAGE = 60  # photographs
_LISTED = 15  # landmarks, licences
_MEGABYTE = 1e6


def collection_view(name: str) -> gr.HTML:
    """The component, ``#name``."""
    return gr.HTML(
        value="",
        html_template=element(
            "section", class_="collection-view", aria_label=Shown.NAME, data_hears=""
        ),
        js_on_load=_SCRIPT,
        apply_default_css=False,
        elem_id=name,
        texts=Shown.SCRIPT,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rights:
    """What may be done to a collection here: whether it is one's own, and was made of a folder."""

    is_own: bool = False
    is_linked: bool = False


def told(
    method: Method, engine: Engine, statistics: Statistics, rights: Rights, page: int, below: str
) -> Html:
    """All of a collection.

    Args:
        method: That searches it.
        engine: Its index.
        statistics: Its numbers.
        rights: What may be done to it.
        page: Of its photographs, from 0.
        below: What stands between numbers and photographs: copies, or what was wrong.
    """
    parts = [
        element("h3", breakable(method.collection)),
        _numbers(method, statistics),
        _lists(statistics),
        _advice(statistics, rights),
        _copies(below),
        _photographs(method, engine, rights, page),
        *([_changes(rights)] if rights.is_own else []),
    ]
    return joined(parts)


def _numbers(method: Method, found: Statistics) -> Html:
    words = Shown
    sizes = found.described
    told: list[tuple[str, str]] = [
        (words.PHOTOGRAPHS, f"{found.photographs:,}"),
        (words.LANDMARKS, f"{len(found.landmarks):,}"),
    ]
    if found.unnamed and found.landmarks:
        told.append((words.UNNAMED, f"{found.unnamed:,}"))
    if found.sides is not None:
        told.append((words.SIDES, f"{found.sides[0]} × {found.sides[1]}"))
    if found.dates is not None:
        told.append((words.DATES, words.DAYS.format(first=found.dates[0], last=found.dates[1])))
    if found.authors:
        told.append((words.AUTHORS, f"{found.authors:,}"))
    told += [
        (words.MODEL, method.model),
        (words.INDEX, f"{method.kind}, {_size(found.bytes)}"),
        (words.QUERY, f"{found.milliseconds:.2f} ms"),
        (words.CALIBRATED, words.YES if sizes.get("recognition") else words.NO),
    ]
    rows = [element("div", element("dt", name), element("dd", text)) for name, text in told]
    return element("dl", *rows)


def _size(bytes: int) -> str:
    large = bytes >= _MEGABYTE
    return f"{bytes / _MEGABYTE:,.1f} MB" if large else f"{bytes / 1e3:,.0f} kB"


def _lists(found: Statistics) -> Html:
    licenses = [(name or Shown.NO_LICENCE, count) for name, count in found.licenses]
    return joined(
        [
            _counts(Shown.LANDMARK_LIST, Shown.LANDMARK, found.landmarks),
            _counts(Shown.LICENCE_LIST, Shown.LICENCE, licenses),
        ]
    )


def _counts(title: str, column: str, counts: Sequence[tuple[str, int]]) -> Html:
    if not counts:
        return Html()
    rows = [(name, f"{count:,}") for name, count in counts[:_LISTED]]
    more = len(counts) - len(rows)
    rest = [paragraph(Shown.MORE.format(count=more))] if more else []
    return details(title, table((column, Shown.PHOTOGRAPHS), rows, label=title), *rest)


def _advice(found: Statistics, rights: Rights) -> Html:
    """The advisor's table, or how one comes to it."""
    if found.advice:
        shown: Iterable[str] = [
            paragraph(Shown.ADVICE),
            element("pre", found.advice, class_="advice", tabindex="0"),
        ]
    elif rights.is_own:
        shown = [paragraph(Shown.NO_ADVICE), _button("change", Shown.ADVISE, data_what="advise")]
    else:
        shown = [paragraph(Shown.NO_ADVICE_HERE)]
    return details(Shown.ADVICE_TITLE, *shown)


def _copies(below: str) -> Html:
    button = _button("copies", Shown.COPIES)
    return details(
        Shown.COPIES_TITLE, paragraph(Shown.COPIES_HELP), button, below, is_open=bool(below)
    )


def copies(groups: Sequence[Sequence[Duplicate]], method: Method, rights: Rights) -> Html:
    """Groups of photographs that are copies of one another; all but the first may be removed."""
    if not groups:
        return element("p", Shown.NO_COPIES, role="status")
    count = sum(map(len, groups))
    shown = [element("p", Shown.found(count, len(groups), can_remove=rights.is_own), role="status")]
    for group in groups:
        figures = [
            _figure(method, one.id, f"{one.landmark} {one.similarity:.3f}".strip(), rights,
                    is_chosen=place > 0)
            for place, one in enumerate(group)
        ]  # fmt: skip
        shown.append(element("ul", *figures, class_="thumbnails"))
    return joined([*shown, *([_remove()] if rights.is_own else [])])


def _photographs(method: Method, engine: Engine, rights: Rights, page: int) -> Html:
    keys = engine.collection.keys()
    pages = max(1, -(-len(keys) // PAGE))
    page = min(max(page, 0), pages - 1)
    shown = engine.photographs(np.sort(keys)[page * PAGE : (page + 1) * PAGE])
    figures = [_figure(method, one.id, name_of(one), rights) for one in shown]
    turning = [
        _button("page", text, data_page=str(to))
        for text, to, is_there in (
            (Shown.BEFORE, page - 1, page > 0),
            (Shown.NEXT, page + 1, page < pages - 1),
        )
        if is_there
    ]
    where = element("p", Shown.PAGE.format(page=page + 1, pages=pages), class_="note")
    return element(
        "div",
        element("h4", Shown.ALL),
        element("ul", *figures, class_="thumbnails"),
        element("div", where, *turning, *([_remove()] if rights.is_own else []), class_="buttons"),
        class_="photographs",
    )


def _figure(
    method: Method, id: str, caption: str, rights: Rights, *, is_chosen: bool = False
) -> Html:
    source = addresses.photograph(method.name, id, addresses.THUMBNAIL)
    image = element("img", src=source, alt=caption, loading="lazy")
    if not rights.is_own:
        return element("li", image, element("span", caption))
    chosen = {"checked": ""} if is_chosen else {}
    box = element("input", type="checkbox", value=id, **chosen)
    return element("li", element("label", image, box, element("span", caption)))


def _remove() -> Html:
    return _button("remove", Shown.REMOVE)


def _changes(rights: Rights) -> Html:
    buttons = [_button("change", Shown.DELETE, data_what="delete", class_="button small warn")]
    if rights.is_linked:
        buttons.insert(0, _button("change", Shown.LOOK_AGAIN, data_what="look_again"))
    return element("div", element("h4", Shown.WHOLE), element("div", *buttons, class_="buttons"))


def _button(action: str, text: str, class_: str = "button small", **attributes: str) -> Html:
    return element("button", text, type="button", data_do=action, class_=class_, **attributes)


def nothing(text: str) -> Html:
    """Where there is no collection to show."""
    return element("p", text, class_="note")


def wrong(text: str) -> Html:
    """What could not be done."""
    return element("p", text, class_="problem", role="alert")


def begun() -> Html:
    """That something is being done."""
    return element("p", Collections.BEGUN, role="status")
