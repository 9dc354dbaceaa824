"""The page in a real browser: upload, crop, search, details, errors, a telephone, the keyboard."""

import contextlib
import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, FilePayload, Locator, Page, Route, expect

from demo import texts
from demo.asking.query import Found
from demo.page.asked import Asked
from demo.page.reasons import Searches
from demo.serving import serving
from demo.settings import ServerSettings
from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.engine import Engine
from tests.browsers import SCREEN, TABLET, TELEPHONE, is_as_wide_as_the_window, launched, pale
from tests.tiny import Tiny

expect.set_options(timeout=60_000)  # milliseconds, on a machine that does much else as well
HEIGHT = 800  # pixels of the window


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    yield from launched()


@pytest.fixture(scope="module")
def address(tiny: Tiny) -> Iterator[str]:
    """Of the page over the tiny collection, by an exact index and a hashed one."""
    build_index(IndexSettings(model=tiny.model, data=("squares",), kind="lsh"))
    settings = ServerSettings(
        collections=(str(tiny.model.parent),), changes=False, per_minute=10_000
    )
    with serving(settings) as address:
        yield address


@contextlib.contextmanager
def opened(
    browser: Browser, address: str, width: int = SCREEN, scheme: str = "light", failures: int = 0
) -> Iterator[Page]:
    """The page anew, which has nothing to complain of when it is left but for such failures."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=width == TELEPHONE,
        is_mobile=width == TELEPHONE,
    )
    page = context.new_page()
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"{message.text} {message.location['url']}")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    expect(page.locator(".examples button").first).to_be_attached()
    yield page
    assert len(complaints) == failures, complaints
    context.close()


@pytest.fixture(scope="module")
def shared(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address) as page:
        yield page


@pytest.fixture
def page(shared: Page) -> Page:
    """One page for all tests that leave nothing but a photograph and results behind."""
    removal = shared.locator("#photograph [data-do=remove]")
    if removal.is_visible():
        removal.click()
    return shared


def photograph(landmark: int, size: tuple[int, int] = (960, 800)) -> bytes:
    """What ``tests.tiny`` writes of a landmark, without noise, larger."""
    colours = np.random.default_rng((0, landmark)).integers(30, 226, (2, 2, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(colours).resize(size, Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def send(page: Page, content: bytes, name: str = "mine.png", kind: str = "image/png") -> None:
    file: FilePayload = {"name": name, "mimeType": kind, "buffer": content}
    page.locator("#photograph input.file").set_input_files(file)


def upload(page: Page, content: bytes) -> None:
    """Sends a photograph and waits until it is shown."""
    send(page, content)
    expect(page.locator("#photograph .stage")).to_be_visible()


def told(page: Page) -> Locator:
    """The line below the photograph that says which part of it is chosen."""
    return page.locator("#photograph .told")


def search(page: Page) -> Locator:
    """Presses Search; the results."""
    page.get_by_role("button", name="Search", exact=True).click()
    results = page.locator("#results .gallery li")
    expect(results.first).to_be_visible()
    return results


def middle(stage: Locator, across: float, down: float) -> tuple[float, float]:
    """Where a share of a photograph is in the window."""
    bounds = stage.bounding_box()
    assert bounds is not None
    return bounds["x"] + across * bounds["width"], bounds["y"] + down * bounds["height"]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*((one + other) / 2 for one, other in zip(start, end, strict=True)))
    page.mouse.move(*end)
    page.mouse.up()


def sides(page: Page) -> tuple[int, ...]:
    """Width, height, left and top of the chosen part, as the page says them."""
    return tuple(int(word.rstrip(".,")) for word in told(page).inner_text().split()
                 if word.rstrip(".,").isdigit())  # fmt: skip


def test_a_photograph_is_uploaded_and_its_landmark_found(page: Page) -> None:
    upload(page, photograph(2))
    expect(told(page)).to_contain_text("960 × 800")
    results = search(page)
    expect(results).to_have_count(20)
    first = results.first
    expect(first.locator(".name")).to_have_text("landmark 2")
    expect(first.get_by_role("img")).to_have_attribute("alt", "Result 1: landmark 2")
    expect(page.locator("#results .answer")).to_contain_text("not calibrated")
    expect(page.locator("#results .answer h2")).to_have_text("landmark 2, perhaps")
    assert "token=" in page.url
    page.locator("#results .steps summary").click()
    expect(page.locator("#results .steps li").first).to_contain_text("ms")


def test_results_load_as_they_come_into_view(page: Page) -> None:
    upload(page, photograph(2))
    search(page)
    loading = page.locator("#results img").evaluate_all("all => all.map(one => one.loading)")
    assert loading == ["eager"] * 12 + ["lazy"] * 8


def test_a_part_is_drawn_moved_and_resized_in_pixels_of_the_photograph(page: Page) -> None:
    upload(page, photograph(1))
    expect(told(page)).to_contain_text("960 × 800")
    stage = page.locator("#photograph .stage")
    drag(page, middle(stage, 0.25, 0.25), middle(stage, 0.75, 0.5))
    assert sides(page) == pytest.approx((480, 200, 240, 200), abs=4)
    drag(page, middle(stage, 0.5, 0.4), middle(stage, 0.6, 0.65))
    assert sides(page) == pytest.approx((480, 200, 336, 400), abs=6)
    drag(page, middle(stage, 0.85, 0.75), middle(stage, 1.2, 1.2))
    assert sides(page) == pytest.approx((624, 400, 336, 400), abs=6)
    drag(page, middle(stage, 0.6, 0.7), middle(stage, 0.1, 0.1))  # it stays inside
    assert sides(page)[2:] == (0, 0) or sides(page)[2] <= sides(page)[0]
    search(page)
    assert "box=" in page.url
    page.get_by_role("button", name=texts.Photograph.WHOLE).click()
    expect(told(page)).to_contain_text("Whole photograph, 960 × 800")


def test_what_is_searched_for_is_the_part(page: Page, tiny: Tiny) -> None:
    """The left half shows one landmark, the right half another."""
    both = Image.new("RGB", (800, 400))
    for number, left in ((3, 0), (5, 400)):
        both.paste(Image.open(io.BytesIO(photograph(number, (400, 400)))), (left, 0))
    buffer = io.BytesIO()
    both.save(buffer, "JPEG", quality=100, subsampling=0)
    upload(page, buffer.getvalue())
    expect(told(page)).to_contain_text("800 × 400")
    stage = page.locator("#photograph .stage")
    drag(page, middle(stage, 0.503, 0.01), middle(stage, 0.997, 0.99))
    results = search(page)
    width, height, left, top = sides(page)
    box = left, top, left + width, top + height
    expected = Engine(tiny.index).ask(np.asarray(both), 20, box).results
    ids = [one.photograph.id for one in expected]
    found = results.locator(".opener").evaluate_all("all => all.map(one => one.dataset.id)")
    assert found[:3] == ids[:3]
    whole = Engine(tiny.index).ask(np.asarray(both), 20).results
    assert ids[:3] != [one.photograph.id for one in whole[:3]], "the part matters"


def test_the_keyboard_alone_chooses_a_part(page: Page) -> None:
    upload(page, photograph(1))
    page.get_by_role("button", name=texts.Photograph.PART).focus()
    page.keyboard.press("Enter")
    part = page.locator("#photograph .part")
    expect(part).to_be_focused()
    assert sides(page) == (576, 480, 192, 160)
    page.keyboard.press("ArrowRight")  # 2 % of 960 pixels
    page.keyboard.press("Alt+ArrowUp")
    assert sides(page) == (576, 480, 211, 159)
    page.keyboard.press("Shift+ArrowLeft")
    assert sides(page) == (557, 480, 211, 159)
    expect(part).to_have_attribute("aria-label", told(page).inner_text())
    outline = part.evaluate("one => getComputedStyle(one).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Delete")
    expect(told(page)).to_contain_text("Whole photograph")


def test_a_photograph_is_pasted_or_dropped(page: Page) -> None:
    for kind, name in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        page.evaluate(
            """([bytes, kind, name]) => {
              const transfer = new DataTransfer();
              transfer.items.add(new File([new Uint8Array(bytes)], "a.png", {type: "image/png"}));
              const event = new Event(kind, {bubbles: true, cancelable: true});
              Object.defineProperty(event, name, {value: transfer});
              document.body.dispatchEvent(event);
            }""",
            [list(photograph(4, (64, 48))), kind, name],
        )
        expect(told(page)).to_contain_text("64 × 48")
        page.locator("#photograph [data-do=remove]").click()


def test_a_photograph_is_taken_with_the_camera(page: Page) -> None:
    page.get_by_role("button", name=texts.Photograph.CAMERA).click()
    camera = page.get_by_role("dialog", name=texts.Photograph.CAMERA_NAME)
    expect(camera).to_be_visible()
    page.wait_for_function("document.querySelector('#photograph video').videoWidth > 0")
    width, height = camera.locator("video").evaluate("one => [one.videoWidth, one.videoHeight]")
    camera.get_by_role("button", name=texts.Photograph.SHOOT).click()
    expect(camera).to_be_hidden()
    expect(page.locator("#photograph .stage")).to_be_visible()
    expect(told(page)).to_contain_text(f"{width} × {height}")


def test_what_is_no_photograph_is_refused_with_what_to_do(browser: Browser, address: str) -> None:
    with opened(browser, address, failures=2) as page:
        problem = page.locator("#photograph .problem")
        send(page, b"hello", "letter.txt", "text/plain")
        expect(problem).to_contain_text("Choose a JPEG")
        page.get_by_role("button", name="Search", exact=True).click()
        wrong = page.locator("#results .problem")
        expect(wrong).to_contain_text(texts.Missing.PHOTOGRAPH)
        send(page, photograph(1)[:200])
        expect(problem).to_contain_text("damaged")
        expect(wrong).to_be_visible()
        upload(page, photograph(1))
        expect(wrong).to_have_count(0)
        expect(page.locator("#results .waiting")).to_be_visible()


def test_the_page_does_not_move_sideways(page: Page) -> None:
    """Its head lies where it lay, whatever is below it."""
    head = page.locator(".page-header")
    bounds = [head.bounding_box()]
    upload(page, photograph(2))
    bounds.append(head.bounding_box())
    search(page)
    bounds.append(head.bounding_box())
    for name in (texts.Tabs.COMPARE, texts.Tabs.COLLECTIONS, texts.Tabs.SEARCH):
        page.get_by_role("tab", name=name).click()
        bounds.append(head.bounding_box())
    page.evaluate("scrollTo(0, 0)")
    assert [(one["x"], one["width"]) for one in bounds if one] == [(32, SCREEN - 64)] * 6


def test_a_search_waits_for_a_photograph_that_is_on_its_way(page: Page) -> None:
    def late(route: Route) -> None:
        time.sleep(0.5)
        route.continue_()

    page.route("**/uploads", late)
    send(page, photograph(5))
    expect(search(page).first).to_contain_text("landmark 5")
    page.unroute("**/uploads")


def test_a_result_opens_large_with_reasons_and_focus_comes_back(page: Page) -> None:
    upload(page, photograph(2))
    search(page)
    opener = page.locator("#results .opener").nth(1)
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=texts.Details.NAME)
    expect(dialog.locator(".facts img")).to_have_count(2)
    expect(dialog.locator("dl")).to_contain_text("landmark 2")
    expect(dialog.locator("#alike")).to_be_visible()
    expect(dialog.locator("#neighbours-map svg").first).to_be_visible()
    for _ in range(12):  # more than there is to stop at
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('dialog') !== null || "
                             "document.activeElement === document.body")  # fmt: skip
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".facts figcaption").nth(1)).to_have_text("Result 3")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_result_is_searched_with(page: Page) -> None:
    upload(page, photograph(2))
    search(page)
    page.locator("#results .opener").nth(2).click()
    page.get_by_role("button", name=texts.Details.SEARCH).click()
    first = page.locator("#results .gallery .name").first
    expect(first).to_have_text(texts.Results.ITSELF)
    expect(told(page)).to_contain_text("48 × 40")
    assert "photograph=" in page.url
    assert "token=" not in page.url


def test_a_link_restores_the_search(browser: Browser, address: str, page: Page) -> None:
    page.locator(".examples button").nth(1).click()
    expect(told(page)).to_contain_text("48 × 40")
    page.get_by_role("button", name=texts.Photograph.PART).click()
    search(page)
    shown = [page.locator("#results .gallery .name").all_inner_texts(), sides(page)]
    with opened(browser, f"{page.url}&k=7&keep_first=1") as again:
        expect(again.locator("#results .gallery li")).to_have_count(7)
        assert sides(again) == shown[1]
        assert "keep_first=1" in again.url
        assert again.locator("#results .gallery .name").all_inner_texts() == shown[0][:7]
        again.get_by_text(texts.Controls.REORDERING).click()
        expect(again.get_by_label(texts.Controls.KEEP_FIRST)).to_be_checked()
    for link, said in (
        ("method=gone/gone&photograph=x", "an index that is not here any more: gone/gone"),
        ("token=x", texts.Link.UPLOAD_GONE),
    ):
        with opened(browser, f"{address}?{link}", TELEPHONE) as lost:
            problem = lost.locator("#results .problem")
            expect(problem).to_contain_text(said)
            expect(problem).to_be_in_viewport(ratio=1)
            assert lost.locator(".examples button").count() == 8


def test_a_link_shows_what_it_asks_while_it_is_searched_for(
    browser: Browser, address: str, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.locator(".examples button").first.click()
    search(page)
    ask, can_go_on = Searches.ask, threading.Event()

    def ask_later(searches: Searches, asked: Asked) -> Found:
        assert can_go_on.wait(60)
        return ask(searches, asked)

    monkeypatch.setattr(Searches, "ask", ask_later)
    with opened(browser, page.url, TELEPHONE) as linked:
        expect(linked.locator("#results .busy")).to_be_visible()
        expect(linked.locator("#photograph .stage")).to_be_visible()
        expect(told(linked)).to_contain_text("48 × 40")
        can_go_on.set()
        expect(linked.locator("#results .gallery li").first).to_be_visible()
        expect(linked.locator("#results .answer")).to_be_in_viewport(ratio=1)


def test_filters_narrow_the_results_and_say_when_none_are_left(page: Page) -> None:
    upload(page, photograph(2))
    page.get_by_text(texts.Controls.FILTERS, exact=True).click()
    field = page.get_by_label(texts.Controls.LANDMARK)
    field.press_sequentially("MARK 4", delay=50)  # Enter at once may come before the text
    field.press("Enter")
    expect(page.locator("#results .gallery li")).to_have_count(4)
    names = page.locator("#results .gallery .name").all_inner_texts()
    assert names == ["landmark 4"] * 4
    field.fill("nowhere")
    field.press("Enter")
    expect(page.locator("#results .state")).to_contain_text(texts.Results.NONE)
    field.fill("")


def test_what_is_no_condition_is_said(browser: Browser, address: str) -> None:
    with opened(browser, address, failures=1) as page:
        upload(page, photograph(2))
        page.get_by_text(texts.Controls.FILTERS, exact=True).click()
        page.get_by_label(texts.Controls.WHERE).fill("height>7")
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.locator("#results .problem")).to_contain_text("A condition is a column")


def test_results_are_handed_over_as_files(page: Page) -> None:
    upload(page, photograph(2))
    search(page)
    saved = {}
    for name in ("CSV", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("button", name=name).click()
        saved[name] = Path(download.value.path()).read_text("utf-8-sig")
    assert saved["CSV"].splitlines()[0].startswith("rank,id,similarity")
    assert len(saved["CSV"].splitlines()) == 21
    results = json.loads(saved["JSON"])["results"]
    assert [one["landmark"] for one in results[:4]] == ["landmark 2"] * 4


def test_two_methods_are_compared(page: Page) -> None:
    upload(page, photograph(2))
    expect(told(page)).to_contain_text("960 × 800")
    page.get_by_role("tab", name=texts.Tabs.COMPARE).click()
    expect(page.locator("#photograph-compared .told")).to_contain_text("960 × 800")
    page.locator("#compare-button").click()
    columns = page.locator("#results-compared .compared > section")
    expect(columns).to_have_count(2)
    first, second = columns.locator("h3").all_inner_texts()
    assert first == "squares · model · flat"
    assert second != first, "another index of the same collection"
    assert second.startswith("squares · model · ")
    expect(columns.first.locator(".gallery li")).to_have_count(10)
    only = columns.first.locator(".only").count()
    expect(page.locator(".common")).to_contain_text(f"{10 - only} of 10")
    page.get_by_role("tab", name=texts.Tabs.SEARCH).click()
    field = page.get_by_label(texts.Controls.LANDMARK)
    if not field.is_visible():
        page.get_by_text(texts.Controls.FILTERS, exact=True).click()
    field.fill("MARK 4")
    page.get_by_role("tab", name=texts.Tabs.COMPARE).click()
    page.locator("#compare-button").click()
    expect(page.locator(".common")).to_contain_text(texts.Compare.FILTERED)
    names = columns.last.locator(".gallery .name").all_inner_texts()
    assert set(names) == {"landmark 4"}
    page.get_by_role("tab", name=texts.Tabs.SEARCH).click()
    field.fill("")


def test_a_link_restores_a_comparison(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        link = urlsplit(compared(page))
    told = dict(parse_qsl(link.query))
    method, against = told["method"], told["against"]
    assert method != against
    turned = link._replace(
        query=urlencode({**told, "method": against, "against": method, "k": 7})
    ).geturl()
    with opened(browser, turned) as linked:
        found = linked.locator("#results-compared .compared > section")
        expect(found).to_have_count(2)
        expect(found.first.locator(".gallery li")).to_have_count(7)
        titles = found.locator("h3").all_inner_texts()
        assert [title.rpartition(" ")[2] for title in titles] == [
            name.rpartition("-")[2] for name in (against, method)
        ]
        for label, title in zip((texts.Compare.FIRST, texts.Compare.SECOND), titles, strict=True):
            expect(linked.get_by_label(label)).to_have_value(title)
        expect(linked.locator("#photograph-compared .told")).to_contain_text("960 × 800")
        expect(linked.locator("#results .waiting")).to_be_attached()
    gone = link._replace(query=urlencode({**told, "against": "no/index"})).geturl()
    with opened(browser, gone) as lost:
        expect(lost.locator("#results .problem")).to_contain_text("no/index")
        expect(lost.locator("#results .problem")).to_be_visible()


def compared(page: Page) -> str:
    """Compares two methods; the link of the comparison."""
    upload(page, photograph(2))
    page.get_by_role("tab", name=texts.Tabs.COMPARE).click()
    expect(page.locator("#photograph-compared .told")).to_contain_text("960 × 800")
    page.locator("#compare-button").click()
    expect(page.locator("#results-compared .compared > section")).to_have_count(2)
    return page.url


def test_a_result_of_a_comparison_is_searched_with(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        compared(page)
        page.locator("#results-compared .opener").nth(1).click()
        page.get_by_role("button", name=texts.Details.SEARCH).click()
        first = page.locator("#results .gallery .name").first
        expect(first).to_have_text(texts.Results.ITSELF)
        for box in ("#photograph", "#photograph-compared"):
            expect(page.locator(f"{box} .told")).to_contain_text("48 × 40")


def test_a_refusal_comes_into_view_on_a_telephone(browser: Browser, address: str) -> None:
    with opened(browser, address, TELEPHONE, failures=1) as page:
        page.get_by_role("button", name="Search", exact=True).click()
        problem = page.locator("#results .problem")
        expect(problem).to_contain_text(texts.Missing.PHOTOGRAPH)
        expect(problem).to_be_in_viewport(ratio=1)


def test_of_several_questions_the_last_is_answered(page: Page) -> None:
    upload(page, photograph(2))
    asked: list[Route] = []

    def hold(route: Route) -> None:
        asked.append(route)

    page.route("**/asked/search", hold)
    button = page.get_by_role("button", name="Search", exact=True)
    button.click()
    button.click()  # the same: it is not asked again
    page.get_by_label(texts.Controls.K).first.fill("3")
    button.click()
    page.wait_for_timeout(300)
    assert len(asked) == 2
    asked[1].continue_()
    expect(page.locator("#results .gallery li")).to_have_count(3)
    page.unroute("**/asked/search")


def test_an_unreachable_server_is_told(browser: Browser, address: str) -> None:
    with opened(browser, address, failures=1) as page:
        upload(page, photograph(2))
        expect(told(page)).to_contain_text("960 × 800")
        page.route("**/asked/search", lambda route: route.fulfill(status=503, body="{}"))
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.locator("#results .problem")).to_contain_text(texts.Results.UNREACHABLE)


@pytest.mark.parametrize("width", [TELEPHONE, TABLET])
def test_nothing_sticks_out_of_a_narrow_window(browser: Browser, address: str, width: int) -> None:
    with opened(browser, address, width) as page:
        assert is_as_wide_as_the_window(page)
        upload(page, photograph(2))
        page.get_by_role("button", name=texts.Photograph.PART).click()
        assert is_as_wide_as_the_window(page)
        results = search(page)
        assert is_as_wide_as_the_window(page)
        tops = results.evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
        assert tops[0] == tops[1] < tops[-1], "at least two beside one another"
        results.nth(1).locator(".opener").click()
        dialog = page.get_by_role("dialog", name=texts.Details.NAME)
        expect(dialog.locator("#neighbours-map")).to_be_visible()
        assert dialog.evaluate("one => one.scrollWidth <= one.clientWidth")
        sizes = dialog.locator("header button").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 44, "large enough for a finger"


def test_a_finger_draws_once_a_part_is_being_chosen(browser: Browser, address: str) -> None:
    """Until then it scrolls the page."""
    with opened(browser, address, TELEPHONE) as page:
        upload(page, photograph(2))
        stage = page.locator("#photograph .stage")
        expect(told(page)).to_contain_text("960 × 800")
        devtools = page.context.new_cdp_session(page)
        stage.scroll_into_view_if_needed()

        def swipe(start: tuple[float, float], end: tuple[float, float]) -> None:
            for kind, at in (("touchStart", start), ("touchMove", end), ("touchEnd", None)):
                points = [] if at is None else [{"x": at[0], "y": at[1]}]
                devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        swipe(middle(stage, 0.2, 0.2), middle(stage, 0.6, 0.2))
        expect(told(page)).to_contain_text("Whole photograph")
        page.get_by_role("button", name=texts.Photograph.PART).click()
        swipe(middle(stage, 0.05, 0.05), middle(stage, 0.55, 0.1))
        assert sides(page) == pytest.approx((480, 40, 48, 40), abs=6)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(
    browser: Browser, address: str, scheme: str
) -> None:
    with opened(browser, address, scheme=scheme) as page:
        backdrop = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (max(map(int, backdrop[4:-1].split(",")[:3])) < 60) == (scheme == "dark")
        every = "h1, p, li, span, button, label, summary, input, textarea, dt, dd, a"
        assert pale(page, every) == []
        page.get_by_text(texts.Controls.FILTERS, exact=True).click()
        page.get_by_text(texts.Controls.REORDERING).click()
        expect(page.get_by_label(texts.Controls.KEEP_FIRST)).to_be_visible()
        assert pale(page, every) == []
        upload(page, photograph(2))
        search(page)
        assert pale(page, every) == []
        page.locator("#results .opener").nth(1).click()
        expect(page.locator("#neighbours-map")).to_be_visible()
        assert pale(page, every) == []
        page.keyboard.press("Escape")
        for name in (texts.Tabs.COMPARE, texts.Tabs.COLLECTIONS):
            page.get_by_role("tab", name=name).click()
            expect(page.get_by_role("tabpanel").filter(visible=True)).to_have_count(1)
            assert pale(page, every) == [], name
