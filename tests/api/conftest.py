"""A caller of the API, and a world with one record of every kind."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests import factories

PROBLEM = "application/problem+json"


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

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}")

    def send(self, method: str, path: str, body: Any) -> Any:
        """A body that is not bytes goes as JSON; None goes as an empty object."""
        content_type = "application/json"
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
    checklist = factories.checklist_entry(review)
    item = factories.item(review=review, causes=[cause], service=service, owner=caller.user)
    check = item.verification_checks.get()
    run = factories.check_run(check)
    fresh = factories.resolved_incident("Checkout is slow", services=[service], **incident)
    parts = {
        "user": other.user_id,
        "participant": other.pk,
        "team": service.team.slug,
        "service": service.slug,
        "incident": told.public_id,
        "review": review.public_id,
        "step": "phenomenon",
        "cause": cause.pk,
        "entry": entry.pk,
        "item": item.public_id,
        "check": check.pk,
        "run": run.pk,
        "source": check.data_source_id,
        "month": "2026-10",
    }
    names = {
        "fresh": fresh,
        "checklist": checklist,
        "governor": factories.user("Gia", role="governor"),
        "team": service.team,
    }
    return World(caller, parts, names)


@pytest.fixture
def world(administrator: Caller) -> World:
    """Its caller may do everything, with every scope."""
    return build_world(Caller(administrator.user, scopes=["read", "write", "audit", "gate"]))


def assert_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal, once it is one of the right kind."""
    assert response.status_code == status, response.content[:500]
    assert response["Content-Type"] == PROBLEM
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["detail"]
    return body
