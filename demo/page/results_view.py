"""The component that shows the answer and the results, copies the link and hands over files.

Its value is what ``results.shown`` gives. A result that is chosen is the event ``open``, which
carries the link of the search and what the figure tells; ``begin``, sent to its element, tells it
that a search is on its way, ``fail`` that there was no answer, and ``renew`` that what went wrong
before is of no matter any more.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from demo.texts import Results
from pipeline.reports.elements import element

_SCRIPT = Path(__file__).with_suffix(".js").read_text("utf-8")
_SKELETONS = 8


def results_view(name: str, value: dict[str, Any]) -> gr.HTML:
    """The component, ``#name``."""
    busy = element(
        "div",
        element("p", Results.LOADING, role="status"),
        *[element("div", class_="skeleton") for _ in range(_SKELETONS)],
        class_="busy",
        hidden="",
    )
    body = element("div", class_="body")
    return gr.HTML(
        value=value,
        # Constant, see photograph_box.py; the script puts the value's HTML in.
        html_template=element(
            "section",
            busy,
            body,
            class_="results-view",
            aria_label=Results.NAME,
            tabindex="-1",
            data_hears="",
        ),
        js_on_load=_SCRIPT,
        apply_default_css=False,
        elem_id=name,
        texts=Results.SCRIPT,
    )


def begin(name: str, box: str | None = None) -> str:
    """JavaScript that tells the component that a search begins, and passes the inputs on.

    Args:
        name: Of the component.
        box: Name of the photograph box whose value is the first input: where a photograph is still
            on its way to the server, it is waited for.
    """
    wait = "" if box is None else f"values[0] = await {_heard(box)}.arriving ?? values[0];"
    return f"async (...values) => {{ {_dispatch(name, 'begin')}; {wait} return values; }}"


def begin_if_chosen(name: str) -> str:
    """JavaScript that does what ``begin`` does where the first input is a photograph."""
    return f"(...values) => {{ if (values[0]) {_dispatch(name, 'begin')}; return values; }}"


def renew(name: str) -> str:
    """JavaScript that takes away what was wrong once the input is another photograph."""
    return f"(chosen) => {{ if (chosen) {_dispatch(name, 'renew')}; return []; }}"


def fail(name: str) -> str:
    """JavaScript that tells the component that there was no answer."""
    return f"(...values) => {{ {_dispatch(name, 'fail')}; return values; }}"


def _dispatch(name: str, event: str) -> str:
    return f"{_heard(name)}.dispatchEvent(new Event('{event}'))"


def _heard(name: str) -> str:
    return f"document.querySelector('#{name} [data-hears]')"
