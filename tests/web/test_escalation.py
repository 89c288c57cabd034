"""The page of escalation, and how one wants one's mail."""

import pytest

from governance.models import EscalationStep, MailChoice, Muted, Notice
from tests import factories
from tests.web.test_reviews import client_of

pytestmark = pytest.mark.django_db
STEP = {"subject": "item", "moment": "after", "days": "30", "audience": "governors"}


def test_a_governor_adds_changes_and_removes_a_step():
    client = client_of(factories.user(role="governor"))

    assert client.post("/settings/escalation/", STEP).status_code == 302
    step = EscalationStep.objects.get(days=30)
    assert "30 days after the deadline" in client.get("/settings/escalation/").text
    client.post(f"/settings/escalation/{step.pk}/", STEP | {"days": "40"})
    step.refresh_from_db()
    assert step.days == 40
    client.post(f"/settings/escalation/{step.pk}/remove")
    assert not EscalationStep.objects.filter(pk=step.pk).exists()


def test_a_step_without_sense_is_refused_at_its_field():
    client = client_of(factories.user(role="governor"))

    answer = client.post("/settings/escalation/", STEP | {"moment": "at_risk"})

    assert answer.status_code == 422
    assert "From 0 to 0 days." in answer.text
    assert client_of(factories.user(role="facilitator")).get("/settings/escalation/").status_code == 403


def test_the_page_asks_no_more_for_more_steps(django_assert_num_queries):
    client = client_of(factories.user(role="governor"))
    for days in (2, 3):
        # Session, person, steps, whether channels and secrets are theirs. Of the history: which entries there
        # are, the newest, and their steps.
        with django_assert_num_queries(8):
            client.get("/settings/escalation/")
        client.post("/settings/escalation/", STEP | {"moment": "before", "days": days})


def test_a_governor_chooses_rhythm_kinds_and_overview():
    governor = factories.user(role="governor")
    client = client_of(governor)
    assert 'name="wants_overview"' in client.get("/settings/notices").text

    client.post("/settings/notices", {"kinds": ["item_breached"], "rhythm": "daily"})

    choice = MailChoice.objects.get(user=governor)
    assert (choice.rhythm, choice.wants_overview) == ("daily", False)
    assert Muted.objects.filter(user=governor).count() == len(Notice.Kind) - 1
    assert client.post("/settings/notices", {"rhythm": "hourly"}).status_code == 422


def test_who_is_no_governor_is_not_asked_about_the_overview():
    member = factories.user()
    client = client_of(member)
    assert 'name="wants_overview"' not in client.get("/settings/notices").text

    client.post("/settings/notices", {"kinds": [], "rhythm": "weekly", "wants_overview": "on"})

    assert MailChoice.objects.get(user=member).wants_overview
