"""The tab that asks two methods the same and shows their results side by side."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.events import Dependency

from demo import texts
from demo.asking.query import MOST_RESULTS
from demo.page import asking, results
from demo.page.asked import Asked
from demo.page.results_view import COMPARING, ask, renew, results_view
from demo.page.search_tab import PRIVATE, SearchTab, build_box
from demo.parts import Parts
from demo.refusals import Refused
from pipeline.reports.elements import Html

BOX, RESULTS = "photograph-compared", "results-compared"  # names of elements
_K = 10
_METHODS = ("method", "against")
_OWN = (*_METHODS, "k")  # fields of which this tab has its own
COMPARE = "compare"  # the tab's name


@dataclasses.dataclass(frozen=True)
class CompareTab:
    """The components that other parts of the page use."""

    box: gr.HTML
    results: gr.HTML
    fields: dict[str, Any]  # by the name of what they hold in ``Asked``

    @property
    def methods(self) -> list[gr.Dropdown]:
        """The two fields of methods."""
        return [self.fields[name] for name in _METHODS]

    @property
    def asking(self) -> list[Any]:
        """What holds what is asked: the photograph, then the fields."""
        return [self.box, *self.fields.values()]

    def ask(self, only_if: str = "true") -> str:
        """JavaScript that compares, see ``results_view``."""
        return ask(RESULTS, BOX, asking.COMPARE, self.fields, only_if)

    def restore_after(
        self, filled: Dependency, parts: Parts, search: SearchTab, link: gr.Textbox, tabs: gr.Tabs
    ) -> None:
        """Compares as the page's address says, if it names two methods.

        Args:
            filled: What the fields of the other tab are filled by.
            parts: Of the server.
            search: That tab.
            link: Holds the address meanwhile.
            tabs: Of which this one is shown.
        """
        filled.then(
            functools.partial(restore, parts, search.handlers.linked),
            [link, search.box],
            [tabs, *self.methods, self.fields["k"]],
            js="(_, chosen) => [location.search, chosen]",
            **PRIVATE,
        ).then(None, [search.box, *self.fields.values()], js=self.ask(COMPARING), **PRIVATE)


def build_compare_tab(parts: Parts, search: SearchTab, link: gr.Textbox) -> CompareTab:
    """Lays the tab out and says what happens on it.

    Args:
        parts: Of the server.
        search: The other tab, whose filters and switches apply here.
        link: Holds the page's address meanwhile.
    """
    controls = search.controls
    choices = every_method(parts)
    words = texts.Compare
    with gr.Row(elem_classes="search-columns"):
        with gr.Column(scale=2, min_width=320, elem_classes="asking"):
            box = build_box(parts, BOX)
            button = gr.Button(words.BUTTON, variant="primary", elem_id="compare-button")
            first, second = (
                gr.Dropdown(choices, value=chosen, label=label, filterable=False)
                for chosen, label in zip(first_two(parts), (words.FIRST, words.SECOND), strict=True)
            )
            k = gr.Slider(1, MOST_RESULTS, value=_K, step=1, label=texts.Controls.K)
        with gr.Column(scale=5, min_width=320, elem_classes="found"):
            shown = results_view(RESULTS, results.told(_waiting()))

    # What narrows and reorders results on the other tab does so here.
    shared = {name: field for name, field in controls.fields.items() if name not in _OWN}
    fields = {**dict(zip(_METHODS, (first, second), strict=True)), "k": k, **shared}
    tab = CompareTab(box, shown, fields)
    button.click(None, tab.asking, js=tab.ask(), **PRIVATE)
    box.change(None, box, None, js=renew(RESULTS))
    searched = controls.fields["method"]
    searched.change(
        functools.partial(follow, parts, search.handlers.linked),
        [searched, link],
        [first, second],
        js="(method) => [method, location.search]",
        **PRIVATE,
    )
    return tab


def every_method(parts: Parts) -> list[tuple[str, str]]:
    """All methods of all collections, each as it is told and by its name."""
    catalogue = parts.catalogue
    return [
        (texts.Compare.method(name, method.model, method.kind), method.name)
        for name in catalogue.collections()
        for method in catalogue.methods(name)
    ]


def follow(
    parts: Parts, linked: Callable[[str], Asked], method: str | None, link: str | None
) -> list[Any]:
    """Updates of the two fields: the method searched with, and another of its collection.

    Or the other that the page's address compares it with, which may be just being restored.
    """
    asked = _compared(linked, link)
    if asked is not None and asked.method == method:
        return methods_anew(parts, asked.method, asked.against)
    try:
        collection = parts.catalogue.method(method or "").collection
    except Refused:
        return [gr.skip(), gr.skip()]
    names = [one.name for one in parts.catalogue.methods(collection)]
    other = next((name for name in names if name != method), method)
    choices = every_method(parts)
    return [gr.update(choices=choices, value=method), gr.update(choices=choices, value=other)]


def methods_anew(parts: Parts, *chosen: str | None) -> list[dict[str, Any]]:
    """Updates of the two fields: what there is by now, what was chosen still chosen."""
    choices = every_method(parts)
    names = [name for _, name in choices]
    return [
        gr.update(choices=choices, value=one if one in names else other)
        for one, other in zip(chosen, first_two(parts), strict=True)
    ]


def restore(
    parts: Parts, linked: Callable[[str], Asked], link: str | None, chosen: Any
) -> list[Any]:
    """Updates of tabs, methods and number of results, as a link says.

    Args:
        parts: Of the server.
        linked: What a link asks; what is wrong with one the other tab says.
        link: The page's address behind its question mark.
        chosen: The photograph that it names, None where that was refused.
    """
    asked = _compared(linked, link)
    if asked is None or chosen is None:
        methods = methods_anew(parts, *first_two(parts))
        return [gr.skip(), *methods, gr.skip()]
    methods = methods_anew(parts, asked.method, asked.against)
    return [gr.update(selected=COMPARE), *methods, asked.k]


def _compared(linked: Callable[[str], Asked], link: str | None) -> Asked | None:
    """What a link compares; None where it compares nothing, or cannot be read."""
    try:
        asked = linked(link or "")
    except Refused:
        return None
    return asked if asked.against else None


def first_two(parts: Parts) -> tuple[str | None, str | None]:
    """Methods of the first collection; the only one twice, None where there is none."""
    collections = parts.catalogue.collections()
    names = [one.name for one in parts.catalogue.methods(collections[0])] if collections else []
    return (names[0], names[min(1, len(names) - 1)]) if names else (None, None)


def _waiting() -> Html:
    return results.state(texts.Results.EMPTY, texts.Compare.EMPTY, class_="state waiting")
