"""The API's documentation page in a browser, under the strict content policy of every page.

`open_page` fails a test when the browser complains, for example about that policy.
"""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from tests import factories

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def reader(transactional_db):
    return factories.user("Ada", language="en")


@pytest.fixture
def docs(open_page, live_server, reader) -> Page:
    page = open_page()
    page.goto(f"{live_server.url}/login?next=/api/docs/")
    page.fill("[name=username]", reader.email)
    page.fill("[name=password]", factories.PASSWORD)
    page.click("main button.primary")
    page.wait_for_url(f"{live_server.url}/api/docs/")
    return page


def unfold(page: Page, operation: str) -> None:
    """Of a long list only what one looks at is drawn, so scroll as a reader does."""
    page.click(f"#operations-tag-{operation.split('-')[1]} button")
    page.mouse.move(700, 500)
    for _screen in range(60):
        if page.locator(f"#{operation} .opblock-summary-control").count():
            break
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(100)
    page.click(f"#{operation} .opblock-summary-control")
    page.click(f"#{operation} .try-out__btn")


def try_out(page: Page, operation: str) -> None:
    unfold(page, operation)
    page.click(f"#{operation} .execute")
    expect(page.locator(f"#{operation} .live-responses-table")).to_be_visible()


def answered(page: Page, operation: str) -> str:
    return page.inner_text(f"#{operation} .live-responses-table .response .response-col_status").split()[0]


def test_documentation_asks_strangers_to_log_in(db):
    response = Client().get("/api/docs/")

    assert response.status_code == 302
    assert response["Location"].startswith("/login")


def test_documentation_tries_an_operation_with_the_session(docs):
    try_out(docs, "operations-users-users_me")

    assert answered(docs, "operations-users-users_me") == "200"
    expect(docs.locator("#operations-users-users_me .live-responses-table")).to_contain_text(
        "ada@example.com"
    )


def test_documentation_tries_an_operation_with_a_token(docs):
    _token, secret = factories.api_token(
        factories.user("Tom"), scopes=["read"], now=timezone.now() - timedelta(minutes=1)
    )
    docs.click("button.authorize")
    docs.fill("#auth-bearer-value", secret)
    docs.click(".auth-btn-wrapper button[type=submit] >> nth=0")
    docs.click(".btn-done >> nth=0")

    try_out(docs, "operations-users-users_me")

    # Not the session's person.
    expect(docs.locator("#operations-users-users_me .live-responses-table")).to_contain_text(
        "tom@example.com"
    )


def test_documentation_changes_something_with_the_session(docs):
    incident = factories.resolved_incident(severity="P4")
    unfold(docs, "operations-incidents-incidents_close")
    docs.fill("#operations-incidents-incidents_close input[placeholder=incident]", incident.public_id)

    docs.click("#operations-incidents-incidents_close .execute")
    expect(docs.locator("#operations-incidents-incidents_close .live-responses-table")).to_contain_text(
        '"state": "closed"'
    )
