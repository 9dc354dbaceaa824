"""The tab in which collections are made of one's own photographs, and looked at."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import gradio as gr

from demo.making.making import AUTO, KINDS, Making
from demo.making.statistics import Statistics, find_duplicates, statistics
from demo.page import collection_view
from demo.page.collection_view import Rights
from demo.page.controls import method_choices
from demo.page.jobs_view import jobs_view
from demo.page.photograph_basket import photograph_basket
from demo.page.results_view import begin
from demo.page.search_tab import PRIVATE
from demo.parts import Parts
from demo.refusals import Refused, shown
from demo.texts import Collections, Controls
from pipeline.index.kinds import MEANING
from pipeline.reports.elements import element

BASKET, JOBS, VIEW = "basket", "jobs", "collection"  # names of elements
_COPIES_LEAST = 0.925  # as pipeline.search has it, where it was measured
_COUNTED = 32  # methods whose numbers are remembered
_NEW = ""  # of what photographs go into


@dataclasses.dataclass(frozen=True)
class _Making:
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


@dataclasses.dataclass(frozen=True)
class _Looking:
    """The fields that a collection is looked at with."""

    collection: gr.Dropdown
    method: gr.Dropdown
    view: gr.HTML


def build_collections_tab(parts: Parts, tab: gr.Tab) -> None:
    """Lays the tab out and says what happens on it.

    Args:
        parts: Of the server; where they make no collections, they are only looked at.
        tab: That this is called in.
    """
    looking_at = _LookingHandlers(parts)
    with gr.Row(elem_classes="search-columns"):
        making_fields = None
        if parts.making is not None:
            with gr.Column(scale=2, min_width=320, elem_classes="making"):
                making_fields = _build_making(parts.making, _preferred_model(parts))
        with gr.Column(scale=5, min_width=320, elem_classes="looking"):
            looking = _build_looking(parts)
    looking_at.connect(looking, tab)
    if making_fields is not None and parts.making is not None:
        _MakingHandlers(parts.making).connect(making_fields)
        fields = [looking.collection, looking.method, looking.view]
        making_fields.jobs.ended(
            looking_at.ended, [looking.collection, looking.method], fields, **PRIVATE
        ).then(_choices(parts.making), None, making_fields.choices, **PRIVATE)
        tab.select(_choices(parts.making), None, making_fields.choices, **PRIVATE)


def _preferred_model(parts: Parts) -> str | None:
    """That of the collection that was indexed last."""
    names = parts.catalogue.collections()
    return parts.catalogue.methods(names[0])[0].model if names else None


def _build_making(making: Making, preferred: str | None) -> _Making:
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
    return _Making(basket, folder, into, name, model, kind, button, said, jobs_view(JOBS))


def _kind(kind: str) -> str:
    if kind in ("", AUTO):
        return Collections.SUITING if not kind else Collections.AUTO
    return f"{kind}: {MEANING[kind]}"


def _into(making: Making) -> list[tuple[str, str]]:
    return [(Collections.NEW, _NEW), *((name, name) for name in making.own.names())]


def _folders(making: Making) -> list[tuple[str, str]]:
    return [(Collections.NO_FOLDER, ""), *((name, name) for name in making.own.folders())]


def _choices(making: Making) -> Callable[[], list[Any]]:
    """What there is to choose from by now; what is chosen stays."""
    return lambda: [gr.update(choices=_folders(making)), gr.update(choices=_into(making))]


class _MakingHandlers:
    """What happens where a collection is made."""

    def __init__(self, making: Making) -> None:
        self._making = making

    def connect(self, fields: _Making) -> None:
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
        chosen = folder.rpartition("/")[2] or (basket or {}).get("name") or Collections.NAME_GIVEN
        return name or self._free(str(chosen)), gr.update(variant="primary")

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
                self._making.make(name, model or "", kind, basket=token, folder=folder)
            else:
                self._making.add(into, basket=token, folder=folder)
        except Refused as refused:
            return [collection_view.wrong(str(refused)), gr.update(), gr.update(), gr.update()]
        return [collection_view.begun(), None, "", ""]

    def _free(self, name: str) -> str:
        """A name that no collection has."""
        wanted, number = name, 2
        while self._making.own.is_taken(wanted.strip().replace(" ", "-")):
            wanted, number = f"{name}-{number}", number + 1
        return wanted


def _build_looking(parts: Parts) -> _Looking:
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
    return _Looking(collection, method, collection_view.collection_view(VIEW))


class _LookingHandlers:
    """What happens where a collection is looked at."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._counted = functools.lru_cache(_COUNTED)(self._count)

    def connect(self, fields: _Looking, tab: gr.Tab) -> None:
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
        return statistics(self._parts.catalogue.engine(method).collection)

    def turn(self, method: str | None, event: gr.EventData) -> str:
        """Another page of photographs."""
        return self.show(method, int(event._data["page"]))

    def copies(self, method: str) -> str:
        """The collection, and copies among its photographs."""
        try:
            found = self._parts.catalogue.method(method)
            opened = self._parts.catalogue.engine(method).collection
            groups = find_duplicates(opened, _COPIES_LEAST)
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
        allowed = map(str, making.own.folders().values())
        return Rights(is_own=True, is_linked=bool(source) and source in allowed)
