"""Revisions, reopening and addenda through the API."""

import pytest
from jsonschema import Draft4Validator

from tests import factories
from tests.api.conftest import Caller, assert_problem
from tests.api.test_schema import validator

pytestmark = pytest.mark.django_db


@pytest.fixture
def facilitator():
    return Caller(factories.user("Fay", role="facilitator"))


@pytest.fixture
def archived():
    return factories.archived_review(incidents=[factories.resolved_incident()])


def test_a_postmortem_is_reopened_and_archived_anew(facilitator, archived):
    answer = facilitator.post(f"reviews/{archived}/reopen", {"reason": "New logs."}).json()

    assert (answer["state"], answer["archived_at"], answer["content_hash"]) == ("in_review", None, "")
    assert answer["first_archived_at"] == "2026-11-20T11:00:00Z"
    again = facilitator.post(f"reviews/{archived}/archive", {}).json()
    assert again["state"] == "archived"
    first, second = facilitator.get(f"reviews/{archived}/revisions").json()["items"]
    assert (first["number"], first["reopening"]["reason"], first["reopening"]["reopened_by"]["name"]) == (
        1,
        "New logs.",
        "Fay",
    )
    assert (second["number"], second["reopening"], second["content_hash"]) == (2, None, again["content_hash"])


def test_a_revision_says_what_was_archived_and_what_changed(facilitator, archived):
    factories.reopened(archived)
    archived.refresh_from_db()
    archived.luck = "Nobody looked."
    archived.save()
    facilitator.post(f"reviews/{archived}/archive", {})

    first = facilitator.get(f"reviews/{archived}/revisions/1").json()
    second = facilitator.get(f"reviews/{archived}/revisions/2")

    assert (first["changes"], first["content"]["lessons"]["luck"]) == ([], "")
    assert second.json()["changes"] == [
        {"path": ["lessons", "luck"], "before": "", "after": "Nobody looked."}
    ]
    document = validator("reviews/{review}/revisions/{revision}")
    assert isinstance(document, Draft4Validator)
    document.validate(second.json())
    assert_problem(facilitator.get(f"reviews/{archived}/revisions/3"), 404, "not_found")


def test_reopening_is_refused_as_on_the_page(facilitator, archived):
    member = Caller(factories.user())

    assert_problem(member.post(f"reviews/{archived}/reopen", {"reason": "x"}), 403, "not_allowed")
    assert_problem(facilitator.post(f"reviews/{archived}/reopen", {"reason": ""}), 400, "invalid")
    facilitator.post(f"reviews/{archived}/reopen", {"reason": "x"})
    assert_problem(facilitator.post(f"reviews/{archived}/reopen", {"reason": "x"}), 409, "not_archived")


def test_an_addendum_is_added_to_what_is_archived_only(member, archived):
    added = member.post(f"reviews/{archived}/addenda", {"text": "It came *back*."})

    assert added.status_code == 201
    assert (added.json()["text"], added.json()["added_by"]["name"]) == ("It came *back*.", "Mia")
    assert [one["text"] for one in member.get(f"reviews/{archived}/addenda").json()["items"]] == [
        "It came *back*."
    ]
    factories.reopened(archived)
    assert_problem(member.post(f"reviews/{archived}/addenda", {"text": "x"}), 409, "not_archived")


@pytest.mark.parametrize("rows", [1, 3])
def test_lists_of_the_archive_take_the_same_queries_however_long_they_are(
    facilitator, archived, rows, django_assert_num_queries
):
    for _ in range(rows):
        factories.addendum(archived)
    for _ in range(rows - 1):
        factories.reopened(archived)
        archived.refresh_from_db()
        factories.archived(archived)

    with django_assert_num_queries(4):
        assert len(facilitator.get(f"reviews/{archived}/revisions").json()["items"]) == rows
    with django_assert_num_queries(3):
        assert len(facilitator.get(f"reviews/{archived}/addenda").json()["items"]) == rows


@pytest.mark.parametrize("path", ["revisions", "revisions/1", "addenda"])
def test_the_archive_of_a_restricted_incident_is_hidden(path):
    secret = factories.archived_review(incidents=[factories.resolved_incident(is_restricted=True)])
    factories.addendum(secret, by=factories.user(role="governor"))

    response = Caller(factories.user(role="facilitator")).get(f"reviews/{secret}/{path}")

    assert_problem(response, 404, "not_found")


def test_a_lesson_is_answered_by_an_item_or_a_reason(facilitator):
    review = factories.complete_review()
    point = factories.lesson_point(review)
    address = f"reviews/{review}/lesson-points/{point.pk}/answer"
    gaps = facilitator.get(f"reviews/{review}/gaps").json()["gaps"]
    assert [(gap["code"], gap["where"]) for gap in gaps] == [("lesson_without_item", f"lessons/{point.pk}")]

    assert_problem(facilitator.post(address, {"items": []}), 400, "invalid")
    answered = facilitator.post(address, {"items": [review.items.get().public_id]}).json()

    assert answered["items"] == [review.items.get().public_id]
    assert facilitator.get(f"reviews/{review}").json()["lesson_points"] == [answered]
    assert facilitator.get(f"reviews/{review}/gaps").json()["gaps"] == []
    member = Caller(factories.user())
    assert_problem(member.post(address, {"items": [], "reason": "x"}), 403, "not_allowed")
