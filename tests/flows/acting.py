"""What a person does in the browser in every story."""

from playwright.sync_api import Page

from accounts.models import User
from tests import factories
from tests.browser import OpenPage


def log_in(open_page: OpenPage, address: str, person: User, **window: object) -> Page:
    """A page on which this person is logged in."""
    page = open_page(**window)
    page.set_default_timeout(15_000)
    page.goto(f"{address}/login")
    page.fill("[name=username]", person.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"{address}/")
    return page


def send(page: Page, button: str) -> None:
    """Press a button that leads to the next page."""
    with page.expect_navigation():
        page.click(button)
