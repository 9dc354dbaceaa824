"""The tab that asks two methods the same and shows their results side by side."""

import dataclasses
import functools
from typing import Any

import gradio as gr

from demo import texts
from demo.asking.query import MOST_RESULTS
from demo.page import asking, results
from demo.page.controls import Controls
from demo.page.results_view import ask, renew, results_view
from demo.page.search_tab import PRIVATE, build_box
from demo.parts import Parts
from demo.refusals import Refused
from pipeline.reports.elements import Html

BOX, RESULTS = "photograph-compared", "results-compared"  # names of elements
_K = 10
_OWN = ("method", "k")  # fields of which this tab has its own


@dataclasses.dataclass(frozen=True)
class CompareTab:
    """The components that other parts of the page use."""

    box: gr.HTML
    results: gr.HTML
    methods: tuple[gr.Dropdown, gr.Dropdown]


def build_compare_tab(parts: Parts, controls: Controls) -> CompareTab:
    """Lays the tab out and says what happens on it.

    Args:
        parts: Of the server.
        controls: Of the tab that searches, whose filters and switches apply here.
    """
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
    fields = {asking.FIRST: first, asking.SECOND: second, "k": k, **shared}
    inputs = [box, *fields.values()]
    button.click(None, inputs, js=ask(RESULTS, BOX, asking.COMPARE, fields), **PRIVATE)
    box.change(None, box, None, js=renew(RESULTS))
    searched = controls.fields["method"]
    searched.change(functools.partial(follow, parts), searched, [first, second], **PRIVATE)
    return CompareTab(box, shown, (first, second))


def every_method(parts: Parts) -> list[tuple[str, str]]:
    """All methods of all collections, each as it is told and by its name."""
    catalogue = parts.catalogue
    return [
        (texts.Compare.method(name, method.model, method.kind), method.name)
        for name in catalogue.collections()
        for method in catalogue.methods(name)
    ]


def follow(parts: Parts, method: str | None) -> list[Any]:
    """Updates of the two fields: the method searched with, and another of its collection."""
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


def first_two(parts: Parts) -> tuple[str | None, str | None]:
    """Methods of the first collection; the only one twice, None where there is none."""
    collections = parts.catalogue.collections()
    names = [one.name for one in parts.catalogue.methods(collections[0])] if collections else []
    return (names[0], names[min(1, len(names) - 1)]) if names else (None, None)


def _waiting() -> Html:
    return results.state(texts.Results.EMPTY, texts.Compare.EMPTY, class_="state waiting")
