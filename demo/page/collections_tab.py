"""The tab in which collections are made of one's own photographs, and looked at."""

import gradio as gr

from demo.page.looking_fields import LookingHandlers, build_looking_fields
from demo.page.making_fields import MakingHandlers, build_making_fields, choices_now
from demo.page.search_tab import PRIVATE
from demo.parts import Parts


def build_collections_tab(parts: Parts, tab: gr.Tab) -> None:
    """Lays the tab out and says what happens on it.

    Args:
        parts: Of the server; where they make no collections, they are only looked at.
        tab: That this is called in.
    """
    looking_at = LookingHandlers(parts)
    with gr.Row(elem_classes="search-columns"):
        making_fields = None
        if parts.making is not None:
            with gr.Column(scale=2, min_width=320, elem_classes="making"):
                making_fields = build_making_fields(parts.making, _preferred_model(parts))
        with gr.Column(scale=5, min_width=320, elem_classes="looking"):
            looking = build_looking_fields(parts)
    looking_at.connect(looking, tab)
    if making_fields is not None and parts.making is not None:
        MakingHandlers(parts.making).connect(making_fields)
        fields = [looking.collection, looking.method, looking.view]
        making_fields.jobs.ended(
            looking_at.ended, [looking.collection, looking.method], fields, **PRIVATE
        ).then(choices_now(parts.making), None, making_fields.choices, **PRIVATE)
        tab.select(choices_now(parts.making), None, making_fields.choices, **PRIVATE)


def _preferred_model(parts: Parts) -> str | None:
    """That of the collection that was indexed last."""
    names = parts.catalogue.collections()
    return parts.catalogue.methods(names[0])[0].model if names else None
