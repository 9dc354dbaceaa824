"""What is searched and how: the fields."""

import dataclasses
from typing import Any

import gradio as gr

from demo.asking.query import MOST_RESULTS
from demo.catalogue import Catalogue
from demo.page.asked import Asked
from demo.texts import Controls as Texts

_SWITCHES = ("expand", "diffuse", "reciprocal", "refine", "keep_first")


@dataclasses.dataclass(frozen=True)
class Controls:
    """The fields.

    Attributes:
        collection: Which methods there are to choose from.
        fields: By the name of what they hold in ``Asked``.
    """

    collection: gr.Dropdown
    fields: dict[str, Any]

    @property
    def all(self) -> list[Any]:
        """The collection, then the fields."""
        return [self.collection, *self.fields.values()]

    def filled(self, asked: Asked, catalogue: Catalogue) -> list[Any]:
        """Updates of ``all`` that show what is asked."""
        collection = catalogue.method(asked.method).collection if asked.method else None
        told = {name: gr.update(value=getattr(asked, name)) for name in self.fields}
        if collection is not None:
            told["method"] = gr.update(
                choices=method_choices(catalogue, collection), value=asked.method
            )
            told["verify"] = verify_update(catalogue, asked.method, asked.verify)
        chosen = gr.update(choices=catalogue.collections(), value=collection)
        return [chosen, *told.values()]


def build_controls(catalogue: Catalogue) -> Controls:
    """Lays the fields out, the collections newest first."""
    collections = catalogue.collections()
    methods = method_choices(catalogue, collections[0]) if collections else []
    method = methods[0][1] if methods else None
    collection = gr.Dropdown(
        collections,
        value=collections[0] if collections else None,
        label=Texts.COLLECTION,
        filterable=False,  # or a telephone's keyboard covers the list
    )
    fields = {
        "method": gr.Dropdown(
            methods,
            value=method,
            label=Texts.METHOD,
            info=Texts.METHOD_HELP,
            filterable=False,
        ),
        "k": gr.Slider(1, MOST_RESULTS, value=Asked.k, step=1, label=Texts.K),
    }
    with gr.Accordion(Texts.FILTERS, open=False):
        fields |= _filters()
    with gr.Accordion(Texts.REORDERING, open=False):
        fields |= _reordering(catalogue, method)
    return Controls(collection, fields)


def _filters() -> dict[str, Any]:
    fields = {}
    fields["landmark"] = gr.Textbox(label=Texts.LANDMARK)
    fields["author"] = gr.Textbox(label=Texts.AUTHOR)
    fields["licence"] = gr.Textbox(label=Texts.LICENCE)
    with gr.Row():
        for name, label in (("since", Texts.SINCE), ("until", Texts.UNTIL)):
            fields[name] = gr.Textbox(label=label, placeholder=Texts.DATE_EXAMPLE, min_width=100)
    fields["where"] = gr.Textbox(
        label=Texts.WHERE, info=Texts.WHERE_HELP, placeholder=Texts.WHERE_EXAMPLE, lines=2
    )
    return fields


def _reordering(catalogue: Catalogue, method: str | None) -> dict[str, Any]:
    fields = {
        name: gr.Checkbox(
            label=getattr(Texts, name.upper()), info=getattr(Texts, f"{name.upper()}_HELP")
        )
        for name in _SWITCHES
    }
    verifying = verify_choices(catalogue, method)
    fields["verify"] = gr.Dropdown(
        verifying,
        value="",
        label=Texts.VERIFY,
        info=Texts.VERIFY_HELP,
        visible=len(verifying) > 1,
        filterable=False,
    )
    return fields


def method_choices(catalogue: Catalogue, collection: str) -> list[tuple[str, str]]:
    """The methods of a collection, each as it is told and by its name."""
    return [
        (Texts.method(method.model, method.kind, method.photographs), method.name)
        for method in catalogue.methods(collection)
    ]


def verify_choices(catalogue: Catalogue, method: str | None) -> list[tuple[str, str]]:
    """None, then the extractors that can verify what a method finds."""
    extractors = catalogue.extractors(method) if method else []
    return [(Texts.NO_VERIFYING, ""), *((name, name) for name in extractors)]


def verify_update(catalogue: Catalogue, method: str, chosen: str) -> dict[str, Any]:
    """Of the field, which is not there where nothing can verify."""
    choices = verify_choices(catalogue, method)
    value = chosen if chosen in [name for _, name in choices] else ""
    return gr.update(choices=choices, value=value, visible=len(choices) > 1)
