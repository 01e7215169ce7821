"""Pages in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless browser; without one the test is skipped, or fails where ``SAH_NEEDS_BROWSER=1`` asks for it.

    A module's, as an event loop runs in this thread while it is open: later tests that start one of their own would
    fail.
    """
    path = os.environ.get("SAH_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        path = None
    if path is None:
        reason = "needs playwright and Chromium on PATH, or its path in SAH_CHROMIUM"
        if os.environ.get("SAH_NEEDS_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-quic", *quiet]
        )
        yield browser
        browser.close()


@pytest.fixture
def said() -> list[str]:
    """What a page said on its console."""
    return []


@pytest.fixture
def opened(chromium: Browser, said: list[str]) -> Iterator[Callable[..., Page]]:
    """Open a page's file once it is drawn; at the end nothing may have been said on its console, or asked of others."""
    contexts = []
    asked: list[str] = []

    def open_page(path: Path, *, scheme: Literal["light", "dark"] = "light", width: int = 1280) -> Page:
        context = chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_function("document.documentElement.dataset.ready")
        assert asked.pop(0) == path.as_uri()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("blob:")] == []
