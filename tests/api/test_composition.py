"""A review's people, incidents, approvals and questions over the API, and the policies behind them."""

import pytest

from postmortem.models import Severity
from tests import factories
from tests.api.conftest import Caller, assert_problem

pytestmark = pytest.mark.django_db

TEMPLATE = {
    "name": "Severe",
    "severities": ["P1"],
    "steps": [{"step": "phenomenon", "questions": ["What broke?"], "skeleton": "## Seen"}],
}


@pytest.fixture
def review(member):
    return factories.review(is_open=True, owner=member.user, facilitator=member.user)


@pytest.fixture
def governor():
    return Caller(factories.user("Gia", role="governor"))


def test_title_people_and_teams_are_changed(member, review):
    ada, team = factories.user("Ada"), factories.team()

    answer = member.patch(
        f"reviews/{review}", {"title": "Renamed", "facilitator": ada.pk, "teams_present": [team.slug]}
    ).json()

    assert (answer["title"], answer["facilitator"]["name"], answer["teams_present"]) == (
        "Renamed",
        "Ada",
        [team.slug],
    )
    assert answer["owner"]["name"] == "Mia"


def test_others_change_neither_people_nor_incidents(review):
    other = Caller(factories.user())

    assert_problem(other.patch(f"reviews/{review}", {"title": "x"}), 403, "not_allowed")
    body = {"incidents": [factories.incident().public_id]}
    assert_problem(other.put(f"reviews/{review}/incidents", body), 403, "not_allowed")


def test_an_archived_review_is_refused(member):
    archived = factories.archived_review(owner=member.user)

    assert_problem(member.patch(f"reviews/{archived}", {"title": "x"}), 409, "archived")


def test_incidents_are_added_and_removed_but_never_all(member, review):
    first, second = review.incidents.get(), factories.incident()
    path = f"reviews/{review}/incidents"

    both = member.put(path, {"incidents": [first.public_id, second.public_id]}).json()
    one = member.put(path, {"incidents": [second.public_id]}).json()
    none = assert_problem(member.put(path, {"incidents": []}), 400, "invalid")
    taken = factories.review().incidents.get().public_id

    assert (set(both["incidents"]), one["incidents"]) == (
        {first.public_id, second.public_id},
        [second.public_id],
    )
    assert list(none["errors"]) == ["incidents"]
    assert_problem(member.put(path, {"incidents": [taken]}), 409, "already_reviewed")


def test_a_hidden_incident_cannot_be_named(member, review):
    hidden = factories.incident(is_restricted=True)

    problem = assert_problem(
        member.put(f"reviews/{review}/incidents", {"incidents": [hidden.public_id]}), 400, "invalid"
    )

    assert problem["errors"]["incidents.0"][0]["code"] == "does_not_exist"


def test_a_missing_approval_is_a_gap_until_it_is_given(member, governor):
    Severity.objects.filter(code="P1").update(approvals_needed=1)
    review = factories.complete_review(facilitator=member.user)

    gaps = member.get(f"reviews/{review}/gaps").json()["gaps"]
    early = assert_problem(member.post(f"reviews/{review}/archive"), 409, "not_archivable")
    assert_problem(member.post(f"reviews/{review}/approvals"), 403, "not_allowed")
    given = governor.post(f"reviews/{review}/approvals", {"comment": "Sound."})
    again = assert_problem(governor.post(f"reviews/{review}/approvals"), 409, "already_approved")
    standing = member.get(f"reviews/{review}/approvals").json()
    archived = member.post(f"reviews/{review}/archive").json()

    assert [gap["code"] for gap in gaps] == ["approvals_missing"]
    assert [gap["code"] for gap in early["details"]["gaps"]] == ["approvals_missing"]
    assert (given.status_code, given.json()["given_by"]["name"]) == (201, "Gia")
    assert again["detail"]
    assert (standing["needed"], standing["role"], standing["missing"]) == (1, "governor", 0)
    assert [one["is_valid"] for one in standing["given"]] == [True]
    assert archived["content_hash"] == given.json()["content_hash"]


def test_unsigned_steps_are_not_approved(governor):
    review = factories.review(is_open=True)

    problem = assert_problem(governor.post(f"reviews/{review}/approvals"), 409, "step_unsigned")

    assert problem["details"] == {"unsigned": [1, 2, 3, 4]}


def test_a_governor_changes_a_severity_and_others_do_not(member, governor):
    body = {"review_hours": 24, "approvals_needed": 1, "facilitator_apart": True}

    answer = governor.patch("severities/P1", body).json()
    wrong = assert_problem(governor.patch("severities/P1", {"approver_role": "viewer"}), 400, "invalid")

    assert {name: answer[name] for name in body} == body
    assert list(wrong["errors"]) == ["approver_role"]
    assert_problem(member.patch("severities/P1", body), 403, "not_allowed")
    assert_problem(governor.patch("severities/P9", body), 404, "not_found")


def test_a_template_is_written_asked_and_removed(member, governor, review):
    shipped = member.get(f"reviews/{review}/guide").json()["steps"]

    made = governor.post("review-templates", TEMPLATE)
    template = made.json()["id"]
    asked = member.get(f"reviews/{review}/guide").json()["steps"]
    twin = assert_problem(governor.post("review-templates", TEMPLATE | {"name": "Other"}), 400, "invalid")
    renamed = governor.put(f"review-templates/{template}", TEMPLATE | {"name": "Renamed"}).json()

    assert len(shipped[0]["questions"]) == 4
    assert made.status_code == 201
    assert asked[0] == {"step": "phenomenon", "questions": ["What broke?"], "skeleton": "## Seen"}
    assert list(twin["errors"]) == ["severities"]
    assert (renamed["name"], renamed["severities"]) == ("Renamed", ["P1"])
    assert_problem(member.post("review-templates", TEMPLATE), 403, "not_allowed")
    assert_problem(member.delete(f"review-templates/{template}"), 403, "not_allowed")
    assert governor.delete(f"review-templates/{template}").status_code == 204


@pytest.mark.parametrize("count", [1, 3])
def test_templates_cost_the_same_queries_for_any_number(member, django_assert_num_queries, count):
    for _ in range(count):
        factories.review_template(severities=["P0", "P1"], is_active=False)

    with django_assert_num_queries(6):
        assert len(member.get("review-templates").json()["items"]) == count
