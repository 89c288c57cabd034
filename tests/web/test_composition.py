"""What a review is made of, its approvals, and the settings behind them, on the pages."""

import pytest
from django.utils import timezone

from postmortem.models import Incident, Review, ReviewApproval, ReviewTemplate, Severity
from tests import factories
from tests.web.test_reviews import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def lin():
    return factories.user("Lin", role="facilitator")


@pytest.fixture
def review(lin) -> Review:
    return factories.review(is_open=True, facilitator=lin)


@pytest.fixture
def governor():
    return factories.user("Gia", role="governor")


# --- people and incidents ---------------------------------------------------------------------------------


def test_title_people_and_teams_are_changed_by_whom_it_concerns(review, lin):
    ada, team = factories.user("Ada"), factories.team("Orders")
    client, here = client_of(lin), f"/reviews/{review.public_id}/"
    data = {"title": "Renamed", "owner": ada.pk, "facilitator": lin.pk, "teams_present": [team.pk]}

    form = client.get(f"{here}edit").context["form"]
    assert form["title"].value() == review.title
    assert client.post(f"{here}edit", data).status_code == 302

    review.refresh_from_db()
    assert (review.title, review.owner, list(review.teams_present.all())) == ("Renamed", ada, [team])
    page = client.get(here).content.decode()
    assert f"{here}edit" in page
    assert "Orders" in page
    stranger = client_of(factories.user())
    assert f"{here}edit" not in stranger.get(here).content.decode()
    assert stranger.post(f"{here}edit", data).status_code == 403


def test_incidents_are_added_and_removed_but_never_all(review, lin):
    first, second = review.incidents.get(), factories.resolved_incident("Checkout slow")
    factories.signed(review.steps.first())
    client, address = client_of(lin), f"/reviews/{review.public_id}/incidents"

    assert "Checkout slow" in client.get(address).content.decode()
    client.post(address, {"incidents": [first.pk, second.pk]})
    assert set(review.incidents.all()) == {first, second}
    assert review.steps.first().is_stale
    refused = client.post(address, {})
    client.post(address, {"incidents": [second.pk]})

    assert refused.status_code == 422
    assert list(review.incidents.all()) == [second]


def test_an_incident_that_the_reader_may_not_see_is_not_offered(review, lin):
    hidden = factories.resolved_incident("Leaked credentials", is_restricted=True)
    client, address = client_of(lin), f"/reviews/{review.public_id}/incidents"

    assert "Leaked credentials" not in client.get(address).content.decode()
    assert client.post(address, {"incidents": [hidden.pk]}).status_code == 422
    assert (
        "Leaked credentials"
        not in client.get(f"/incidents/{factories.resolved_incident().public_id}/review").content.decode()
    )


def test_a_restricted_incident_hides_the_review_from_then_on(review, governor):
    hidden = factories.resolved_incident("Leaked credentials", is_restricted=True)
    member = client_of(factories.user())
    assert member.get(f"/reviews/{review.public_id}/").status_code == 200

    data = {"incidents": [review.incidents.get().pk, hidden.pk]}
    client_of(governor).post(f"/reviews/{review.public_id}/incidents", data)

    assert member.get(f"/reviews/{review.public_id}/").status_code == 404


def test_a_review_is_started_from_several_incidents(lin):
    first, second = factories.resolved_incident(), factories.resolved_incident("Checkout slow")
    team = factories.team()
    data = {"title": "Both", "owner": lin.pk, "facilitator": lin.pk}
    data |= {"others": [second.pk], "teams_present": [team.pk]}

    client_of(lin).post(f"/incidents/{first.public_id}/review", data)

    review = Review.objects.get()
    assert set(review.incidents.all()) == {first, second}
    assert list(review.teams_present.all()) == [team]


# --- approvals --------------------------------------------------------------------------------------------


def test_an_approval_is_given_shown_and_becomes_stale(governor):
    Severity.objects.filter(code="P1").update(approvals_needed=1)
    review = factories.complete_review()
    client, here = client_of(governor), f"/reviews/{review.public_id}/"

    page = client.get(here)
    assert [(todo.gap.code, todo.url) for todo in page.context["preflight"].todos] == [
        ("approvals_missing", f"{here}#approvals")
    ]
    assert f"{here}approve" in page.content.decode()
    assert client.get(f"{here}approve").status_code == 200
    client.post(f"{here}approve", {"comment": "Sound work."})

    shown = client.get(here)
    assert shown.context["state"] == "ready"
    assert "Sound work." in shown.content.decode()
    assert f'{here}approve"' not in shown.content.decode()
    Incident.objects.filter(review=review).update(summary="Another summary")
    assert client.get(here).context["state"] == "in_review"
    assert "Something changed since." in client.get(here).content.decode()


