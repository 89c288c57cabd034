"""Every page of policy says who changed what, from the trail."""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import User
from governance import escalation, gates, goals
from governance.models import EscalationStep, FigureGoal, GatePolicy
from postmortem import severities
from postmortem.models import Severity, TrailEntry
from remediation import policies
from remediation.models import SlaPolicy
from tests import factories
from web import policy_trails

pytestmark = pytest.mark.django_db


@pytest.fixture
def sofia() -> User:
    return factories.user("Sofia", role="governor")


def test_a_severity_says_who_changed_which_promise(sofia):
    stood = factories.severity("P1").review_hours

    severities.edit(Severity.objects.get(code="P1"), review_hours=24, by=sofia, now=timezone.now())

    newest = policy_trails.of(Severity)[0]
    assert (newest.actor, str(newest.words)) == (sofia, "edited a severity")
    (change,) = newest.changes
    assert (change.before, change.after) == (str(stood), "24")
    assert change.label == "P1: Hours until the review must be done"


def test_rows_of_the_sla_that_are_gone_are_still_named(sofia):
    factories.sla_policies()
    row = SlaPolicy.objects.get(category="missing_tool")
    named = str(row)

    policies.remove(row, by=sofia, now=timezone.now())

    newest = policy_trails.of(SlaPolicy)[0]
    assert (newest.actor, str(newest.words)) == (sofia, "removed a row")
    told = {(one.label, one.before, one.after) for one in newest.changes}
    assert {(f"{named}: Days", "14", ""), (f"{named}: Category", "Missing tool", "")} <= told


def test_a_goal_that_is_set_says_its_numbers(sofia):
    goals.write("closure", target=Decimal(90), baseline=None, by=sofia, now=timezone.now())

    (newest,) = policy_trails.of(FigureGoal)
    assert (newest.actor, str(newest.words)) == (sofia, "set a goal")
    assert [(one.label, one.before, one.after) for one in newest.changes] == [
        ("Closure rate: Target", "", "90")
    ]


def test_a_step_of_escalation_is_said_in_words(sofia):
    facts = {"subject": "item", "moment": "before", "days": 4, "audience": "owner"}

    escalation.add(**facts, by=sofia, now=timezone.now())

    newest = policy_trails.of(EscalationStep)[0]
    assert newest.actor == sofia
    assert newest.changes[0].after == "Item · 4 days before the deadline · who answers for it"


def test_a_new_version_of_a_row_of_the_gate_says_what_differs(sofia):
    row = gates.rows()[0]

    gates.edit(row, by=sofia, now=timezone.now(), version=row.version, mode="warn")

    newest = policy_trails.of(GatePolicy)[0]
    assert (newest.actor, str(newest.words)) == (sofia, "edited a row")
    assert [(one.label, one.after) for one in newest.changes] == [(f"{row.name}: Mode", "Warn")]


def test_pages_of_policy_show_their_history_to_governors(client, sofia):
    factories.severity("P1")
    goals.write("closure", target=Decimal(90), baseline=None, by=sofia, now=timezone.now())
    client.force_login(sofia)

    for section in (
        "goals", "severities", "sla", "escalation", "gate-policies", "review-templates", "cause-classes",
    ):  # fmt: skip
        page = client.get(f"/settings/{section}/")
        assert page.status_code == 200, section
        assert 'id="history"' in page.content.decode(), section
    shown = client.get("/settings/goals/").content.decode()
    assert "set a goal" in shown
    assert shown.count("Sofia") >= 3  # the menu, the row and its history


def test_history_takes_as_many_statements_for_many_changes_as_for_one(sofia, django_assert_num_queries):
    for number in range(3):
        severity = factories.severity(f"P{number}")
        severities.edit(severity, review_hours=30 + number, by=sofia, now=timezone.now())
    everything = TrailEntry.objects.filter(model="postmortem_severity").count()

    for limit in (1, everything):
        with django_assert_num_queries(3):
            policy_trails.of(Severity, limit=limit)
