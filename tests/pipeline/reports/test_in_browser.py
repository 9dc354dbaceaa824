"""The report in a real browser, as wide as a telephone, a tablet and a screen."""

import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from pipeline.reports.page import write_report
from tests.reported import Reported

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
TELEPHONE, TABLET, SCREEN = 360, 768, 1280

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="no Chromium with its driver here; on Debian: apt-get install chromium chromium-driver",
)


@pytest.fixture(scope="module")
def report(made: Reported, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("report") / "report.html"
    return write_report([made.plain, made.reordered], output, made_by="python -m pipeline.report")


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    if os.geteuid() == 0:  # Chromium's sandbox is not for root, as whom containers run
        options.add_argument("--no-sandbox")
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


def opened(
    browser: webdriver.Chrome, report: Path, width: int, scheme: str = "light"
) -> webdriver.Chrome:
    """The page anew."""
    sizes = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < TABLET}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", sizes)
    scheme_of = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", scheme_of)
    browser.get(report.as_uri())
    return browser


def unfold(browser: webdriver.Chrome) -> None:
    browser.execute_script(
        "document.querySelectorAll('details').forEach(one => { one.open = true; })"
    )


def every(browser: webdriver.Chrome, selector: str, expression: str) -> list[Any]:
    """What an expression of ``one`` gives of every element."""
    script = f"return Array.from(document.querySelectorAll('{selector}'), one => {expression})"
    return browser.execute_script(script)


def picture(browser: webdriver.Chrome) -> np.ndarray:
    """What is seen of the page's beginning."""
    return np.asarray(Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB"))


@pytest.mark.parametrize("width", [TELEPHONE, TABLET, SCREEN])
@pytest.mark.parametrize("is_unfolded", [False, True])
def test_the_page_is_no_wider_than_the_window(
    browser: webdriver.Chrome, report: Path, width: int, is_unfolded: bool
) -> None:
    opened(browser, report, width)
    if is_unfolded:
        unfold(browser)
    assert browser.execute_script("return innerWidth") == width
    widths = "const page = document.documentElement; return [page.scrollWidth, page.clientWidth]"
    whole, seen = browser.execute_script(widths)
    assert whole == seen <= width, "a scroll bar of the window takes some"
    parts = "section, figure, p, h2, .scroll, .command"
    right = every(browser, parts, "one.getBoundingClientRect().right")
    assert max(right) <= seen


@pytest.mark.parametrize("width", [TELEPHONE, TABLET, SCREEN])
def test_the_browser_has_nothing_to_complain_of(
    browser: webdriver.Chrome, report: Path, width: int
) -> None:
    opened(browser, report, width)
    assert browser.get_log("browser") == []
    loaded = "return performance.getEntriesByType('resource').map(one => one.name)"
    sources = browser.execute_script(loaded)
    assert all(one.startswith("data:") for one in sources), "nothing is loaded from elsewhere"


def test_a_script_in_the_page_would_not_run(
    browser: webdriver.Chrome, report: Path, tmp_path: Path
) -> None:
    """The second wall behind escaping; and it shows that complaints are seen."""
    script = "<script>document.title = 1</script></main>"
    text = report.read_text("utf-8").replace("</main>", script)
    (tmp_path / "report.html").write_text(text, "utf-8")
    opened(browser, tmp_path / "report.html", SCREEN)
    assert browser.title == "Landmark retrieval, report"
    assert any("Content Security Policy" in one["message"] for one in browser.get_log("browser"))


@pytest.mark.parametrize("width", [TELEPHONE, TABLET, SCREEN])
def test_every_section_is_seen(browser: webdriver.Chrome, report: Path, width: int) -> None:
    opened(browser, report, width)
    titles = [one.text.lstrip("▸▾ ") for one in browser.find_elements(By.TAG_NAME, "h2")]
    assert titles == [
        "Summary", "Curves", "Training", "made/made-flat", "made/made-flat-expand2-diffuse3",
    ]  # fmt: skip
    charts = every(browser, "section .chart", "one.getBoundingClientRect().toJSON()")
    assert len(charts) == 5
    assert all(chart["width"] > 250 and chart["height"] > 150 for chart in charts)


def test_pictures_are_shown_and_as_large_as_they_are(
    browser: webdriver.Chrome, report: Path
) -> None:
    opened(browser, report, SCREEN)
    widths = every(browser, "img", "one.naturalWidth")
    assert widths
    assert set(widths) == {160}, "all are decoded"
    shown = every(browser, "details[open] img", "one.getBoundingClientRect().width")
    assert all(100 < width <= 160 for width in shown)


def test_a_result_is_folded_until_it_is_tapped(browser: webdriver.Chrome, report: Path) -> None:
    opened(browser, report, TELEPHONE)
    second = browser.find_element(By.ID, "result-2")
    heading = second.find_element(By.TAG_NAME, "h3")
    assert not heading.is_displayed()
    second.find_element(By.TAG_NAME, "summary").click()
    assert heading.is_displayed()


def test_letters_of_charts_can_be_read_on_a_telephone(
    browser: webdriver.Chrome, report: Path
) -> None:
    opened(browser, report, TELEPHONE)
    letters = "section .chart text:not([transform])"
    heights = every(browser, letters, "one.getBoundingClientRect().height")
    assert heights
    assert min(heights) > 9


def test_a_wide_table_scrolls_in_its_own_box_and_keeps_its_names(
    browser: webdriver.Chrome, report: Path
) -> None:
    opened(browser, report, TELEPHONE)
    box = browser.find_element(By.CSS_SELECTOR, "#summary .scroll")
    name = box.find_element(By.CSS_SELECTOR, "tbody th")
    before = name.rect["x"]
    browser.execute_script("arguments[0].scrollLeft = 200", box)
    assert browser.execute_script("return arguments[0].scrollLeft", box) == 200
    assert name.rect["x"] == pytest.approx(before, abs=1)


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
@pytest.mark.parametrize("width", [TELEPHONE, TABLET, SCREEN])
def test_a_page_is_light_or_dark_and_not_blank(
    browser: webdriver.Chrome, report: Path, width: int, scheme: str, is_dark: bool
) -> None:
    pixels = picture(opened(browser, report, width, scheme))
    assert pixels.shape == (800, width, 3)
    grey = pixels.mean(axis=2)
    paper = np.median(grey)
    assert (paper < 40) == is_dark
    letters = np.abs(grey - paper) > 100
    assert 0.01 < letters.mean() < 0.3, "they stand out from the paper"


def test_frames_are_told_apart_by_more_than_colour(browser: webdriver.Chrome, report: Path) -> None:
    opened(browser, report, SCREEN)
    looks = {
        look: set(every(browser, f".photograph.{look}", "getComputedStyle(one).borderTopStyle"))
        for look in ("right", "wrong")
    }
    assert looks == {"right": {"solid"}, "wrong": {"dashed"}}
