"""A real browser for the tests of pages; where there is none they are skipped, and say what is missing."""

import os
import re
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests import services
from tests.servers import wait_until

# Nothing of the browser's own may go out: no updates, no field trials.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = services.require_program("chromium", "apt-get install chromium")
    # Playwright's loop lives in this thread from here on, and Django would refuse its database for that.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


def _is_complaint(message: ConsoleMessage) -> bool:
    """An error, but not that a form came back with its errors or a refusal: those are answers."""
    return message.type == "error" and not re.search("status of (409|422)", message.text)


def close_all(contexts: list[BrowserContext]) -> None:
    """Closes them, and waits until the live server has dealt with what they sent last.

    A page that closes sends its drafts; a request still under way would hold the tables that the end of the
    test wants to empty.
    """
    for context in contexts:
        context.close()
    wait_until(lambda: not _requests_under_way(), seconds=30, what="the live server to be idle")


def _requests_under_way() -> list[threading.Thread]:
    """One thread a connection: it ends with the connection of a browser that is gone."""
    return [thread for thread in threading.enumerate() if "process_request_thread" in thread.name]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Opens pages; at the end none of them may have complained, for example about the content policy."""
    contexts, complaints = [], []

    def open_one(
        *, width: int = 1440, height: int = 900, scheme: str = "light", language: str = "en"
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, locale=language
        )
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console", lambda message: complaints.append(message.text) if _is_complaint(message) else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    close_all(contexts)
    assert complaints == []
