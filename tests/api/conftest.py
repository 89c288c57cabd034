"""A caller of the API, and a world with one record of every kind."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils import timezone

from accounts import service_accounts
from accounts.models import User
from governance.models import ChannelMessage, Delivery, EscalationStep, EventSecret, Kpi, Notice
from postmortem import imports
from postmortem.models import Review
from tests import factories, gating

PROBLEM = "application/problem+json"


class Parts(dict[str, Any]):
    """A body that goes as a form of several parts, one of which is a file."""


class Caller:
    """Speaks JSON to the API as the owner of a token."""

    def __init__(self, user: User, *, scopes: Iterable[str] = ("read", "write")) -> None:
        self.user = user
        self.token, self.secret = factories.api_token(user, scopes=scopes, now=timezone.now())
        self.client = Client(
            raise_request_exception=False, headers={"Authorization": f"Bearer {self.secret}"}
        )

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path: str, body: Any = None) -> Any:
        return self.send("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        return self.send("PUT", path, body)

    def patch(self, path: str, body: Any) -> Any:
        return self.send("PATCH", path, body)

    def upload(self, path: str, data: bytes, *, name: str = "screen.png") -> Any:
        return self.send("POST", path, Parts(file=SimpleUploadedFile(name, data)))

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}")

    def send(self, method: str, path: str, body: Any) -> Any:
        """A body that is not bytes goes as JSON, or in parts; None goes as an empty object."""
        content_type = "application/json"
        if isinstance(body, Parts):
            content_type, body = MULTIPART_CONTENT, encode_multipart(BOUNDARY, body)
        data = {} if body is None else body
        return self.client.generic(method, f"/api/v1/{path}", _encoded(data), content_type)


def _encoded(data: Any) -> bytes:
    import json

    return data if isinstance(data, bytes) else json.dumps(data).encode()


@pytest.fixture
def as_user(db: None) -> Callable[..., Caller]:
    return Caller


@pytest.fixture
def member(db: None) -> Caller:
    return Caller(factories.user("Mia", role="member"))


@pytest.fixture
def administrator(db: None) -> Caller:
    return Caller(factories.user("Ada", role="administrator"))


DOCUMENT = (
    "# 2026-11-19 Orders fail\n\n## Timeline\n\nAll times in UTC\n\n- 10:00 Alerts fired\n- soon: looked\n"
)


@dataclass
class World:
    """Records that hang together; `parts` fills the places of a path, such as {incident}."""

    caller: Caller
    parts: dict[str, Any] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)

    def path(self, template: str) -> str:
        """A path of the schema, such as /api/v1/incidents/{incident}, for a record of this world."""
        return template.format(**self.parts).removeprefix("/api/v1/")


def build_world(caller: Caller, **incident: Any) -> World:
    """An open review of one incident in which the caller took part, with everything around it."""
    service = factories.service("order")
    told = factories.resolved_incident(
        services=[service], participants=[caller.user, factories.user("Nia")], **incident
    )
    review = factories.review(incidents=[told], is_open=True, owner=caller.user, facilitator=caller.user)
    first, other = (participant for participant in told.participants.order_by("id"))
    entry = factories.entry(factories.timeline(first))
    cause = factories.verified_cause(review)
    change = factories.change(told, verdict="cleared", reason="Another cell.")
    measurement = factories.fetched_measurement(review)
    factories.change_search(review)
    checklist = factories.checklist_entry(review)
    point = factories.lesson_point(review)
    for luck in ("It was night.", "It was Sunday."):
        Review.objects.filter(pk=review.pk).update(luck=luck)
    item = factories.item(review=review, causes=[cause], service=service, owner=caller.user)
    check = item.verification_checks.get()
    factories.exam(item, members=[caller.user, other.user])
    run = factories.check_run(check)
    notice = Notice.objects.create(
        recipient=caller.user, kind="review_at_risk", incident=told, key="told", created_at=factories.NOW
    )
    channel = factories.channel(team=service.team)
    message = ChannelMessage.objects.create(
        channel=channel,
        kind="review_at_risk",
        incident=told,
        key="told",
        state="given_up",
        happened_at=factories.NOW,
        created_at=factories.NOW,
        next_at=factories.NOW,
        finished_at=factories.NOW,
    )
    delivery = Delivery.objects.create(
        notice=notice,
        state="given_up",
        created_at=factories.NOW,
        next_at=factories.NOW,
        finished_at=factories.NOW,
    )
    fresh = factories.resolved_incident("Checkout is slow", services=[service], **incident)
    before = factories.resolved_incident(
        started_at=told.started_at - factories.DAY, services=[service], **incident
    )
    earlier = factories.verified_cause(factories.review(incidents=[before], is_open=True))
    Kpi.objects.create(slug="idle", name="Idle", created_by=caller.user, created_at=factories.NOW)
    sender = factories.event_source(acts_as=caller.user)
    second = EventSecret.objects.create(
        source=sender, place=2, secret=factories.EVENT_SECRET, created_at=factories.NOW
    )
    failed = factories.inbound_event(sender, b'{"version": "3"}', state="failed", outcome="unreadable")
    parts = {
        "user": other.user_id,
        "participant": other.pk,
        "team": service.team.slug,
        "service": service.slug,
        "incident": told.public_id,
        "review": review.public_id,
        "step": "phenomenon",
        "cause": cause.pk,
        "point": point.pk,
        "change": change.pk,
        "severity": "P1",
        "policy": factories.sla_policy(severity="P3").pk,
        # Of an object that may be restricted.
        "waiver": gating.waiver(service=service, findings=["ITEM_OVERDUE"], object=item.public_id).pk,
        "gate_policy": gating.policy(repositories=["web"], name="Web").key,
        "calendar": factories.calendar().pk,
        "template": factories.review_template().pk,
        "measurement": measurement.pk,
        "entry": entry.pk,
        "file": factories.evidence_file(entry).pk,
        "notice": notice.pk,
        "item": item.public_id,
        "check": check.pk,
        "run": run.pk,
        "source": check.data_source_id,
        "secret": factories.probe_secret(service.team, "order-db").pk,
        "channel": channel.pk,
        "delivery": delivery.pk,
        "escalation_step": EscalationStep.objects.order_by("pk").first().pk,
        "message": message.pk,
        "deploy": factories.deploy(service, deployed_at=told.started_at - factories.HOUR).pk,
        "event_source": sender.pk,
        "event_secret": second.pk,
        "event": failed.pk,
        "import": imports.add(source=DOCUMENT, by=caller.user, now=factories.NOW).public_id,
        "month": "2026-10",
        "figure": "closure",
        "kpi": "idle",
        "quarter": "2026-Q4",
        "term": factories.wording_term("brownout", team=service.team).pk,
        "cause_class": "capacity-pool",
        "checklist_entry": checklist.pk,
        "revision": 1,
        "text": f"{review.public_id}.luck",
        "version": 1,
        "token": factories.api_token(now=timezone.now())[0].pk,
        "account": service_accounts.create(name="GitLab").pk,
    }
    names = {
        "fresh": fresh,
        "checklist": checklist,
        "earlier": earlier,
        "point": point,
        "governor": factories.user("Gia", role="governor"),
        "team": service.team,
    }
    return World(caller, parts, names)


@pytest.fixture
def world(administrator: Caller) -> World:
    """Its caller may do everything, with every scope."""
    return build_world(Caller(administrator.user, scopes=["read", "write", "audit", "gate", "tokens"]))


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal, once it is one of the right kind."""
    assert response.status_code == status, response.content[:500]
    assert response["Content-Type"] == PROBLEM
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["detail"]
    return body
