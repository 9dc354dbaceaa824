"""The fields that a collection is made with, and what happens when they are used."""

import dataclasses
from collections.abc import Callable
from typing import Any

import gradio as gr

from demo.making.making import AUTO, KINDS, Making
from demo.page import collection_view
from demo.page.jobs_view import jobs_view
from demo.page.photograph_basket import photograph_basket
from demo.page.results_view import begin
from demo.page.search_tab import PRIVATE
from demo.refusals import Refused
from demo.texts import Collections
from pipeline.index.kinds import MEANING
from pipeline.reports.elements import element

BASKET, JOBS = "basket", "jobs"  # names of elements
_NEW = ""  # of what photographs go into


@dataclasses.dataclass(frozen=True)
class MakingFields:
    """The fields that a collection is made with."""

    basket: gr.HTML
    folder: gr.Dropdown
    into: gr.Dropdown
    name: gr.Textbox
    model: gr.Dropdown
    kind: gr.Dropdown
    button: gr.Button
    said: gr.HTML
    jobs: gr.HTML

    @property
    def choices(self) -> list[gr.Dropdown]:
        """The fields whose choices change while the page is open."""
        return [self.folder, self.into]


def build_making_fields(making: Making, preferred: str | None) -> MakingFields:
    """Lays the fields out; the preferred model is chosen where there is one."""
    words = Collections
    gr.HTML(element("h3", words.MAKE), apply_default_css=False)
    basket = photograph_basket(BASKET, bytes=making.settings.limits.bytes)
    is_allowed = bool(making.settings.photos)
    folder = gr.Dropdown(_folders(making), value="", label=words.FOLDER, visible=is_allowed)
    into = gr.Dropdown(_into(making), value=_NEW, label=words.INTO, filterable=False)
    name = gr.Textbox(label=words.NAME, placeholder=words.NAME_EXAMPLE, max_lines=1)
    models = list(making.own.models())
    with gr.Accordion(words.MORE, open=False):
        chosen = preferred if preferred in models else next(iter(models), None)
        model = gr.Dropdown(models, value=chosen, label=words.MODEL, filterable=False)
        kind = gr.Dropdown(
            [(_kind(one), one) for one in KINDS], value="", label=words.KIND, filterable=False
        )
    button = gr.Button(words.BUTTON, variant="secondary", elem_id="make-button")
    said = gr.HTML("", apply_default_css=False, elem_id="make-said")
    return MakingFields(basket, folder, into, name, model, kind, button, said, jobs_view(JOBS))


def _kind(kind: str) -> str:
    if kind in ("", AUTO):
        return Collections.SUITING if not kind else Collections.AUTO
    return f"{kind}: {MEANING[kind]}"


def _into(making: Making) -> list[tuple[str, str]]:
    return [(Collections.NEW, _NEW), *((name, name) for name in making.own.names())]


def _folders(making: Making) -> list[tuple[str, str]]:
    return [(Collections.NO_FOLDER, ""), *((name, name) for name in making.own.folders())]


def choices_now(making: Making) -> Callable[[], list[Any]]:
    """What there is to choose from by now; what is chosen stays."""
    return lambda: [gr.update(choices=_folders(making)), gr.update(choices=_into(making))]


class MakingHandlers:
    """What happens where a collection is made."""

    def __init__(self, making: Making) -> None:
        self._making = making

    def connect(self, fields: MakingFields) -> None:
        """Connects the fields with what happens."""
        fields.into.change(self.choose_into, fields.into, [fields.name, fields.button], **PRIVATE)
        gr.on(
            [fields.basket.change, fields.folder.input],
            self.suggest,
            [fields.basket, fields.folder, fields.name],
            [fields.name, fields.button],
            **PRIVATE,
        )
        asked = [
            fields.basket, fields.folder, fields.into, fields.name, fields.model, fields.kind,
        ]  # fmt: skip
        gr.on(
            [fields.button.click, fields.name.submit],
            self.make,
            asked,
            [fields.said, fields.basket, fields.folder, fields.name],
            **PRIVATE,
        ).then(None, js=begin(JOBS))

    def choose_into(self, into: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """A new collection has a name to be given."""
        is_new = into == _NEW
        text = Collections.BUTTON if is_new else Collections.ADD_BUTTON
        return gr.update(visible=is_new), gr.update(value=text)

    def suggest(self, basket: dict[str, Any] | None, folder: str, name: str) -> tuple[Any, Any]:
        """A name, where none was given yet; the button stands out once it has something to do."""
        if not (basket or folder):
            return gr.update(), gr.update(variant="secondary")
        return name or self._suggested(basket, folder), gr.update(variant="primary")

    def make(
        self,
        basket: dict[str, Any] | None,
        folder: str,
        into: str,
        name: str,
        model: str | None,
        kind: str,
    ) -> list[Any]:
        """Begins, and empties the fields; or says what is wrong."""
        try:
            token = str((basket or {}).get("token", "")) if not folder else ""
            if into == _NEW:
                # Who is quick presses the button before a name has been suggested.
                name = name.strip() or self._suggested(basket, folder)
                self._making.make(name, model or "", kind, basket=token, folder=folder)
            else:
                self._making.add(into, basket=token, folder=folder)
        except Refused as refused:
            return [collection_view.wrong(str(refused)), gr.update(), gr.update(), gr.update()]
        return [collection_view.begun(), None, "", ""]

    def _suggested(self, basket: dict[str, Any] | None, folder: str) -> str:
        """A name that no collection has, after where the photographs come from."""
        chosen = folder.rpartition("/")[2] or (basket or {}).get("name") or Collections.NAME_GIVEN
        name = str(chosen)
        wanted, number = name, 2
        while self._making.own.is_taken(wanted.strip().replace(" ", "-")):
            wanted, number = f"{name}-{number}", number + 1
        return wanted
