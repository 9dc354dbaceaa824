"""A collection is made on the page, in a real browser, of a folder of photographs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from demo.serving import serving
from demo.settings import ServerSettings
from tests.browsers import SCREEN, TELEPHONE, is_as_wide_as_the_window, launched, pale
from tests.tiny import Tiny, write_photographs

expect.set_options(timeout=20_000)  # milliseconds, on a machine that does other things as well
MADE = 300_000  # milliseconds: two stages are started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from launched()


@pytest.fixture(scope="module")
def address(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a page that may make collections, over a copy of the tiny model and its index."""
    root = tmp_path_factory.mktemp("made")
    tiny.copy_model(root / "exported" / "model")
    settings = ServerSettings(
        collections=(str(root / "exported"),), changes=True, own=root / "own", per_minute=10_000
    )
    with serving(settings) as address:
        yield address


def opened(browser: Browser, address: str, width: int) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(address)
    page.get_by_role("tab", name="Collections").click()
    expect(page.locator("#collection .thumbnails img").first).to_be_visible()
    return page


def test_a_folder_becomes_a_collection_in_two_clicks(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    write_photographs(tmp_path / "holiday", landmarks=2, photographs=2, seed=5)
    (tmp_path / "holiday" / "notes.txt").write_text("no photograph")
    page = opened(browser, address, SCREEN)
    page.locator("#basket input.folder").set_input_files(tmp_path / "holiday")
    expect(page.locator("#basket .arrived")).to_have_text("4 photographs have arrived.")
    expect(page.locator("#basket .refused")).to_contain_text("notes.txt: That is no photograph.")
    expect(page.get_by_label("Name")).to_have_value("holiday")
    page.get_by_role("button", name="Make it searchable").click()
    job = page.locator("#jobs li")
    expect(job).to_contain_text("holiday: a new collection")
    expect(job.get_by_role("button", name="Stop")).to_be_visible()
    expect(page.locator("#basket .arrived")).to_be_hidden()
    expect(job).to_contain_text("4 photographs can be searched.", timeout=MADE)
    expect(page.locator("#collection h3")).to_have_text("holiday")
    expect(page.locator("#collection .thumbnails li")).to_have_count(4)
    expect(page.locator("#collection")).to_contain_text("landmark 1")
    page.locator("#collection summary", has_text="Copies").click()
    page.get_by_role("button", name="Look for copies").click()
    expect(page.locator("#collection details[open] [role=status]")).to_be_visible()
    job.get_by_role("link", name="Search it").click()
    expect(page.locator(".examples button")).to_have_count(4)
    page.close()


def test_nothing_is_made_of_nothing(browser: Browser, address: str) -> None:
    page = opened(browser, address, SCREEN)
    page.get_by_label("Name").fill("empty")
    page.get_by_role("button", name="Make it searchable").click()
    expect(page.locator("#make-said [role=alert]")).to_contain_text("Choose photographs first")
    assert pale(page, "#basket *, #collection dt, #collection dd, #collection summary") == []
    page.close()


def test_a_telephone_shows_all_of_it(browser: Browser, address: str) -> None:
    page = opened(browser, address, TELEPHONE)
    assert is_as_wide_as_the_window(page)
    page.close()
