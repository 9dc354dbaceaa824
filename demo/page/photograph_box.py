"""The component that a photograph is chosen in, and the part of it that shows the landmark.

It sends files to ``/uploads`` by itself, so that a photograph keeps its resolution, and its value
names the photograph instead of holding it:

    {"token": "...", "width": 4000, "height": 3000, "box": [120, 80, 2400, 1900]}
    {"method": "mine/mine-flat", "id": "...", "width": 640, "height": 480, "box": null}

While a photograph is on its way, ``arriving`` of its element is a promise of that value.

``box`` is x1, y1, x2, y2 in the photograph's own pixels; None for all of it. ``example`` is the
event of a photograph of the collection that was taken, whose ``id`` and ``method`` it carries.
"""

from pathlib import Path

import gradio as gr

from demo.texts import Photograph
from pipeline.reports.elements import Html, element, joined

_SCRIPT = "".join(
    Path(__file__).with_name(name).read_text("utf-8")
    for name in ("photograph_box.js", "photograph_part.js")
)
_EDGES = ("nw", "n", "ne", "e", "se", "s", "sw", "w")
# Named one by one: a telephone that stores HEIC then hands over a JPEG.
_ACCEPTED = "image/jpeg,image/png,image/webp,image/gif,image/bmp"


def photograph_box(name: str, *, most_bytes: int, minutes: float) -> gr.HTML:
    """The component.

    Args:
        name: Of its element; ``#name`` finds it.
        most_bytes: A file has at most.
        minutes: An upload is kept for.
    """
    megabytes = f"{most_bytes / 1e6:g}"
    return gr.HTML(
        value=None,
        # Constant: Gradio reads it as a template of Handlebars and of JavaScript, so that no text
        # that comes from data may ever get into it.
        html_template=_template(name, megabytes, minutes),
        js_on_load=_SCRIPT,
        apply_default_css=False,
        elem_id=name,
        texts=Photograph.SCRIPT,
        limits={"bytes": most_bytes, "megabytes": megabytes},
    )


def _template(name: str, megabytes: str, minutes: float) -> Html:
    return element(
        "section",
        _empty(megabytes, minutes),
        _chosen(name),
        element("div", element("div", class_="bar"), element("span"), class_="progress", hidden=""),
        element("p", class_="problem", role="alert", hidden=""),
        _file_input("file"),
        _file_input("shot", capture="environment"),
        _camera(),
        class_="photograph-box",
        data_hears="",
        aria_label=Photograph.NAME,
    )


def _file_input(name: str, **attributes: str) -> Html:
    return element("input", type="file", accept=_ACCEPTED, class_=name, hidden="", **attributes)


def _empty(megabytes: str, minutes: float) -> Html:
    buttons = joined(
        [
            _button("choose", Photograph.CHOOSE, class_="button primary"),
            _button("camera", Photograph.CAMERA, class_="button"),
        ]
    )
    return element(
        "div",
        Html('<svg class="picture" viewBox="0 0 48 48" aria-hidden="true"><path d="M6 40V12h10l3-5h'
             '10l3 5h10v28z"/><circle cx="24" cy="25" r="8"/></svg>'),
        element("p", Photograph.INVITATION, class_="invitation"),
        element("div", buttons, class_="buttons"),
        element("p", Photograph.kept(megabytes, minutes), class_="hint"),
        class_="empty",
    )  # fmt: skip


def _chosen(name: str) -> Html:
    handles = [element("span", class_="handle", data_edges=edges) for edges in _EDGES]
    part = element(
        "div",
        *handles,
        class_="part",
        tabindex="0",
        role="group",
        aria_describedby=f"{name}-keys",
        hidden="",
    )
    image = element("img", alt=Photograph.SHOWN, draggable="false")
    buttons = [
        _button("part", Photograph.PART, class_="button"),
        _button("whole", Photograph.WHOLE, class_="button", hidden=""),
        _button("choose", Photograph.ANOTHER, class_="button", aria_label=Photograph.ANOTHER_NAME),
        _button("remove", Photograph.REMOVE, class_="button", aria_label=Photograph.REMOVE_NAME),
    ]
    return element(
        "div",
        element("div", image, part, class_="stage"),
        element("p", class_="told", aria_live="polite"),
        element("p", Photograph.KEYS, id=f"{name}-keys", class_="keys"),
        element("div", *buttons, class_="buttons"),
        class_="chosen",
        hidden="",
    )  # fmt: skip


def _camera() -> Html:
    buttons = [
        _button("shoot", Photograph.SHOOT, class_="button primary"),
        _button("cancel", Photograph.CANCEL, class_="button"),
    ]
    return element(
        "dialog",
        element("video", autoplay="", playsinline="", muted=""),
        element("div", *buttons, class_="buttons"),
        class_="camera",
        aria_label=Photograph.CAMERA_NAME,
    )


def _button(action: str, text: str, **attributes: str) -> Html:
    return element("button", text, type="button", data_do=action, **attributes)
