from datetime import timedelta

import pytest

from tests import factories
from tests.api.conftest import assert_problem


def pages(caller, path, **query):
    """The ids on each page, following "next" to the end."""
    found = []
    response = caller.get(path, **query)
    while True:
        body = response.json()
        found.append([row["id"] for row in body["items"]])
        if body["next"] is None:
            return found
        response = caller.client.get(body["next"])


def test_pages_hold_every_row_once_in_order(member):
    at = factories.NOW - factories.DAY
    # Two pairs share their moment, so the second key decides, also across a page's edge.
    moments = [at, at, at + timedelta(microseconds=1), at + factories.HOUR, at + factories.HOUR]
    ids = [factories.incident(started_at=moment).public_id for moment in moments]

    assert pages(member, "incidents", limit=2) == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


def test_rising_pages_hold_every_row_once_in_order(member):
    ids = [factories.item(agreed_at=factories.NOW - days * factories.DAY).public_id for days in (1, 2, 2, 3)]

    assert pages(member, "items", limit=1) == [[ids[3]], [ids[1]], [ids[2]], [ids[0]]]


def test_rows_that_come_meanwhile_shift_nothing(member):
    first = factories.incident(started_at=factories.NOW - 2 * factories.DAY)
    second = factories.incident(started_at=factories.NOW - factories.DAY)
    page = member.get("incidents", limit=1).json()
    factories.incident(started_at=factories.NOW)

    following = member.client.get(page["next"]).json()

    assert [row["id"] for row in page["items"]] == [second.public_id]
    assert [row["id"] for row in following["items"]] == [first.public_id]


def test_next_keeps_the_filter(member):
    service = factories.service("order")
    wanted = [factories.incident(services=[service]).public_id for _ in range(2)]
    factories.incident()

    assert {one for page in pages(member, "incidents", limit=1, service="order") for one in page} == set(
        wanted
    )


def test_page_holds_fifty_rows_unless_told(member):
    team = factories.team()
    for _ in range(51):
        factories.service(team=team)

    assert len(member.get("services").json()["items"]) == 50
    assert len(member.get("services", limit=200).json()["items"]) == 51


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "1.5", "9" * 500, "", "٣٣٣"])
def test_limit_out_of_bounds_is_refused(member, limit):
    problem = assert_problem(member.get("incidents", limit=limit), 400, "invalid")

    assert list(problem["errors"]) == ["limit"]


def test_place_of_another_list_or_none_at_all_is_refused(member):
    for _ in range(2):
        factories.incident()
    cursor = member.get("incidents", limit=1).json()["next"].partition("after=")[2].partition("&")[0]

    for path, after in [
        ("items", cursor),
        ("incidents", cursor[:-2]),
        ("incidents", "x"),
        ("incidents", "é:é"),
        ("incidents", "x" * 5000),
    ]:
        problem = assert_problem(member.get(path, after=after), 400, "invalid")
        assert list(problem["errors"]) == ["after"]
