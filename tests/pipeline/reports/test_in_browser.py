"""The report in a real browser, as wide as a telephone, a tablet and a screen."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from pipeline.reports.page import write_report
from tests.browsers import SCREEN, TABLET, TELEPHONE, is_as_wide_as_the_window, launched
from tests.reported import Reported


@pytest.fixture(scope="module")
def report(made: Reported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("report") / "report.html"
    return write_report([made.plain, made.reordered], output, made_by="python -m pipeline.report")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from launched()


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A tab, whose complaints are in ``complaints``."""
    page = browser.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()


complaints: list[str] = []


def opened(page: Page, report: Path, width: int, scheme: str = "light") -> Page:
    """The page anew."""
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    complaints.clear()
    page.goto(report.as_uri())
    return page


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")


def every(page: Page, selector: str, expression: str) -> list[Any]:
    """What an expression of ``one`` gives of every element."""
    return page.locator(selector).evaluate_all(f"all => all.map(one => {expression})")


def picture(page: Page) -> np.ndarray:
    """What is seen of the page's beginning."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))


@pytest.mark.parametrize("width", [TELEPHONE, TABLET, SCREEN])
@pytest.mark.parametrize("is_unfolded", [False, True])
def test_the_page_is_no_wider_than_the_window(
    page: Page, report: Path, width: int, is_unfolded: bool
) -> None:
    opened(page, report, width)
    if is_unfolded:
        unfold(page)
    assert page.evaluate("innerWidth") == width
    assert is_as_wide_as_the_window(page)
    seen = page.evaluate("document.documentElement.clientWidth")
    assert seen <= width, "a scroll bar of the window takes some"
    parts = "section, figure, p, h2, .scroll, .command"
    right = every(page, parts, "one.getBoundingClientRect().right")
    assert max(right) <= seen


@pytest.mark.parametrize("width", [TELEPHONE, TABLET, SCREEN])
def test_the_browser_has_nothing_to_complain_of(page: Page, report: Path, width: int) -> None:
    opened(page, report, width)
    assert complaints == []
    sources = page.evaluate("performance.getEntriesByType('resource').map(one => one.name)")
    assert all(one.startswith("data:") for one in sources), "nothing is loaded from elsewhere"


def test_a_script_in_the_page_would_not_run(page: Page, report: Path, tmp_path: Path) -> None:
    """The second wall behind escaping; and it shows that complaints are seen."""
    script = "<script>document.title = 1</script></main>"
    text = report.read_text("utf-8").replace("</main>", script)
    (tmp_path / "report.html").write_text(text, "utf-8")
    opened(page, tmp_path / "report.html", SCREEN)
    assert page.title() == "Landmark retrieval, report"
    assert any("Content Security Policy" in one for one in complaints)


@pytest.mark.parametrize("width", [TELEPHONE, TABLET, SCREEN])
def test_every_section_is_seen(page: Page, report: Path, width: int) -> None:
    opened(page, report, width)
    titles = [one.lstrip("▸▾ ") for one in page.locator("h2").all_inner_texts()]
    assert titles == [
        "Summary", "Curves", "Training", "made/made-flat", "made/made-flat-expand2-diffuse3",
    ]  # fmt: skip
    charts = every(page, "section .chart", "one.getBoundingClientRect().toJSON()")
    assert len(charts) == 5
    assert all(chart["width"] > 250 and chart["height"] > 150 for chart in charts)


def test_pictures_are_shown_and_as_large_as_they_are(page: Page, report: Path) -> None:
    opened(page, report, SCREEN)
    widths = every(page, "img", "one.naturalWidth")
    assert widths
    assert set(widths) == {160}, "all are decoded"
    shown = every(page, "details[open] img", "one.getBoundingClientRect().width")
    assert all(100 < width <= 160 for width in shown)


def test_a_result_is_folded_until_it_is_tapped(page: Page, report: Path) -> None:
    opened(page, report, TELEPHONE)
    second = page.locator("#result-2")
    heading = second.locator("h3").first
    assert not heading.is_visible()
    second.locator("summary").first.click()
    assert heading.is_visible()


def test_letters_of_charts_can_be_read_on_a_telephone(page: Page, report: Path) -> None:
    opened(page, report, TELEPHONE)
    letters = "section .chart text:not([transform])"
    heights = every(page, letters, "one.getBoundingClientRect().height")
    assert heights
    assert min(heights) > 9


def test_a_wide_table_scrolls_in_its_own_box_and_keeps_its_names(page: Page, report: Path) -> None:
    opened(page, report, TELEPHONE)
    box = page.locator("#summary .scroll").first
    left = "one => one.getBoundingClientRect().x"
    before = box.locator("tbody th").first.evaluate(left)
    box.evaluate("one => { one.scrollLeft = 200; }")
    assert box.evaluate("one => one.scrollLeft") == 200
    assert box.locator("tbody th").first.evaluate(left) == pytest.approx(before, abs=1)


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
@pytest.mark.parametrize("width", [TELEPHONE, TABLET, SCREEN])
def test_a_page_is_light_or_dark_and_not_blank(
    page: Page, report: Path, width: int, scheme: str, is_dark: bool
) -> None:
    pixels = picture(opened(page, report, width, scheme))
    assert pixels.shape == (800, width, 3)
    grey = pixels.mean(axis=2)
    paper = np.median(grey)
    assert (paper < 40) == is_dark
    letters = np.abs(grey - paper) > 100
    assert 0.01 < letters.mean() < 0.3, "they stand out from the paper"


def test_frames_are_told_apart_by_more_than_colour(page: Page, report: Path) -> None:
    opened(page, report, SCREEN)
    looks = {
        look: set(every(page, f".photograph.{look}", "getComputedStyle(one).borderTopStyle"))
        for look in ("right", "wrong")
    }
    assert looks == {"right": {"solid"}, "wrong": {"dashed"}}
