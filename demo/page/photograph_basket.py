"""The component that many photographs are sent with, one after another, to become a collection.

Its value, once all have arrived:

    {"token": "...", "count": 120, "name": "holiday"}

``name`` is that of the folder which was chosen, "" where single files were.
"""

from pathlib import Path

import gradio as gr

from demo.texts import Basket
from pipeline.reports.elements import Html, element

_SCRIPT = Path(__file__).with_suffix(".js").read_text("utf-8")
_ACCEPTED = "image/*"


def photograph_basket(name: str, *, bytes: int) -> gr.HTML:
    """The component, ``#name``; a file has at most so many bytes."""
    return gr.HTML(
        value=None,
        html_template=_template(),  # constant, see photograph_box.py
        js_on_load=_SCRIPT,
        apply_default_css=False,
        elem_id=name,
        texts=Basket.SCRIPT,
        limits={"bytes": bytes, "megabytes": bytes // 1_000_000},
    )


def _template() -> Html:
    buttons = [
        _button("files", Basket.CHOOSE, class_="button primary"),
        _button("folder", Basket.FOLDER, class_="button"),
        _button("stop", Basket.STOP, class_="button", hidden=""),
        _button("clear", Basket.CLEAR, class_="button", hidden=""),
    ]
    inputs = [
        element("input", type="file", accept=_ACCEPTED, multiple="", hidden="", class_="files"),
        element("input", type="file", webkitdirectory="", multiple="", hidden="", class_="folder"),
    ]
    bar = element("div", element("div", class_="bar"), element("span"), class_="progress")
    return element(
        "section",
        element("p", Basket.INVITATION, class_="invitation"),
        element("div", *buttons, class_="buttons"),
        element("div", bar, class_="sending", role="status", hidden=""),
        element("p", class_="arrived", role="status", hidden=""),
        element("ul", class_="refused", aria_label=Basket.REFUSED, hidden=""),
        element("p", Basket.HINT, class_="hint"),
        *inputs,
        class_="photograph-box basket",
        aria_label=Basket.NAME,
    )


def _button(action: str, text: str, **attributes: str) -> Html:
    return element("button", text, type="button", data_do=action, **attributes)
