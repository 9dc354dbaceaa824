"""Makes pictures of the page, a screenshot and a short animation of a search, or of a report.

    python -m pipeline.quickstart
    python -m docs.pictures.make --exported=exported

Or over the larger city that ``python -m benchmarks.serve_demo --work=DIR --weights=FILE`` makes,
``--exported=DIR/exported``, as README's are. ``--report=exported/comparisons/city/report.html``
makes the picture of a report instead, ``docs/pictures/report.webp``. The synthetic city, whose
pictures are nobody's, is shown by Debian's Chromium, in ``docs/pictures/search.webp`` and
``docs/pictures/search-animated.webp``. It lies here, beside what it makes, since neither the
product nor its measurements need it.
"""

import dataclasses
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, ViewportSize, sync_playwright

from demo.serving import serving
from demo.settings import ServerSettings
from pipeline import command_line
from pipeline.command_line import setting

_HERE = Path(__file__).parent
_SCREEN: ViewportSize = {"width": 1280, "height": 800}
_ANIMATED: ViewportSize = {"width": 960, "height": 640}
_STEPS = 6  # frames of a box that is being drawn
_MOST_BYTES = 1_500_000  # of the animation


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """What is shown, and where the pictures go."""

    exported: Path = setting(
        "Folder with a model that has indexed the city.", default=Path("exported")
    )
    example: int = setting("Which example asks, from 1.", default=1)
    report: Path | None = setting(
        "Report over the city, whose worst queries are shown instead.", default=None
    )
    output: Path = setting("Folder of the pictures.", default=_HERE)


def make(settings: Settings) -> list[Path]:
    """Makes both pictures of the page, or that of the report.

    Raises:
        FileNotFoundError: If there is no Chromium, no index, or no report.
        ValueError: If the animation is too large for a README.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise FileNotFoundError("No Chromium; on Debian: apt-get install chromium")
    if settings.report is not None:
        return [_of_report(settings.report, settings.output / "report.webp", chromium)]
    served = ServerSettings(collections=(str(settings.exported),), changes=False, per_minute=10_000)
    with serving(served) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=_SCREEN)
        still = settings.output / "search.webp"
        _still(page, address, settings.example).save(still, quality=85, method=6)
        page.set_viewport_size(_ANIMATED)
        frames, milliseconds = zip(*_film(page, address, settings.example), strict=True)
        browser.close()
    animated = settings.output / "search-animated.webp"
    frames[0].save(
        animated, save_all=True, append_images=frames[1:], duration=list(milliseconds), loop=0,
        quality=70, method=6,
    )  # fmt: skip
    if animated.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{animated} has {animated.stat().st_size:,} bytes; show less.")
    return [still, animated]


def _of_report(report: Path, output: Path, chromium: str) -> Path:
    if not report.is_file():
        raise FileNotFoundError(f"{report} is no report; `make comparison` makes one.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport=_SCREEN)
        page.goto(report.resolve().as_uri())
        worst = page.get_by_role("heading", name="Worst queries").first
        worst.evaluate("one => one.scrollIntoView()")
        _picture(page).save(output, quality=80, method=6)
        browser.close()
    return output


def _picture(page: Page) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def _opened(page: Page, address: str, example: int) -> Iterator[int]:
    """Opens the page, then chooses an example; stops after each."""
    page.goto(address)
    examples = page.locator(".examples button")
    examples.nth(example - 1).wait_for()
    page.wait_for_load_state("networkidle")
    yield 1
    examples.nth(example - 1).click()
    page.locator("#photograph .stage img").wait_for()
    page.wait_for_load_state("networkidle")
    yield 2


def _searched(page: Page) -> None:
    page.locator("#search-button").click()
    page.locator("#results .gallery img").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(500)


def _still(page: Page, address: str, example: int) -> Image.Image:
    for _ in _opened(page, address, example):
        pass
    _searched(page)
    _searched(page)  # the first search of a server takes longer
    return _picture(page)


def _film(page: Page, address: str, example: int) -> Iterator[tuple[Image.Image, int]]:
    """Pictures, and how many milliseconds each is shown.

    The first part that a server is asked for takes longer, since TensorFlow makes a graph for it;
    that is searched for before.
    """
    for _ in _opened(page, address, example):
        pass
    page.locator("#photograph [data-do=part]").click()
    _searched(page)
    _searched(page)
    for _ in _opened(page, address, example):
        yield _picture(page), 1200
    for frame in _drawing(page, page.locator("#photograph .stage")):
        yield frame, 120
    yield _picture(page), 900
    _searched(page)
    yield _picture(page), 2500
    page.locator("#results .opener").nth(1).click()
    page.locator("#neighbours-map").wait_for()
    page.wait_for_timeout(500)
    dialog = page.locator("dialog.details")
    yield _picture(page), 2000
    dialog.evaluate("one => one.querySelector('#alike').scrollIntoView()")
    page.wait_for_timeout(200)
    yield _picture(page), 2500
    dialog.evaluate("one => one.querySelector('#neighbours-map').scrollIntoView()")
    page.wait_for_timeout(200)
    yield _picture(page), 2500


def _drawing(page: Page, stage: Locator) -> Iterator[Image.Image]:
    """Draws a box over most of the photograph."""
    bounds = stage.bounding_box()
    if bounds is None:
        raise RuntimeError("The photograph is not shown.")
    x, y = bounds["x"] + 0.15 * bounds["width"], bounds["y"] + 0.15 * bounds["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(1, _STEPS + 1):
        share = 0.7 * step / _STEPS
        page.mouse.move(x + share * bounds["width"], y + share * bounds["height"])
        yield _picture(page)
    page.mouse.up()


def main(settings: Settings) -> None:
    """Prints what was made."""
    for path in make(settings):
        print(f"{path}: {path.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    command_line.run(main, Settings)
