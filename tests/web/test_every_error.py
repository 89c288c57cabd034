"""A form that is refused says everything that is wrong with it at once, each at its field."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from postmortem.models import Incident
from remediation.models import RemediationItem
from tests import factories
from tests.web.reading import read

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return factories.user("Ada")


@pytest.fixture
def client(ada):
    client = Client()
    client.force_login(ada)
    return client


def local(moment):
    return f"{timezone.localtime(moment):%Y-%m-%dT%H:%M:%S}"


def wrong(response):
    """The names of the fields that were refused."""
    return sorted(response.context["form"].errors)


def test_declaration_names_all_that_does_not_fit(client):
    factories.service("order")
    factories.severity()
    page = read(client.get("/incidents/new").text, at="/incidents/new")
    fields = next(form.fields for form in page.forms if "title" in form.fields)
    now = timezone.now()
    bad = {
        "failure_percent": ["140"],
        "started_at": [local(now + timedelta(hours=2))],
        "resolved_at": [local(now - timedelta(hours=1))],
        "loss_amount": ["5"],
        "loss_currency": [""],
    }

    response = client.post("/incidents/new", fields | bad)

    assert response.status_code == 422
    assert wrong(response) == ["failure_percent", "loss_currency", "resolved_at", "started_at"]
    assert not Incident.objects.exists()


def test_item_names_a_bad_link_and_a_day_that_is_over(client, ada):
    sent = {
        "title": "Timeouts", "owner": ada.pk, "team": factories.team().pk, "category": "process_defect",
        "service": factories.service("order").pk, "severity": factories.severity().pk, "kind": "prevent",
        "tracker_url": "javascript:alert(1)", "due_date": "2026-01-05",
    }  # fmt: skip

    response = client.post("/items/new", sent)

    assert response.status_code == 422
    assert wrong(response) == ["due_date", "tracker_url"]


def test_day_beyond_the_policy_is_refused_at_its_field_in_the_reader_s_words(client, ada):
    factories.sla_policies()
    far = timezone.localtime(timezone.now() + timedelta(days=400))
    sent = {
        "title": "Timeouts", "owner": ada.pk, "team": factories.team().pk, "category": "process_defect",
        "service": factories.service("order").pk, "severity": factories.severity("P1").pk, "kind": "prevent",
        "due_date": f"{far:%Y-%m-%d}",
    }  # fmt: skip

    response = client.post("/items/new", sent)

    (error,) = response.context["form"].errors["due_date"]
    due = timezone.localtime(timezone.now() + timedelta(days=14))
    assert f"{due.day} {due:%b %Y}, " in error
    assert "UTC" not in error
    assert not RemediationItem.objects.exists()


def test_waiver_without_anything_names_all_that_it_needs(client):
    response = client.post("/gate/waivers/new", {})

    assert response.status_code == 422
    assert wrong(response) == ["expires_at", "findings", "reason", "repository"]


def test_check_says_why_it_needs_a_pattern(client, ada):
    sent = {
        "title": "Timeouts", "owner": ada.pk, "team": factories.team().pk, "category": "technical_debt",
        "service": factories.service("order").pk, "severity": factories.severity().pk, "kind": "prevent",
        "check-kind": "shell", "check-command": "kubectl get pods", "check-shell_expectation": "no_match",
        "check-interval_seconds": "3600", "check-timeout_seconds": "10", "check-passes_needed": "3",
        "check-fails_needed": "2",
    }  # fmt: skip

    response = client.post("/items/new", sent)

    assert response.context["check_form"].errors["pattern"] == ["Say what a line has to match."]
    assert "Pattern <span" not in response.text


def test_service_has_a_team_to_choose(client):
    governor = Client()
    governor.force_login(factories.user("Gil", role="administrator"))

    page = governor.get("/services/new").text

    assert "---------" not in page
    assert "Choose…" in page
