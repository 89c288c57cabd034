"""What CI is told about a postmortem that was reopened: on the days before, while it is open, and after."""

import json
from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from governance import audit
from tests import factories
from tests.factories import DAY, HOUR

pytestmark = [pytest.mark.flow, pytest.mark.django_db]


@pytest.fixture
def now():
    audit._kept.clear()
    return timezone.now()


@pytest.fixture
def ask(client, now):
    """Asks both questions of CI; one token with both scopes."""
    _token, secret = factories.api_token(scopes=["audit", "gate"], now=now)
    headers = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}

    def ask_audit(date=""):
        answer = client.get("/sre/audit", {"service": "order"} | ({"date": date} if date else {}), **headers)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def ask_gate():
        body = {
            "repository": "shop/order",
            "target_branch": "main",
            "change_id": "7",
            "title": "Raise the limit",
            "description": "",
            "commits": [{"sha": "0123abcd", "message": "Raise the limit\n\nPostmortem: PM-2026-0001\n"}],
            "services": ["order"],
        }
        path = "/api/v1/gate/changes"
        answer = client.post(path, json.dumps(body), content_type="application/json", **headers)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return ask_audit, ask_gate


def codes(answer):
    return answer["status"], [(one["code"], one["object"]) for one in answer["findings"]]


def test_a_reopened_postmortem_blocks_from_then_on_and_changes_no_day_before(ask, now):
    """Section 5: the answer for a past date stays; a postmortem that is being rewritten is none."""
    ask_audit, ask_gate = ask
    midnight = datetime.combine(now.date(), time(), UTC)
    service = factories.service("order", repositories=["shop/order"])
    began = midnight - 9 * DAY
    incident = factories.resolved_incident(services=[service], started_at=began, declared_at=began)
    review = factories.review(
        incidents=[incident],
        is_open=True,
        public_id="PM-2026-0001",
        created_at=began + HOUR,
        opened_at=began + HOUR,
    )
    day = {ago: (midnight - ago * DAY).date().isoformat() for ago in range(1, 10)}
    overdue = ("FAIL", [("REVIEW_OVERDUE", review.public_id)])
    fine = ("PASS", [])

    # Due after two days, archived after four.
    factories.archived(review, at=midnight - 5 * DAY + HOUR)
    review.refresh_from_db()
    assert [codes(ask_audit(day[ago])) for ago in (8, 7, 6, 5, 4)] == [fine, overdue, overdue, fine, fine]
    assert (codes(ask_audit()), codes(ask_gate())) == (fine, fine)
    kept = {ago: ask_audit(day[ago]) for ago in (6, 5, 4)}

    # Reopened two days ago.
    factories.reopened(review, at=midnight - 2 * DAY + HOUR)
    review.refresh_from_db()
    assert [codes(ask_audit(day[ago])) for ago in (3, 2, 1)] == [fine, overdue, overdue]
    assert codes(ask_audit()) == overdue
    (finding,) = ask_audit()["findings"]
    assert finding["since"] == (midnight - 2 * DAY + HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "reopened" in finding["detail"]
    assert codes(ask_gate()) == ("FAIL", [("PM_NOT_ARCHIVED", review.public_id)])
    assert {ago: ask_audit(day[ago]) for ago in (6, 5, 4)} == kept

    # Archived anew a minute ago: the days between stay as they were.
    factories.archived(review, at=now - timedelta(minutes=1))
    assert (codes(ask_audit()), codes(ask_gate())) == (fine, fine)
    assert [codes(ask_audit(day[ago])) for ago in (3, 2, 1)] == [fine, overdue, overdue]
    assert {ago: ask_audit(day[ago]) for ago in (6, 5, 4)} == kept
