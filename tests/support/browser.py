"""A headless Chromium that the machine has, driven by Playwright, whose own browser is not downloaded."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PHONE, DESKTOP = 390, 1280


def chromium() -> str:
    """Its program file; skips the test, with the reason, where there is none or no Playwright."""
    pytest.importorskip("playwright", reason="playwright is not installed (pip install playwright)")
    found = os.environ.get("VISTREAM_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium, or set VISTREAM_CHROMIUM)")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Launched, and closed at the end."""
    program = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield launched
        finally:
            launched.close()


@contextmanager
def watched(launched: Browser, width: int, dark: bool = False) -> Iterator[tuple[Page, list[str], list[str]]]:
    """A page of that width, what its console complains of, and every address that it asks for."""
    page = launched.new_page(
        viewport={"width": width, "height": 844 if width == PHONE else 900}, color_scheme="dark" if dark else "light"
    )
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    try:
        yield page, complaints, asked
    finally:
        page.close()


def overflow(page: Page) -> int:
    """CSS pixels by which the page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def until(page: Page, expression: str, seconds: float = 30) -> None:
    """Wait until a JavaScript expression is true; the page's own content policy stays in force meanwhile."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"not true within {seconds} s: {expression}"
        page.wait_for_timeout(50)


FAINT = """() => {
  const rgb = (text) => (text.match(/[0-9.]+/g) ?? []).map(Number);
  const light = (text) => rgb(text).slice(0, 3)
    .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0.05);
  const behind = (node) => {
    const colour = node ? getComputedStyle(node).backgroundColor : "rgb(255, 255, 255)";
    return rgb(colour)[3] === 0 ? behind(node.parentElement) : colour;
  };
  const holds = (node) => [...node.childNodes].some((one) => one.nodeType === Node.TEXT_NODE && one.data.trim());
  const seen = (node) => node.getClientRects().length > 0;
  return [...document.querySelectorAll("body *")].filter(holds).filter(seen).filter((node) => {
    const style = getComputedStyle(node);
    const [a, b] = [light(node.closest("svg") ? style.fill : style.color), light(behind(node))];
    return Math.max(a, b) / Math.min(a, b) < 4.5;
  }).map((node) => node.textContent.trim());
}"""


def faint(page: Page) -> list[str]:
    """The texts of a page that differ too little from what is behind them: less than 4.5 to 1 (WCAG 2, level AA)."""
    found: list[str] = page.evaluate(FAINT)
    return found
