"""The page as a whole."""

import functools
from pathlib import Path

import gradio as gr

from demo import explaining, texts
from demo.page.collections_tab import build_collections_tab
from demo.page.compare_tab import COMPARE, CompareTab, build_compare_tab, methods_anew
from demo.page.details_events import DetailsEvents
from demo.page.details_view import details_view
from demo.page.reasons import Searches
from demo.page.results_view import CHOSEN, begin, fail
from demo.page.search_tab import PRIVATE, RESULTS, SEARCH, SearchTab, build_search_tab
from demo.parts import Parts
from pipeline.reports.elements import element

STYLE = explaining.style() + (Path(__file__).parent / "style.css").read_text("utf-8")
HEAD = '<meta name="viewport" content="width=device-width, initial-scale=1">'
_DETAILS = "details"
_FONTS = ("system-ui", "sans-serif")  # those of the machine, so that none is fetched


def theme() -> gr.themes.Base:
    """Colours and fonts."""
    return gr.themes.Default(
        primary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        font=_FONTS,
        font_mono=("ui-monospace", "monospace"),
        radius_size=gr.themes.sizes.radius_md,
    ).set(
        # Contrast that WCAG's level AA asks for.
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_300",
        input_border_color="*neutral_400",
        input_border_color_dark="*neutral_500",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        checkbox_background_color_selected="*primary_700",
        checkbox_background_color_selected_dark="*primary_600",
    )


def build_page(parts: Parts, searches: Searches) -> gr.Blocks:
    """Lays the page out.

    Args:
        parts: Of the server.
        searches: That answer, and remember what was found.
    """
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False, fill_width=True) as page:
        gr.HTML(_header(), apply_default_css=False)
        link = gr.Textbox(visible=False)  # the page's address, on its way to the server
        with gr.Tabs() as tabs:
            with gr.Tab(texts.Tabs.SEARCH, id=SEARCH) as search_tab:
                search = build_search_tab(parts)
            with gr.Tab(texts.Tabs.COMPARE, id=COMPARE, render_children=True) as compare_tab:
                compare = build_compare_tab(parts, search, link)
            with gr.Tab(texts.Tabs.COLLECTIONS, id="collections") as collections_tab:
                build_collections_tab(parts, collections_tab)
        shown = details_view(_DETAILS)
    with page:
        _connect_details(parts, searches, tabs, search, compare, shown)
        # The photograph that asks is the same on both.
        for tab, one, other in (
            (compare_tab, search.box, compare.box),
            (search_tab, compare.box, search.box),
        ):
            tab.select(None, [one, other], other, js="(one, other) => one ?? other", **PRIVATE)
        # Collections are made, changed and replaced while the page is open.
        chosen = [search.controls.collection, search.controls.fields["method"]]
        search_tab.select(search.handlers.list_anew, chosen, chosen, **PRIVATE)
        methods = compare.methods
        compare_tab.select(functools.partial(methods_anew, parts), methods, methods, **PRIVATE)
        filled = search.handlers.restore_on_load(page, search, link)
        compare.restore_after(filled, parts, search, link, tabs)
    return page


def _connect_details(
    parts: Parts,
    searches: Searches,
    tabs: gr.Tabs,
    search: SearchTab,
    compare: CompareTab,
    shown: gr.HTML,
) -> None:
    """A result of either tab opens in the dialog, and can be searched with."""
    events = DetailsEvents(parts, searches)
    for results in (search.results, compare.results):
        results.open(events.open, None, shown, trigger_mode="multiple", **PRIVATE).failure(
            None, js=fail(_DETAILS)
        )
    again = shown.again(
        search.handlers.again,
        None,
        [search.box, compare.box, search.results, tabs],
        js=begin(RESULTS),
        **PRIVATE,
    )
    again.failure(None, js=fail(RESULTS))
    again.success(None, search.asking, js=search.handlers.ask(CHOSEN), **PRIVATE)


def _header() -> str:
    return element(
        "header",
        element("a", texts.SKIP, href="#results", class_="skip"),
        element("h1", texts.TITLE),
        element("p", texts.INTRODUCTION),
        class_="page-header",
    )
