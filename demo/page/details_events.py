"""What happens when a result is chosen, and in the dialog that shows it."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from demo.page import details
from demo.page.asked import read_stored
from demo.page.results_view import begin, fail
from demo.parts import Parts
from demo.refusals import Refused
from pipeline.reports.elements import element


class DetailsEvents:
    """Opens a result: what is known of it first, then why it was found, which takes longer."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def open(self, event: gr.EventData) -> Iterator[dict[str, Any]]:
        """What the dialog shows, step by step."""
        try:
            one = details.opened(event._data)
        except Refused as refused:
            yield {"key": 0, "facts": element("p", str(refused), class_="note"), "reasons": ""}
            return
        try:
            photograph = self._parts.catalogue.photograph(one.asked.method, one.id)
            query = one.asked.pixels(self._parts)
            shown = {"key": one.key, "facts": details.facts(one, photograph, query)}
            yield {**shown, "reasons": ""}
            yield {**shown, "reasons": self._reasons(one)}
        except Refused as refused:
            said = element("p", str(refused), class_="note")
            yield {"key": one.key, "facts": said, "reasons": " "}

    def _reasons(self, one: details.Opened) -> str:
        return " "
