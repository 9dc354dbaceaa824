"""The tab that searches: fields, and what happens when something is chosen."""

import dataclasses
from typing import Any

import gradio as gr
from gradio.events import Dependency

from demo import texts
from demo.page import asking, results
from demo.page.asked import Asked, from_link
from demo.page.controls import Controls, build_controls, method_choices, verify_update
from demo.page.examples import Examples, examples_view
from demo.page.photograph_box import photograph_box
from demo.page.results_view import NOT_COMPARING, ask, renew, results_view
from demo.parts import Parts
from demo.refusals import Refused

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
SEARCH = "search"  # the tab's name
BOX, RESULTS, EXAMPLES = "photograph", "results", "examples"  # names of elements


@dataclasses.dataclass(frozen=True)
class SearchTab:
    """The components that other parts of the page use."""

    box: gr.HTML
    examples: gr.HTML
    results: gr.HTML
    controls: Controls
    handlers: "Handlers"

    @property
    def asking(self) -> list[Any]:
        """What holds what is asked: the photograph, then the fields."""
        return [self.box, *self.controls.fields.values()]


def build_search_tab(parts: Parts) -> SearchTab:
    """Lays the tab out and says what happens on it."""
    with gr.Row(elem_classes="search-columns"):
        with gr.Column(scale=2, min_width=320, elem_classes="asking"):
            box = build_box(parts, BOX)
            button = gr.Button(texts.Controls.SEARCH, variant="primary", elem_id="search-button")
            examples = examples_view(EXAMPLES)
            controls = build_controls(parts.catalogue)
        with gr.Column(scale=5, min_width=320, elem_classes="found"):
            shown = results_view(RESULTS, results.waiting())
    handlers = Handlers(parts, controls)
    tab = SearchTab(box, examples, shown, controls, handlers)
    handlers.connect(tab, button)
    return tab


def build_box(parts: Parts, name: str) -> gr.HTML:
    """A photograph box that tells the server's limits."""
    kept = parts.kept
    return photograph_box(name, most_bytes=kept.limits.bytes, minutes=kept.minutes)


