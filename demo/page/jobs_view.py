"""The component that tells what is being made, how far it is, and how it ended.

It asks the server itself, at ``/jobs``, as long as something is going on; ``begin``, sent to its
element, has it ask at once. ``ended`` is its event when something has ended.
"""

from pathlib import Path

import gradio as gr

from demo.texts import Jobs
from pipeline.reports.elements import element

_SCRIPT = Path(__file__).with_suffix(".js").read_text("utf-8")


def jobs_view(name: str) -> gr.HTML:
    """The component, ``#name``."""
    return gr.HTML(
        value=None,
        html_template=element(
            "section",
            element("h3", Jobs.NAME),
            element("ul", aria_live="polite"),
            class_="jobs",
            aria_label=Jobs.NAME,
            data_hears="",
            hidden="",
        ),
        js_on_load=_SCRIPT,
        apply_default_css=False,
        elem_id=name,
        texts=Jobs.SCRIPT,
    )
