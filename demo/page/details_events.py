"""What happens when a result is chosen, and in the dialog that shows it."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from demo.page import details
from demo.page.asked import read_stored
from demo.page.reasons import Searches, reasons
from demo.parts import Parts
from demo.refusals import Refused
from pipeline.reports.elements import Html, element, joined


class DetailsEvents:
    """Opens a result: what is known of it first, then why it was found, which takes longer."""

    def __init__(self, parts: Parts, searches: Searches) -> None:
        self._parts = parts
        self._searches = searches

    def open(self, event: gr.EventData) -> Iterator[dict[str, Any]]:
        """What the dialog shows, step by step."""
        try:
            one = details.opened(event._data)
        except Refused as refused:
            yield _said(0, refused)
            return
        try:
            yield from self._told(one)
        except Refused as refused:
            yield _said(one.key, refused)

    def _told(self, one: details.Opened) -> Iterator[dict[str, Any]]:
        method = one.asked.method
        photograph = self._parts.catalogue.photograph(method, one.id)
        with self._parts.service.work(one.asked.sent_pixels(self._parts)):
            query = one.asked.pixels(self._parts)
            result = read_stored(self._parts, method, one.id)
        shown = {"key": one.key, "facts": details.facts(one, photograph, query, result)}
        yield {**shown, "reasons": "", "is_whole": False}
        found = self._searches.remembered(one.asked)
        so_far: list[Html] = []
        for reason in reasons(self._parts, one, found, query, result):
            so_far.append(reason)
            yield {**shown, "reasons": joined(so_far), "is_whole": False}
        yield {**shown, "reasons": joined(so_far), "is_whole": True}


def _said(key: int, refused: Refused) -> dict[str, Any]:
    said = element("p", str(refused), class_="note")
    return {"key": key, "facts": said, "reasons": "", "is_whole": True}
