"""The search page: its layout, and what happens when something is chosen."""

import time
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demo import answers
from demo.catalogue import Catalogue, pick_examples
from pipeline.stored_photograph import StoredPhotograph

_EXAMPLES = 8
_MOST_RESULTS = 50
_TRANSPARENT = "rgba(0, 0, 0, 0)"
STYLE = """
#query button[aria-label="Brush"], #query button[aria-label="Erase"],
#query button[aria-label="Color"], #query button[aria-label="Brush Size"] { display: none; }
"""
# An image that the server puts into the editor is sent back whole after a crop (Gradio 6.31); one
# that arrives as a user's file is not. So an example is handed over as a file.
_PUT_EXAMPLE_IN = """async (number) => {
  const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
  const picture = document.querySelectorAll("#examples button.thumbnail-item img")[number];
  const blob = await (await fetch(picture.src)).blob();
  const files = new DataTransfer();
  files.items.add(new File([blob], "example.png", { type: blob.type }));
  let input = null;
  for (let tries = 0; tries < 50 && !input; tries += 1) {
    await pause();
    input = document.querySelector("#query input[type=file]");
  }
  input.files = files.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}"""
_INTRODUCTION = """# Landmark retrieval
Which landmark is this, and which photographs of the collection show it? Upload a photograph or pick
an example, crop it to the landmark if there is more in it, and search.
"""


def build_page(catalogue: Catalogue) -> gr.Blocks:
    """Lays the page out over the indexes of a catalogue."""
    chosen = catalogue.default()
    with gr.Blocks(title="Landmark retrieval", analytics_enabled=False) as page:
        gr.Markdown(_INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=3):
                query = _query_editor()
            with gr.Column(scale=2):
                index = gr.Dropdown(
                    [(entry.label, str(entry.folder)) for entry in catalogue.entries],
                    value=str(chosen.folder),
                    label="Index (data · model · kind)",
                )
                k = gr.Slider(1, _MOST_RESULTS, value=10, step=1, label="Results (K)")
                search = gr.Button("Search", variant="primary")
                gr.Markdown("Or ask with a photograph of the collection:")
                examples = _gallery(columns=4, allow_preview=False, height=230, elem_id="examples")
        answer = gr.Markdown()
        results = _gallery(columns=5, height=520)
        table = gr.Dataframe(
            headers=list(answers.COLUMNS), label="Similarity is the cosine, or the index's estimate"
        )
        number, example = gr.Number(visible="hidden"), gr.State(None)

        handlers = _Handlers(catalogue)
        page.load(handlers.show_examples, index, examples)
        index.change(handlers.show_examples, index, examples)
        examples.select(handlers.take_example, index, [query, number, example]).then(
            None, number, None, js=_PUT_EXAMPLE_IN
        )
        search.click(handlers.search, [query, index, k, example], [answer, results, table])
    return page


def _query_editor() -> gr.ImageEditor:
    return gr.ImageEditor(
        label="Photograph",
        type="numpy",
        image_mode="RGB",
        sources=("upload", "clipboard"),
        transforms=("crop",),
        # Without brush and eraser Gradio 6.31 shows no tools at all, the crop tool included; the
        # style sheet hides them instead, and a stroke would be transparent.
        brush=gr.Brush(colors=[_TRANSPARENT], default_color=_TRANSPARENT, color_mode="fixed"),
        layers=False,
        elem_id="query",
        height=460,
    )


def _gallery(**options: Any) -> gr.Gallery:
    return gr.Gallery(
        show_label=False, object_fit="cover", format="png", buttons=["fullscreen"], **options
    )


class _Handlers:
    """What happens on the page; the errors a user can mend become its messages."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def show_examples(self, index: str) -> list[np.ndarray]:
        """Photographs of the chosen collection."""
        try:
            engine = self._catalogue.engine(Path(index))
            return [example.read_image() for example in pick_examples(engine, _EXAMPLES)]
        except (ValueError, OSError) as error:
            raise gr.Error(str(error), print_exception=False) from error

    def take_example(self, index: str, event: gr.SelectData) -> tuple[None, int, StoredPhotograph]:
        """Empties the editor, and remembers which example comes into it."""
        engine = self._catalogue.engine(Path(index))
        return None, event.index, pick_examples(engine, _EXAMPLES)[event.index]

    def search(
        self, query: dict[str, Any] | None, index: str, k: int, example: StoredPhotograph | None
    ) -> tuple[str, list[tuple[np.ndarray, str]], list[list[str | int]]]:
        """Answers, pictures with captions, and the table."""
        try:
            image = answers.query_image(query)
            query_id = answers.id_if_same(image, example)
            engine = self._catalogue.engine(Path(index))
            start = time.perf_counter()
            answer = engine.ask(image, int(k), without=query_id)
            milliseconds = 1000 * (time.perf_counter() - start)
            pictures = [
                (result.photograph.read_image(), answers.caption(result, query_id))
                for result in answer.results
            ]
        except (ValueError, OSError) as error:
            raise gr.Error(str(error), print_exception=False) from error
        return (
            answers.headline(answer, milliseconds, query_id),
            pictures,
            [answers.table_row(result) for result in answer.results],
        )
