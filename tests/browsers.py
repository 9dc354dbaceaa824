"""Chromium without a window, driven by Playwright, and what several tests ask of a page."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TELEPHONE, TABLET, SCREEN = 390, 768, 1280  # pixels of the window
# Text against what is behind it, as WCAG 2 defines contrast; a background that is transparent is
# that of what lies around. What a field holds is text, too, and so is its placeholder; colours that
# still change are taken as they will be. Returns what is below the level AA of small text.
_PALE = """(selector) => {
  for (const one of document.getAnimations()) if (one instanceof CSSTransition) one.finish();
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (one) => {
    for (let it = one; it; it = it.parentElement) {
      const colour = numbers(getComputedStyle(it).backgroundColor);
      if (colour.length === 3 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (one, colour) => {
    const pair = [numbers(colour), behind(one)].map(light);
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  };
  const shown = (one) => {
    if (!["text", "number", "textarea"].includes(one.type)) return [one.textContent, null];
    return one.value ? [one.value, null] : [one.placeholder, "::placeholder"];
  };
  return Array.from(document.querySelectorAll(selector))
    .filter((one) => one.checkVisibility() && String(shown(one)[0]).trim())
    .map((one) => {
      const [text, part] = shown(one);
      const colour = getComputedStyle(one, part).color;
      return [String(text).trim().slice(0, 40), contrast(one, colour)];
    })
    .filter(([, value]) => value < 4.5);
}"""


def launched() -> Iterator[Browser]:
    """A browser; skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            # A camera that films a test card, which needs no leave.
            args=[
                "--disable-dev-shm-usage",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
            ],
            chromium_sandbox=os.geteuid() != 0,  # it is not for root, as whom containers run
        )
        yield browser
        browser.close()


def is_as_wide_as_the_window(page: Page) -> bool:
    """Whether nothing of a page sticks out to the right."""
    whole, seen = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    return bool(whole == seen)


def pale(page: Page, selector: str) -> list[tuple[str, float]]:
    """Texts that can hardly be told from what is behind them, and their contrast, below 4.5."""
    return page.evaluate(_PALE, selector)
