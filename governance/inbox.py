"""The inbox: what other systems send is kept as it came, and dealt with by whoever claims it.

PostgreSQL is the queue (docs/adr/0004). Dealing with an event twice is harmless, so a worker that dies loses
nothing: its lease ends and another takes the event.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.encryption import NoKey
from accounts.models import User
from governance import alerts, forges, mergechecks, outbox
from governance.models import EventSource, InboundEvent
from governance.payloads import Unreadable
from postmortem import access, secrets, trail
from postmortem.errors import DomainError

MAX_BODY = 1024 * 1024
MOST_ATTEMPTS = 8
# Longer than dealing with one event may take, its calls outside included.
LEASE = timedelta(minutes=2)
# Of a body that is shown; the whole of it is kept.
MOST_SHOWN = 64 * 1024
BUDGET_SECONDS = 20.0
_LONGEST_ID = 200
State = InboundEvent.State


class NotToReplay(DomainError):
    """It waits to be dealt with; details: `state`."""

    code = "not_to_replay"


class BodyNotKept(DomainError):
    """What came is too long ago: its body is no longer kept; details: `body_dropped_at`."""

    code = "body_not_kept"


class TryAgain(Exception):
    """It cannot be dealt with now, and perhaps later: a system outside does not answer."""


@dataclass(frozen=True, slots=True)
class Received:
    """An event that is kept; `is_new` is false for one that had come before under the same id."""

    event: InboundEvent
    is_new: bool


def receive(source: EventSource, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Received:
    """Keep an event whose sender has proved itself.

    Args:
        headers: by name in small letters.
        body: at most `MAX_BODY` bytes, as they came.
    """
    delivery_id, event_type = _named(source, headers)
    event = InboundEvent(
        source=source,
        delivery_id=delivery_id,
        event_type=event_type,
        sha256=hashlib.sha256(body).digest(),
        size=len(body),
        body=body,
        received_at=now,
        next_at=now,
    )
    if not delivery_id:
        event.save(force_insert=True)
        return Received(event, is_new=True)
    InboundEvent.objects.bulk_create([event], ignore_conflicts=True)
    kept = InboundEvent.objects.defer("body").get(source=source, delivery_id=delivery_id)
    return Received(kept, is_new=kept.received_at == now)


def take_next(*, now: datetime) -> bool:
    """Claim the event that is due first and deal with it, outside of any transaction of ours.

    Returns:
        Whether there was one.
    """
    event = _claim(now=now)
    if event is None:
        return False
    if event.attempts > MOST_ATTEMPTS:
        _finish(event, State.FAILED, "given_up", "Every attempt to deal with it was broken off.", now=now)
        return True
    try:
        done = _HANDLERS[event.source.kind](event, now=now)
    except Unreadable as problem:
        _finish(event, State.FAILED, "unreadable", str(problem), now=now)
    except DomainError as refusal:
        _finish(event, State.FAILED, refusal.code, refusal.message, now=now)
    except NoKey as problem:
        _finish(event, State.FAILED, "credential_unreadable", str(problem), now=now)
    except TryAgain as problem:
        _postpone(event, str(problem), now=now)
    else:
        _finish(event, done.state, done.outcome, done.note, now=now, **done.facts)
    return True


@dataclass(frozen=True, slots=True)
class Dealt:
    """How an event was dealt with; `facts` are columns of it."""

    state: str
    outcome: str
    note: str
    facts: Mapping[str, Any]


def replay(event: InboundEvent, *, by: User, now: datetime) -> InboundEvent:
    """Deal with an event once more, as if it came now under its old date; administrators only.

    Raises:
        NotToReplay: it waits.
        BodyNotKept: there is nothing left to deal with.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.ADMINISTRATOR)
    with trail.act("inbox.replay", by=by):
        event = InboundEvent.objects.select_for_update().defer("body").get(pk=event.pk)
        if event.state == State.WAITING:
            raise NotToReplay(_("It waits to be dealt with."), details={"state": event.state})
        if event.body_dropped_at is not None:
            raise BodyNotKept(
                _("Its body is no longer kept, so it cannot be dealt with again."),
                details={"body_dropped_at": event.body_dropped_at.isoformat()},
            )
        event.state, event.attempts, event.next_at = State.WAITING, 0, now
        event.finished_at, event.lease_until, event.outcome, event.error = None, None, "", ""
        event.replays += 1
        event.save(
            update_fields=[
                "state", "attempts", "next_at", "finished_at", "lease_until", "outcome", "error", "replays",
            ]
        )  # fmt: skip
    return event


