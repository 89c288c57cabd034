"""Answers of the audit for a past day, whole, as files: what CI reads of it must not change by accident."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from governance.models import GateDecision
from postmortem.models import Incident
from tests import factories as f
from tests import gating

pytestmark = pytest.mark.django_db

FOLDER = Path(__file__).parent / "golden"
DAY = timedelta(days=1)
DATE = "2026-11-19"
END = datetime(2026, 11, 20, tzinfo=UTC)


def sound(service):
    pass


def overdue(service):
    f.item(service=service, agreed_at=END - 20 * DAY, due_at=END - 6 * DAY)


def review_missing(service):
    f.incident(services=[service], started_at=END - 5 * DAY, declared_at=END - 5 * DAY)


def everything(service):
    overdue(service)
    review_missing(service)
    incident = f.incident(services=[service], started_at=END - 6 * DAY, declared_at=END - 6 * DAY)
    f.review(incidents=[incident], created_at=END - 4 * DAY)
    f.item(service=service, state="regressed", agreed_at=END - 20 * DAY, due_at=END + DAY)


def waived(service):
    overdue(service)
    gating.waiver(service=service, findings=["ITEM_OVERDUE"], at=END - 2 * DAY, hours=96)


def waived_until_yesterday(service):
    overdue(service)
    gating.waiver(service=service, findings=["ITEM_OVERDUE"], at=END - 4 * DAY, hours=48)


def not_counting(service):
    overdue(service)
    gating.policy(not_counting=["ITEM_OVERDUE"], now=END - 3 * DAY)


def stricter_since(service):
    """The policy of then did not count it; that of today does."""
    not_counting(service)
    gating.policy(not_counting=[], now=END + DAY)


def forgiven_since(service):
    """Waived and excused today, it was neither then."""
    overdue(service)
    gating.waiver(service=service, findings=["ITEM_OVERDUE"], at=END + DAY, hours=96)
    gating.policy(not_counting=["ITEM_OVERDUE"], now=END + DAY)


STORIES = [
    sound, overdue, review_missing, everything, waived, waived_until_yesterday, not_counting, stricter_since,
    forgiven_since,
]  # fmt: skip


def settled(body):
    """The answer with what differs from run to run written as words: the decision, and numbers of waivers."""
    text = json.dumps(body)
    for pk in gating.GateWaiver.objects.values_list("pk", flat=True):
        text = text.replace(f"waiver-{pk}", "waiver-N").replace(f"/waivers/{pk}/", "/waivers/N/")
    for decision in GateDecision.objects.values_list("pk", flat=True):
        text = text.replace(str(decision), "DECISION")
    return json.loads(text)


@pytest.mark.parametrize("story", STORIES)
def test_audit_of_a_past_day_is_the_file(client, story):
    story(f.service("order"))
    _token, secret = f.api_token(scopes=["audit"], now=timezone.now())

    answer = client.get(
        f"/sre/audit?service=order&date={DATE}", headers={"Authorization": f"Bearer {secret}"}
    )

    assert settled(answer.json()) == json.loads((FOLDER / f"audit-{story.__name__}.json").read_text())
    assert all(one.started_at < END for one in Incident.objects.all())


def test_every_file_has_its_story():
    names = {f"audit-{story.__name__}.json" for story in STORIES}

    assert {path.name for path in FOLDER.glob("audit-*.json")} == names
