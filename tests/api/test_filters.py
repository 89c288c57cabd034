"""A list narrowed by something that is not there says so: an empty list would look like an answer."""

import pytest

from tests import factories
from tests.api.conftest import Caller, assert_problem
from tests.api.document import operations

# What is looked for in words or names that no record of its own stands for.
FREE = {"q", "tag", "repository"}
# Where a page begins, and how long it is.
PLACES = {"limit", "after"}


def filters():
    """(path, name) of every parameter of a query of the API."""
    return [
        (path, one["name"])
        for path, method, operation in operations()
        for one in operation.get("parameters", [])
        # The audit reads its own, and says of a service that there is none such with 404.
        if method == "get" and one["in"] == "query" and not path.endswith("/audit")
    ]


def test_filter_of_what_is_not_there_is_refused(world):
    """A name, a number and a word, none of which stands for anything."""
    taken = [
        (path, name, value)
        for path, name in filters()
        for value in ("PM-2026-9999", "99999", "abc")
        if name not in FREE and not is_refused(world, path, name, value)
    ]

    assert taken == []


def test_filter_without_a_value_is_refused(world):
    taken = [
        (path, name, value)
        for path, name in filters()
        for value in ("", " ", "null")
        if (value != "null" or name not in FREE) and not is_refused(world, path, name, value)
    ]

    assert taken == []


def is_refused(world, path, name, value):
    response = world.caller.get(world.path(path), **{name: value})
    # The number of another version is looked up like a part of the path.
    if name == "against" and response.status_code == 404:
        return True
    return response.status_code == 400 and name in response.json()["errors"]


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("items", "review", "PM-2026-9999"),
        ("items", "review", "abc"),
        ("items", "owner", "99999"),
        ("items", "owner", "9" * 30),
        ("incidents", "person", "99999"),
    ],
)
def test_unknown_person_or_review_does_not_exist(world, path, name, value):
    problem = assert_problem(world.caller.get(path, **{name: value}), 400, "invalid")

    assert [one["code"] for one in problem["errors"][name]] == ["does_not_exist"]


def test_review_that_one_may_not_see_is_answered_like_one_that_is_not_there(db):
    hidden = factories.review(incidents=[factories.resolved_incident(is_restricted=True)])
    stranger = Caller(factories.user("Stan", role="member"))

    answers = [stranger.get("items", review=name) for name in (hidden.public_id, "PM-2026-9999")]

    assert answers[0].json() == answers[1].json()
    assert_problem(answers[0], 400, "invalid")


def test_list_is_narrowed_by_a_person_and_by_a_review(world):
    item, owner = world.parts["item"], world.caller.user.pk

    of_review = world.caller.get("items", review=world.parts["review"]).json()["items"]
    of_owner = world.caller.get("items", owner=owner).json()["items"]
    of_person = world.caller.get("incidents", person=owner).json()["items"]

    assert [one["id"] for one in of_review] == [one["id"] for one in of_owner] == [item]
    assert world.parts["incident"] in [one["id"] for one in of_person]