class Handlers:
    """What happens when something is chosen; what is refused is said where results would be."""

    def __init__(self, parts: Parts, controls: Controls) -> None:
        self._parts = parts
        self._controls = controls
        self._examples = Examples(parts)

    def connect(self, tab: SearchTab, button: gr.Button) -> None:
        """Connects the components with what happens."""
        controls, fields = tab.controls, tab.controls.fields
        texts_of = [field for field in fields.values() if isinstance(field, gr.Textbox)]
        gr.on(
            [button.click, *(field.submit for field in texts_of if field.lines == 1)],
            None,
            tab.asking,
            js=self.ask(),
            **PRIVATE,
        )
        controls.collection.input(
            self.choose_collection, controls.collection, fields["method"], **PRIVATE
        )
        fields["method"].change(
            self.choose_method,
            [fields["method"], fields["verify"]],
            [fields["verify"], tab.examples],
            **PRIVATE,
        )
        tab.examples.example(self.take, None, tab.box, **PRIVATE)
        tab.box.change(None, tab.box, None, js=renew(RESULTS))

    def restore_on_load(self, page: gr.Blocks, tab: SearchTab, link: gr.Textbox) -> Dependency:
        """Fills the fields as the page's address says, then searches if it names a photograph.

        Returns:
            What the fields are filled by.
        """
        filled = page.load(
            self.restore,
            link,
            [tab.box, *tab.controls.all, tab.examples, tab.results],
            js="() => [location.search]",
            **PRIVATE,
        )
        filled.then(None, tab.asking, js=self.ask(NOT_COMPARING), **PRIVATE)
        return filled

    def ask(self, only_if: str = "true") -> str:
        """JavaScript that searches, see ``results_view``."""
        return ask(RESULTS, BOX, asking.SEARCH, self._controls.fields, only_if)

    def list_anew(self, collection: str | None, method: str | None) -> list[Any]:
        """The collections and methods that there are by now, what was chosen still chosen."""
        collections = self._parts.catalogue.collections()
        if collection not in collections:
            collection = collections[0] if collections else None
        choices = method_choices(self._parts.catalogue, collection) if collection else []
        names = [name for _, name in choices]
        if method not in names:
            method = names[0] if names else None
        return [
            gr.update(choices=collections, value=collection),
            gr.update(choices=choices, value=method),
        ]

    def choose_collection(self, collection: str) -> dict[str, Any]:
        """The methods of a collection, the first of them chosen."""
        choices = method_choices(self._parts.catalogue, collection)
        return gr.update(choices=choices, value=choices[0][1] if choices else None)

    def choose_method(self, method: str | None, verify: str) -> tuple[dict[str, Any], Any]:
        """What can verify a method's results, and examples of its collection."""
        try:
            if not method:
                return gr.update(), ""
            update = verify_update(self._parts.catalogue, method, verify)
            return update, self._examples.shown(method)
        except Refused:
            return gr.update(), ""  # the search itself will say why

    def restore(self, link: str | None) -> list[Any]:
        """Updates of the photograph, all fields, the examples, and what is wrong with the link."""
        try:
            asked = self.linked(link or "")
        except Refused as refused:
            fields = self._fields(Asked(method=self._first_method()))
            return [None, *fields, results.problem(str(refused))]
        if not (asked.token or asked.photograph):
            return [None, *self._fields(asked), results.waiting()]
        try:
            return [self._chosen(asked), *self._fields(asked), gr.skip()]
        except Refused as refused:
            gone = texts.Link.NO_PHOTOGRAPH.format(reason=refused)
            said = texts.Link.UPLOAD_GONE if asked.token else gone
            return [None, *self._fields(asked), results.problem(said)]

    def linked(self, link: str) -> Asked:
        """What a link asks; where it names no method, with the first there is.

        Raises:
            Refused: If it cannot be read, or a method of it is there no more.
        """
        try:
            asked = from_link(link)
        except Refused as refused:
            raise Refused(texts.Link.UNREADABLE.format(reason=refused)) from refused
        for name in filter(None, (asked.method, asked.against)):
            try:
                self._parts.catalogue.method(name)
            except Refused as refused:
                raise Refused(texts.Link.NO_METHOD.format(name=name)) from refused
        return dataclasses.replace(asked, method=asked.method or self._first_method())

    def _fields(self, asked: Asked) -> list[Any]:
        """Updates of the fields and the examples."""
        examples = self.choose_method(asked.method, asked.verify)[1]
        return [*self._controls.filled(asked, self._parts.catalogue), examples]

    def _chosen(self, asked: Asked) -> dict[str, Any]:
        """What the photograph box holds."""
        with self._parts.service.work(asked.sent_pixels(self._parts)):
            height, width = asked.pixels(self._parts).shape[:2]
        named = (
            {"token": asked.token} if asked.token else {"method": asked.of, "id": asked.photograph}
        )
        return {**named, "width": width, "height": height, "box": asked.box}

    def _first_method(self) -> str:
        collections = self._parts.catalogue.collections()
        return self._parts.catalogue.methods(collections[0])[0].name if collections else ""

    def again(self, event: gr.EventData) -> list[Any]:
        """Takes a result for the photograph that asks, whole, on both tabs."""
        try:
            chosen = self._chosen(_named(event))
        except Refused as refused:
            return [None, None, results.problem(str(refused)), gr.update(selected=SEARCH)]
        return [chosen, chosen, gr.skip(), gr.update(selected=SEARCH)]

    def take(self, event: gr.EventData) -> dict[str, Any]:
        """A photograph of a collection that was clicked, as the photograph box holds it."""
        try:
            return self._chosen(_named(event))
        except Refused as refused:
            raise gr.Error(str(refused), print_exception=False) from refused


def _named(event: gr.EventData) -> Asked:
    """The photograph of a collection that an event's data name; they come from the browser."""
    told = event._data if isinstance(event._data, dict) else {}
    return Asked(method=str(told.get("method", "")), photograph=str(told.get("id", "")))
