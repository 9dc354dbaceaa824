"""Photographs of a collection to begin with."""

import weakref
from collections.abc import Sequence

import gradio as gr

from demo.catalogue import pick_examples
from demo.page import addresses
from demo.parts import Parts
from demo.texts import Photograph
from pipeline.engine import Engine
from pipeline.reports.elements import Html, element
from pipeline.stored_photograph import StoredPhotograph

_COUNT = 8
_WIDTH = 200  # pixels
_SCRIPT = """
element.addEventListener("click", (event) => {
  const example = event.target.closest("[data-id]");
  if (example) trigger("example", { ...example.dataset });
});
"""


def examples_view(name: str) -> gr.HTML:
    """The component, ``#name``; an example that is taken is the event ``example``."""
    return gr.HTML(value="", js_on_load=_SCRIPT, apply_default_css=False, elem_id=name)


class Examples:
    """Which photographs are shown, chosen once for each opened index."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._chosen: weakref.WeakKeyDictionary[Engine, list[StoredPhotograph]] = (
            weakref.WeakKeyDictionary()
        )

    def shown(self, method: str) -> Html:
        """Examples of a method's collection.

        Raises:
            Refused: If there is no such method, or it cannot be opened.
        """
        engine = self._parts.catalogue.engine(method)
        if engine not in self._chosen:
            self._chosen[engine] = pick_examples(engine, _COUNT)
        return _list(method, self._chosen[engine])


def _list(method: str, photographs: Sequence[StoredPhotograph]) -> Html:
    if not photographs:
        return Html()
    items = [
        element("li", _button(method, photograph, number))
        for number, photograph in enumerate(photographs, start=1)
    ]
    return element(
        "div", element("p", Photograph.EXAMPLES), element("ul", *items), class_="examples"
    )


def _button(method: str, photograph: StoredPhotograph, number: int) -> Html:
    name = photograph.landmark or Photograph.NAMELESS.format(number=number)
    image = element(
        "img",
        src=addresses.photograph(method, photograph.id, _WIDTH),
        alt="",
        loading="lazy",
    )
    return element(
        "button",
        image,
        type="button",
        title=name,
        aria_label=Photograph.EXAMPLE.format(name=name),
        data_method=method,
        data_id=photograph.id,
    )
