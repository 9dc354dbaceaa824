"""The search page: its layout, and what happens when something is chosen."""

import time
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demo import answers
from demo.catalogue import Catalogue, pick_examples

_EXAMPLES = 8
_MOST_RESULTS = 50
# The editor shrinks what is larger than its canvas; telephones take about 4000 x 3000.
_CANVAS = (4096, 4096)
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
                examples = gr.Gallery(
                    label="Examples from the collection",
                    columns=4,
                    height=250,
                    allow_preview=False,
                    object_fit="cover",
                )
        answer = gr.Markdown()
        results = gr.Gallery(label="Results, best first", columns=5, object_fit="contain")
        table = gr.Dataframe(
            headers=list(answers.COLUMNS), label="Similarity is the cosine, or the index's estimate"
        )
        query_id = gr.State(None)

        handlers = _Handlers(catalogue)
        page.load(handlers.show_examples, index, examples)
        index.change(handlers.show_examples, index, examples)
        examples.select(handlers.take_example, index, [query, query_id])
        query.upload(lambda: None, None, query_id)
        query.clear(lambda: None, None, query_id)
        search.click(handlers.search, [query, index, k, query_id], [answer, results, table])
    return page


def _query_editor() -> gr.ImageEditor:
    return gr.ImageEditor(
        label="Photograph",
        type="numpy",
        image_mode="RGB",
        sources=("upload", "clipboard"),
        transforms=("crop",),
        brush=False,
        eraser=False,
        layers=False,
        canvas_size=_CANVAS,
        height=460,
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

    def take_example(self, index: str, event: gr.SelectData) -> tuple[dict[str, Any], str]:
        """Puts an example into the editor, and remembers which photograph it is."""
        engine = self._catalogue.engine(Path(index))
        example = pick_examples(engine, _EXAMPLES)[event.index]
        image = example.read_image()
        return {"background": image, "layers": [], "composite": image}, example.id

    def search(
        self, query: dict[str, Any] | None, index: str, k: int, query_id: str | None
    ) -> tuple[str, list[tuple[np.ndarray, str]], list[list[str | int]]]:
        """Answers, pictures with captions, and the table."""
        try:
            image = answers.query_image(query)
            engine = self._catalogue.engine(Path(index))
            start = time.perf_counter()
            results = engine.search(image, int(k))
            milliseconds = 1000 * (time.perf_counter() - start)
            pictures = [
                (result.photograph.read_image(), answers.caption(result, query_id))
                for result in results
            ]
        except (ValueError, OSError) as error:
            raise gr.Error(str(error), print_exception=False) from error
        return (
            answers.answer(results, milliseconds, query_id),
            pictures,
            [answers.table_row(result) for result in results],
        )
