"""The page as a whole."""

from pathlib import Path

import gradio as gr

from demo import texts
from demo.page.details_events import DetailsEvents
from demo.page.details_view import details_view
from demo.page.search_tab import build_search_tab
from demo.parts import Parts
from pipeline.reports.elements import element

STYLE = (Path(__file__).parent / "style.css").read_text("utf-8")
HEAD = '<meta name="viewport" content="width=device-width, initial-scale=1">'
_FONTS = ("system-ui", "sans-serif")  # those of the machine, so that none is fetched


def theme() -> gr.themes.Base:
    """Colours and fonts."""
    return gr.themes.Default(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        font=_FONTS,
        font_mono=("ui-monospace", "monospace"),
        radius_size=gr.themes.sizes.radius_md,
    )


def build_page(parts: Parts) -> gr.Blocks:
    """Lays the page out."""
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False) as page:
        gr.HTML(_header(), apply_default_css=False)
        with gr.Tabs():
            with gr.Tab(texts.Tabs.SEARCH, id="search"):
                search = build_search_tab(parts)
        shown = details_view("details")
        link = gr.Textbox(visible=False)
        events = DetailsEvents(parts)
        search.results.open(
            events.open, None, shown, trigger_mode="multiple",
            api_visibility="private", show_progress="hidden",
        )  # fmt: skip
        search.handlers.restore_on_load(page, search, link)
    return page


def _header() -> str:
    return element(
        "header",
        element("a", texts.SKIP, href="#results", class_="skip"),
        element("h1", texts.TITLE),
        element("p", texts.INTRODUCTION),
        class_="page-header",
    )
