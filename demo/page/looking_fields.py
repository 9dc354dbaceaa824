"""The fields that a collection is looked at with, and what happens when they are used."""

import dataclasses
import functools
from typing import Any

import gradio as gr

from demo.making.making import AUTO, Making
from demo.making.statistics import Statistics, find_duplicates, statistics
from demo.page import collection_view
from demo.page.collection_view import Rights
from demo.page.controls import method_choices
from demo.page.making_fields import JOBS
from demo.page.results_view import begin
from demo.page.search_tab import PRIVATE
from demo.parts import Parts
from demo.refusals import Refused, shown
from demo.texts import Collections, Controls
from pipeline.index.duplicates import LEAST_OF_DUPLICATES
from pipeline.reports.elements import element

VIEW = "collection"  # name of its element
_COUNTED = 32  # methods whose numbers are remembered


@dataclasses.dataclass(frozen=True)
class LookingFields:
    """The fields that a collection is looked at with."""

    collection: gr.Dropdown
    method: gr.Dropdown
    view: gr.HTML


def build_looking_fields(parts: Parts) -> LookingFields:
    """Lays the fields out, the collection that was indexed last chosen."""
    names = parts.catalogue.collections()
    methods = method_choices(parts.catalogue, names[0]) if names else []
    gr.HTML(element("h3", Collections.LOOK), apply_default_css=False)
    with gr.Row():
        collection = gr.Dropdown(
            names, value=names[0] if names else None, label=Controls.COLLECTION, filterable=False,
            min_width=140,
        )  # fmt: skip
        method = gr.Dropdown(
            methods, value=methods[0][1] if methods else None, label=Controls.METHOD,
            filterable=False, min_width=140,
        )  # fmt: skip
    return LookingFields(collection, method, collection_view.collection_view(VIEW))


class LookingHandlers:
    """What happens where a collection is looked at."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._counted = functools.lru_cache(_COUNTED)(self._count)

    def connect(self, fields: LookingFields, tab: gr.Tab) -> None:
        """Connects the fields with what happens."""
        chosen, view = [fields.collection, fields.method], fields.view
        tab.select(self.refresh, chosen, [*chosen, view], **PRIVATE)
        fields.collection.input(self.refresh, [fields.collection], [*chosen, view], **PRIVATE)
        fields.method.input(self.show, fields.method, view, **PRIVATE)
        view.turn(self.turn, fields.method, view, **PRIVATE)
        view.duplicates(self.copies, fields.method, view, **PRIVATE)
        view.leave_out(self.remove, chosen, view, **PRIVATE).then(None, js=begin(JOBS))
        view.alter(self.alter, chosen, view, **PRIVATE).then(
            self.refresh, chosen, [*chosen, view], **PRIVATE
        ).then(None, js=begin(JOBS))

    def refresh(self, collection: str | None, method: str | None = None) -> list[Any]:
        """What there is to choose from now; what is chosen stays, as far as it is there."""
        names = self._parts.catalogue.collections()
        collection = collection if collection in names else (names[0] if names else None)
        methods = method_choices(self._parts.catalogue, collection) if collection else []
        values = [value for _, value in methods]
        method = method if method in values else (values[0] if values else None)
        return [
            gr.update(choices=names, value=collection),
            gr.update(choices=methods, value=method),
            self.show(method),
        ]

    def ended(self, collection: str | None, method: str | None, event: gr.EventData) -> list[Any]:
        """The collection that something was done to, where that ended well."""
        return self.refresh(str(event._data["made"]) or collection, method)

    def show(self, method: str | None, page: int = 0, below: str = "") -> str:
        """All of a collection, or why it cannot be shown."""
        if not method:
            return collection_view.nothing(Collections.NOTHING_YET)
        try:
            found = self._parts.catalogue.method(method)
            engine = self._parts.catalogue.engine(method)
            counted = self._counted(method, found.built)
            rights = self._rights(found.collection)
            return collection_view.told(found, engine, counted, rights, page, below)
        except Refused as refused:
            return collection_view.wrong(str(refused))

    def _count(self, method: str, built: float) -> Statistics:
        """The numbers of a method that was built, or changed, at some time."""
        with self._parts.service.work() as times, times.step("numbers"):
            return statistics(self._parts.catalogue.engine(method).collection)

    def turn(self, method: str | None, event: gr.EventData) -> str:
        """Another page of photographs."""
        return self.show(method, int(event._data["page"]))

    def copies(self, method: str) -> str:
        """The collection, and copies among its photographs."""
        try:
            found = self._parts.catalogue.method(method)
            opened = self._parts.catalogue.engine(method).collection
            with self._parts.service.work() as times, times.step("copies"):
                groups = find_duplicates(opened, LEAST_OF_DUPLICATES)
            below = collection_view.copies(groups, found, self._rights(found.collection))
        except ValueError as error:
            below = collection_view.wrong(str(shown(error)))
        return self.show(method, below=below)

    def remove(self, collection: str, method: str, event: gr.EventData) -> str:
        """Has photographs removed that were chosen."""
        try:
            self._allowed().remove(collection, [str(one) for one in event._data["ids"]])
        except Refused as refused:
            return self.show(method, below=collection_view.wrong(str(refused)))
        return self.show(method, below=collection_view.begun())

    def alter(self, collection: str, method: str, event: gr.EventData) -> str:
        """Has something done to the whole collection."""
        what = str(event._data["what"])
        try:
            making = self._allowed()
            if what == "advise":
                making.index(collection, self._parts.catalogue.method(method).model, AUTO)
            elif what == "look_again":
                making.look_again(collection)
            elif what == "delete":
                making.delete(collection)
        except Refused as refused:
            raise gr.Error(str(refused), print_exception=False) from refused
        return ""

    def _allowed(self) -> Making:
        """What makes collections.

        Raises:
            Refused: If nothing may be changed here.
        """
        if self._parts.making is None:
            raise Refused(Collections.NO_CHANGES)
        return self._parts.making

    def _rights(self, collection: str) -> Rights:
        making = self._parts.making
        if making is None or collection not in making.own.names():
            return Rights()
        source = making.own.photographs(collection).told()["source"]
        return Rights(is_own=True, is_linked=making.own.is_allowed(source))
