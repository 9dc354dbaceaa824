"""The component that shows the answer and the results, copies the link and hands over files.

Its value is what ``results.shown`` gives. A result that is chosen is the event ``open``, which
carries the link of the search and what the figure tells; ``ask``, sent to its element, has it ask
the server; ``begin`` tells it that something else is on its way, ``fail`` that this did not come,
and ``renew`` that what went wrong before is of no matter any more.
"""

import json
from collections.abc import Iterable
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


def begin(name: str) -> str:
    """JavaScript that tells the component that something begins, and passes the inputs on."""
    return f"(...values) => {{ {_dispatch(name, 'begin')}; return values; }}"


# Conditions of ``ask``, in JavaScript: there is a photograph; and the address of the page compares
# two methods, or does not.
CHOSEN = "chosen"
_COMPARES = "new URLSearchParams(location.search).get('against')"
COMPARING, NOT_COMPARING = f"chosen && {_COMPARES}", f"chosen && !{_COMPARES}"


def ask(name: str, box: str, address: str, fields: Iterable[str], only_if: str = "true") -> str:
    """JavaScript that has the component ask the server, see ``asking``, and show the answer.

    The inputs are a photograph box, then fields. A photograph that is still on its way to the
    server is waited for.

    Args:
        name: Of the component.
        box: Name of the photograph box.
        address: Which answers.
        fields: Names of the fields, in the order of the inputs.
        only_if: Otherwise nothing is asked, see above; without a photograph the server says so.
    """
    return f"""async (chosen, ...values) => {{
        if (!({only_if})) return [];
        // A tab's components are there once it is shown.
        const later = () => new Promise(requestAnimationFrame);
        for (let frames = 0; frames < 600 && !{_heard(name)}; frames += 1) await later();
        const names = {json.dumps(list(fields))};
        const fields = Object.fromEntries(names.map((name, place) => [name, values[place]]));
        const photograph = {_heard(box)}?.arriving ?? chosen;
        const detail = {{ address: {json.dumps(address)}, photograph, fields }};
        {_heard(name)}.dispatchEvent(new CustomEvent("ask", {{ detail }}));
        return [];
    }}"""


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
