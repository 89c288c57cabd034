"""The versions of texts by API: listed, read, compared, restored; as hidden as their records."""

import pytest

from postmortem.models import Incident, Review
from tests import factories
from tests.api.conftest import Caller, assert_problem
from tests.factories import NOW


@pytest.fixture
def incident(member):
    """Its summary was written three times."""
    row = factories.incident(summary="The pool was full.", participants=[member.user])
    for summary in ("The pool held 200.", "The pool held 200 of 247."):
        Incident.objects.filter(pk=row.pk).update(summary=summary)
    return row


def test_versions_are_listed_newest_first_page_by_page(member, incident):
    path = f"texts/{incident.public_id}.summary/versions"

    first = member.get(path, limit=2).json()
    rest = member.client.get(first["next"]).json()

    assert [row["number"] for row in first["items"] + rest["items"]] == [3, 2, 1]
    assert rest["next"] is None
    assert first["items"][0].keys() == {"number", "at", "by", "act"}


def test_version_says_who_wrote_what_when(member, incident):
    member.patch(f"incidents/{incident.public_id}", {"summary": "Full."})

    answer = member.get(f"texts/{incident.public_id}.summary/versions/4").json()

    assert (answer["text"], answer["by"]["name"], answer["act"]) == ("Full.", "Mia", "incidents.edit")
    assert answer["changes"] is None


def test_versions_are_compared_word_by_word(member, incident):
    answer = member.get(f"texts/{incident.public_id}.summary/versions/3", against=1).json()

    assert answer["changes"] == [
        {"what": "same", "text": "The pool "},
        {"what": "gone", "text": "was full"},
        {"what": "new", "text": "held 200 of 247"},
        {"what": "same", "text": "."},
    ]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("summary/versions/4", {}),
        ("summary/versions/1", {"against": 4}),
        ("declared_by/versions", {}),
        ("summary.x/versions", {}),
    ],
)
def test_what_is_not_there_is_not_found(member, incident, path, query):
    assert_problem(member.get(f"texts/{incident.public_id}.{path}", **query), 404, "not_found")


@pytest.mark.parametrize("against", ["0", "-1", "x", "", "99999999999"])
def test_a_number_that_is_none_is_refused(member, incident, against):
    problem = assert_problem(
        member.get(f"texts/{incident.public_id}.summary/versions/1", against=against), 400, "invalid"
    )
    assert list(problem["errors"]) == ["against"]


def test_restoring_answers_with_the_new_version(member, incident):
    answer = member.post(f"texts/{incident.public_id}.summary/versions/1/restore", {"latest": 3})

    assert answer.status_code == 200, answer.content
    assert {name: answer.json()[name] for name in ("number", "text", "act")} == {
        "number": 4,
        "text": "The pool was full.",
        "act": "incidents.edit",
    }
    assert Incident.objects.get(pk=incident.pk).summary == "The pool was full."


def test_restoring_over_a_newer_version_is_refused_with_both_texts(member, incident):
    refused = member.post(f"texts/{incident.public_id}.summary/versions/1/restore", {"latest": 2})

    assert assert_problem(refused, 409, "edit_conflict")["details"] == {
        "mine": {"summary": "The pool was full."},
        "theirs": {"summary": "The pool held 200 of 247."},
        "version": 3,
    }


def test_refusals_are_those_of_the_edit(member, incident):
    path = f"texts/{incident.public_id}.summary/versions/1/restore"
    viewer = Caller(factories.user(role="viewer"))

    assert_problem(viewer.post(path, {"latest": 3}), 403, "not_allowed")
    assert_problem(Caller(member.user, scopes=["read"]).post(path, {"latest": 3}), 403, "scope_missing")

    factories.archived(factories.review(incidents=[incident], is_open=True))
    assert_problem(member.post(path, {"latest": 3}), 409, "archived")
    assert member.get(f"texts/{incident.public_id}.summary/versions").status_code == 200


def test_signed_step_is_reopened_before_a_version_of_it_is_restored(member):
    step = Review.objects.get(pk=factories.review(is_open=True).pk).steps.get(position=1)
    factories.written(step, finding="One.")
    factories.signed(factories.written(step, finding="Two."))

    path = f"texts/{step.review.public_id}.phenomenon.finding/versions/1/restore"
    assert_problem(member.post(path, {"latest": 2}), 409, "step_signed")


def test_nobody_else_reads_what_was_typed_while_a_timeline_was_sealed(member, incident):
    made = member.post(
        f"incidents/{incident.public_id}/timeline/entries",
        {"happened_at": "2026-11-20T10:00:00Z", "text": "I blamed Bob"},
    ).json()
    mine = f"incidents/{incident.public_id}/timeline"
    member.patch(f"{mine}/entries/{made['id']}", {"text": "The pool was full"})
    path = f"texts/entry-{made['id']}.text/versions"
    root = Caller(factories.user("Root", role="administrator", is_superuser=True))

    for address in (path, f"{path}/1", f"{path}/2"):
        assert_problem(root.get(address), 404, "not_found")
    assert_problem(root.post(f"{path}/1/restore", {"latest": 2}), 404, "not_found")

    assert member.post(f"{mine}/file").status_code == 200
    assert [row["number"] for row in root.get(path).json()["items"]] == [1]
    assert root.get(f"{path}/1").json()["text"] == "The pool was full"
    assert_problem(root.get(f"{path}/2"), 404, "not_found")
    assert_problem(root.get(f"{path}/1", against=2), 404, "not_found")
    assert [row["number"] for row in member.get(path).json()["items"]] == [2, 1]
    assert member.get(f"{path}/1").json()["text"] == "I blamed Bob"
    assert_problem(member.post(f"{path}/1/restore", {"latest": 2}), 409, "timeline_filed")


@pytest.mark.parametrize("count", [1, 3])
def test_list_costs_the_same_queries_for_any_number_of_versions(member, django_assert_num_queries, count):
    incident = factories.incident("1")
    # The first use of a token in a minute is noted.
    member.get("incidents")
    for number in range(count - 1):
        member.patch(f"incidents/{incident.public_id}", {"title": f"Title {number}"})

    with django_assert_num_queries(3):
        answer = member.get(f"texts/{incident.public_id}.title/versions").json()

    assert len(answer["items"]) == count


@pytest.mark.parametrize("versions", [2, 9])
def test_comparing_costs_the_same_queries_however_many_there_are(member, django_assert_num_queries, versions):
    incident = factories.incident("1", started_at=NOW)
    for number in range(2, versions + 1):
        Incident.objects.filter(pk=incident.pk).update(title=str(number))

    with django_assert_num_queries(6):
        member.get(f"texts/{incident.public_id}.title/versions/2", against=1)
