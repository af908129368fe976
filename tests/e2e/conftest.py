"""A browser for tests, and pages that fail when the console says that something went wrong.

``browser`` belongs to a module: while it is open its thread has an event loop, which other tests could not bear.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, expect, sync_playwright

from engine.store.session import Store
from engine.wiring import Wiring
from tests.support import chromium
from tests.support.engines import engine_on
from tests.support.serving import served

Value = TypeVar("Value")
NewPage = Callable[..., Page]
SECONDS = 15
expect.set_options(timeout=SECONDS * 1000)  # a busy machine is slow, not wrong
EXPECTED = ("status of 409", "status of 422")
"""Answers that pages ask for on purpose; the browser notes them in its console."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a browser without pages."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium.find(), args=list(chromium.SWITCHES))
        yield made
        made.close()


@pytest.fixture
def wiring(sqlite_store: Store) -> Wiring:
    """Give an engine whose clock stands."""
    return engine_on(sqlite_store)


@pytest.fixture
def address(wiring: Wiring) -> Iterator[str]:
    """Serve the engine; visitors are a demo's, so nobody signs in."""
    with served(wiring) as address:
        yield address


@pytest.fixture
def new_page(browser: Browser, address: str) -> Iterator[NewPage]:
    """Give a function that opens a page in a browser profile of its own; at the end no console may have complained.

    It takes Playwright's options of a context, such as ``locale="zh-CN"`` and ``color_scheme="dark"``.
    """
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(opened(browser, address, **options))


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """Give one page, in English and light."""
    return new_page()


def apart(call: Callable[[], Value]) -> Value:
    """Call something in a thread of its own: Playwright's event loop runs in this one, and delivering needs another."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(call).result()


@contextmanager
def opened(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """Open a page; fail at the end if its console has complained."""
    usual: dict[str, Any] = {"base_url": address, "locale": "en-US", "viewport": {"width": 1440, "height": 900}}
    context: BrowserContext = browser.new_context(**{**usual, **options})
    context.set_default_timeout(SECONDS * 1000)
    page, complaints = context.new_page(), list[str]()
    page.on("console", lambda message: complaints.extend(_complaint(message)))
    page.on("pageerror", lambda fault: complaints.append(_words(fault)))
    try:
        yield page
    finally:
        context.close()
    assert complaints == []


def _complaint(message: ConsoleMessage) -> list[str]:
    is_bad = message.type in ("error", "warning") and not any(words in message.text for words in EXPECTED)
    return [f"{message.type}: {message.text}"] if is_bad else []


def _words(fault: Error) -> str:
    return f"uncaught: {fault.message}"