def forget_bodies(
    *, now: datetime, days: int, at_once: int = 500, budget_seconds: float = BUDGET_SECONDS
) -> int:
    """Let go the bodies of events that came more than so many days ago, until none is left or the time is up.

    All else that is known of them stays: what became of them, sizes, hashes. One that waits keeps its body.

    Args:
        days: `LEAST_BODY_DAYS` at least; the database refuses less.
        at_once: how many go in one transaction.

    Returns:
        How many bodies went.
    """
    stop_at, forgotten = time.monotonic() + budget_seconds, 0
    old = InboundEvent.objects.filter(body_dropped_at=None, received_at__lt=now - timedelta(days=days))
    while True:
        with trail.act("inbox.forget_bodies", by=None):
            # Who deals with one again has it locked, and keeps its body by that.
            rows = (
                old.exclude(state=State.WAITING).order_by("received_at").select_for_update(skip_locked=True)
            )
            ids = list(rows.values_list("pk", flat=True)[:at_once])
            forgotten += InboundEvent.objects.filter(pk__in=ids).update(body=None, body_dropped_at=now)
        if len(ids) < at_once or time.monotonic() >= stop_at:
            return forgotten


def log(user: User) -> QuerySet[InboundEvent]:
    """What came in, newest first, without the bodies; administrators only."""
    access.need(user, User.Role.ADMINISTRATOR)
    return (
        InboundEvent.objects.select_related("source", "incident")
        .defer("body")
        .order_by("-received_at", "-id")
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A body as people may read it: `masked` secrets were taken out, `is_cut` says that more was kept."""

    text: str
    masked: int
    is_cut: bool


def shown(event: InboundEvent) -> Shown:
    """The body as text, JSON over several lines, its secrets masked; at most `MOST_SHOWN` characters.

    Nothing at all of one that is no longer kept.
    """
    text = bytes(event.body or b"").decode("utf-8", "replace")
    # What is no JSON is shown as it came.
    with suppress(ValueError, RecursionError):
        # JSON may name half of a surrogate pair, which no answer can carry.
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False).encode("utf-8", "replace").decode()
    text, masked = secrets.mask(text)
    return Shown(text[:MOST_SHOWN], masked, len(text) > MOST_SHOWN)


def _named(source: EventSource, headers: Mapping[str, str]) -> tuple[str, str]:
    """The sender's id of an event, or "", and its type."""
    if source.kind == EventSource.Kind.GITHUB:
        said, kind = headers.get("x-github-delivery", ""), headers.get("x-github-event", "")
    elif source.kind == EventSource.Kind.GITLAB:
        # X-Gitlab-Event-UUID is shared by all that one event sets off, so it names none of them.
        said = headers.get("webhook-id", "") or headers.get("idempotency-key", "")
        kind = headers.get("x-gitlab-event", "")
    else:
        said, kind = "", ""
    if len(said) > _LONGEST_ID:
        said = hashlib.sha256(said.encode("utf-8", "surrogateescape")).hexdigest()
    return _plain(said), _plain(kind)[:80]


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).strip()


def _claim(*, now: datetime) -> InboundEvent | None:
    with trail.act("inbox.claim", by=None):
        due = InboundEvent.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            Q(lease_until=None) | Q(lease_until__lt=now), state=State.WAITING, next_at__lte=now
        )
        event = due.order_by("next_at", "pk").select_related("source__acts_as").first()
        if event is not None:
            event.attempts += 1
            event.lease_until, event.lease_token = now + LEASE, uuid.uuid4()
            event.save(update_fields=["attempts", "lease_until", "lease_token"])
    return event


def _postpone(event: InboundEvent, error: str, *, now: datetime) -> None:
    if event.attempts >= MOST_ATTEMPTS:
        _finish(event, State.FAILED, "given_up", error, now=now)
        return
    wait = outbox.pause(event.attempts, chance=random.random())  # noqa: S311 # no secret
    _mine(event).update(next_at=now + wait, lease_until=None, error=error[:500])


def _finish(
    event: InboundEvent, state: str, outcome: str, error: str, *, now: datetime, **facts: Any
) -> None:
    with trail.act("inbox.finish", by=None):
        _mine(event).update(
            state=state, finished_at=now, lease_until=None, outcome=outcome, error=error[:500], **facts
        )


def _mine(event: InboundEvent) -> QuerySet[InboundEvent]:
    """The row, unless its lease ended and another worker has it."""
    return InboundEvent.objects.filter(pk=event.pk, lease_token=event.lease_token, state=State.WAITING)


def _take_alerts(event: InboundEvent, *, now: datetime) -> Dealt:
    taken = alerts.take(event, now=now)
    is_nothing = taken.outcome in {"unchanged", "not_counted"}
    state = State.IGNORED if is_nothing else State.DONE
    return Dealt(state, taken.outcome, taken.note, {"incident": taken.incident} if taken.incident else {})


def _take_change(event: InboundEvent, *, now: datetime) -> Dealt:
    try:
        judged = mergechecks.take(event, now=now)
    except mergechecks.Busy:
        raise TryAgain("Another event of the same change is being dealt with.") from None
    except forges.NoAnswer as problem:
        raise TryAgain(str(problem)) from None
    is_nothing = judged.outcome in {"unchanged", "not_open", "not_asked"}
    facts = {"decision": judged.decision} if judged.decision else {}
    return Dealt(State.IGNORED if is_nothing else State.DONE, judged.outcome, judged.note, facts)


_HANDLERS: dict[str, Callable[..., Dealt]] = {
    EventSource.Kind.ALERTMANAGER: _take_alerts,
    EventSource.Kind.GITHUB: _take_change,
    EventSource.Kind.GITLAB: _take_change,
}
