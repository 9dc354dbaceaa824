"""The component that shows a result large beside the query, in a dialog.

Its value is ``{"key": number, "facts": HTML, "reasons": HTML, "is_whole": whether no more
reasons come}``; the key is that of the event
``open`` that asked for it, so that an answer that comes late is not shown for another result. The
event ``again`` searches with the result, ``id``, of the search with ``link``.
"""

from pathlib import Path

import gradio as gr

from demo.texts import Details
from pipeline.reports.elements import element

_SCRIPT = Path(__file__).with_suffix(".js").read_text("utf-8")


def details_view(name: str) -> gr.HTML:
    """The component, ``#name``."""
    buttons = [
        element("button", "‹", type="button", data_do="previous", class_="button round",
                aria_label=Details.PREVIOUS, title=Details.PREVIOUS),
        element("button", "›", type="button", data_do="next", class_="button round",
                aria_label=Details.NEXT, title=Details.NEXT),
        element("button", "×", type="button", data_do="close", class_="button round",
                aria_label=Details.CLOSE, title=Details.CLOSE),
    ]  # fmt: skip
    header = element(
        "header",
        element("h2", class_="title"),
        element("div", *buttons, class_="buttons"),
    )
    dialog = element(
        "dialog",
        header,
        element("div", class_="facts"),
        element("div", class_="reasons", aria_live="polite"),
        class_="details",
        data_hears="",
        aria_label=Details.NAME,
    )
    return gr.HTML(
        value=None,
        html_template=dialog,  # constant, see photograph_box.py
        js_on_load=_SCRIPT,
        apply_default_css=False,
        elem_id=name,
        texts=Details.SCRIPT,
    )
