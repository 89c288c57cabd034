"""The quarterly backlog as a page, a table, a document and by API (R9)."""

import csv
from datetime import UTC, datetime

import pytest

from tests import factories
from tests.factories import DAY

pytestmark = pytest.mark.django_db

DUE = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def page(client):
    client.force_login(factories.user("Ada"))
    return client


def debt(title, **fields):
    fields = {"due_at": DUE, "agreed_at": DUE - 30 * DAY} | fields
    return factories.item(title, **fields)


@pytest.fixture
def two(db):
    orders = factories.team("Orders", slug="orders")
    debt("Split the pool", team=orders)
    done = debt("=cmd|pipe", team=orders, state="verified")
    return [done]


def test_page_shows_share_and_rows_by_team(page, two):
    text = page.get("/items/backlog?quarter=2026-Q4").content.decode()

    assert "Split the pool" in text
    assert "50 %" in text
    assert "1/2" in text
    assert "quarter=2026-Q3" in text
    assert "No technical debt is due" in page.get("/items/backlog?quarter=2020-Q1").content.decode()


def test_table_and_document_hold_the_same_and_no_formula(page, two):
    table = b"".join(page.get("/items/backlog.csv?quarter=2026-Q4").streaming_content)
    read = list(csv.DictReader(table.decode("utf-8-sig").splitlines()))
    assert [(one["title"], one["done"], one["team"]) for one in read] == [
        ("Split the pool", "no", "orders"),
        ("'=cmd|pipe", "yes", "orders"),
    ]

    response = page.get("/items/backlog.md?quarter=2026-Q4")
    document = response.content.decode()
    assert response["Content-Disposition"] == 'attachment; filename="backlog-2026-Q4.md"'
    assert "# Technical debt, 2026-Q4" in document
    assert "1 of 2 done: 50 %." in document
    assert "=cmd\\|pipe" in document
    assert "## Orders" in document


@pytest.mark.parametrize("address", ["/items/backlog", "/items/backlog.csv", "/items/backlog.md"])
def test_what_is_hidden_stays_hidden_in_every_form(page, address):
    incident = factories.resolved_incident("Secret", is_restricted=True)
    debt("Secret fix", review=factories.review(incidents=[incident], is_open=True))

    response = page.get(f"{address}?quarter=2026-Q4")
    body = b"".join(response.streaming_content) if response.streaming else response.content
    assert b"Secret" not in body


@pytest.mark.parametrize("rows", [1, 3])
def test_page_asks_the_database_equally_often_for_any_number_of_rows(page, django_assert_num_queries, rows):
    for number in range(rows):
        debt(f"item {number}")

    with django_assert_num_queries(6):
        page.get("/items/backlog?quarter=2026-Q4")