def test_the_button_to_approve_is_for_those_who_may(lin):
    Severity.objects.filter(code="P1").update(approvals_needed=1)
    review = factories.complete_review(owner=factories.user("Olu", role="governor"))
    here = f"/reviews/{review.public_id}/"

    for person in (lin, review.owner, factories.user(role="viewer")):
        assert f"{here}approve" not in client_of(person).get(here).content.decode()
        assert client_of(person).post(f"{here}approve").status_code == 403
    assert not ReviewApproval.objects.exists()


def test_who_may_approve_is_named(lin):
    """Whoever owns the review may not, and must know whom to ask."""
    Severity.objects.filter(code="P1").update(approvals_needed=1)
    owner = factories.user("Olu", role="governor")
    here = f"/reviews/{factories.complete_review(owner=owner).public_id}/"
    factories.user("Left", role="governor", is_active=False)

    assert "Nobody but the owner has this role" in client_of(owner).get(here).text

    factories.user("Grace", role="governor")
    assert "These may: Grace." in client_of(owner).get(here).text


def test_where_no_approval_is_asked_for_none_is_spoken_of(review, governor):
    assert 'id="approvals"' not in client_of(governor).get(f"/reviews/{review.public_id}/").content.decode()


# --- guiding questions and settings -----------------------------------------------------------------------


def test_guiding_questions_stand_beside_the_editor(review):
    client, here = client_of(factories.user()), f"/reviews/{review.public_id}/"
    assert "Which metric left its usual band first" in client.get(here).content.decode()

    factories.review_template("Severe", severities=["P1"], questions=["How <b>severe</b>?"])

    page = client.get(here).content.decode()
    assert "How &lt;b&gt;severe&lt;/b&gt;?" in page
    assert "Which metric left its usual band first" not in page


def test_a_governor_changes_a_severity(governor):
    severity = factories.severity("P1")
    client, address = client_of(governor), "/settings/severities/P1/"
    data = {"name": severity.name, "review_hours": "24", "approvals_needed": "1", "approver_role": "governor"}
    data |= {"requires_postmortem": "on", "counts_in_figures": "on", "facilitator_apart": "on"}

    assert client.get("/settings/severities/").status_code == 200
    assert client.post(address, data | {"review_hours": "0"}).status_code == 422
    assert client.post(address, data).status_code == 302

    severity.refresh_from_db()
    assert (severity.review_hours, severity.approvals_needed, severity.facilitator_apart) == (24, 1, True)
    assert "24 hours" in client.get("/settings/severities/").content.decode()


def test_a_governor_writes_a_template_beginning_with_the_shipped_questions(governor):
    client, address = client_of(governor), "/settings/review-templates/"

    form = client.get(f"{address}new").context["form"]
    assert "Which metric left its usual band first" in form["metric_anomaly_questions"].value()
    data = {"name": "Severe", "severities": [factories.severity("P0").pk], "is_active": "on"}
    data |= {"phenomenon_questions": "What broke?\r\nWho saw it?", "phenomenon_skeleton": "## Seen"}
    assert client.post(f"{address}new", data).status_code == 302

    template = ReviewTemplate.objects.get()
    assert template.steps.get(kind="phenomenon").questions == ["What broke?", "Who saw it?"]
    assert "Severe" in client.get(address).content.decode()
    twin = client.post(f"{address}new", data | {"name": "Other"})
    assert list(twin.context["form"].errors) == ["severities"]
    long = client.post(f"{address}{template.pk}/", data | {"phenomenon_questions": "x" * 301})
    assert list(long.context["form"].errors) == ["phenomenon_questions"]
    client.post(f"{address}{template.pk}/remove")
    assert not ReviewTemplate.objects.exists()


def test_settings_of_policy_are_for_governors(lin):
    template = factories.review_template()
    for address in (
        "/settings/severities/",
        "/settings/severities/P1/",
        "/settings/review-templates/",
        "/settings/review-templates/new",
        f"/settings/review-templates/{template.pk}/",
        f"/settings/review-templates/{template.pk}/remove",
    ):
        assert client_of(lin).get(address).status_code == 403, address
    assert "/settings/severities/" not in client_of(lin).get("/settings/").content.decode()


def test_the_deadline_of_the_review_is_shown_with_its_standing(lin):
    """R8."""
    started_at = timezone.now() - 47 * factories.HOUR
    review = factories.review(
        incidents=[factories.resolved_incident(started_at=started_at)], facilitator=lin, is_open=True
    )

    page = client_of(lin).get(f"/reviews/{review.public_id}/").content.decode()

    assert "At risk" in page
    assert "due" in page
