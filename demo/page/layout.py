"""The page as a whole."""

import gradio as gr

from demo.asking.query import Query
from demo.parts import Parts
from demo.refusals import Refused

STYLE = ""
HEAD = ""
_FONTS = ("system-ui", "sans-serif")  # those of the machine, so that none is fetched


def theme() -> gr.themes.Base:
    """Colours and fonts."""
    return gr.themes.Soft(font=_FONTS, font_mono=("ui-monospace", "monospace"))


def build_page(parts: Parts) -> gr.Blocks:
    """Lays the page out."""

    def ask(token: str, method: str, k: float) -> list[dict[str, object]]:
        try:
            query = Query(photograph=parts.kept.read(token), method=method, k=int(k))
            found = parts.service.ask(query)
        except Refused as error:
            raise gr.Error(str(error), print_exception=False) from error
        return [
            {"landmark": one.photograph.landmark, "similarity": one.similarity}
            for one in found.answer.results
        ]

    catalogue = parts.catalogue
    names = [one.name for each in catalogue.collections() for one in catalogue.methods(each)]
    with gr.Blocks(title="Landmark retrieval", analytics_enabled=False) as page:
        gr.Markdown("# Landmark retrieval")
        token = gr.Textbox(label="Token of an upload")
        method = gr.Dropdown(names, label="Method")
        k = gr.Slider(1, 100, value=10, step=1, label="Results")
        button = gr.Button("Search")
        results = gr.JSON()
        button.click(ask, [token, method, k], results, api_visibility="private")
    return page
