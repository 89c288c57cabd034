"""Judge a service on a date, and keep the decision."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from threading import Lock
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts import tokens
from accounts.models import ApiToken
from governance import answers, decisions, facts, policy
from governance.models import GateDecision
from governance.policy import Finding, GateRules, Verdict
from postmortem.errors import DomainError, Invalid

# Decisions that this process has kept already, so that asking again costs no second statement.
_MOST_REMEMBERED = 20_000
# Namespace of the ids: the same decision has the same id in every process.
_NAMESPACE = uuid.UUID("5a0a2c53-5c1c-4f2c-8a53-0f6f7c1c9a11")


class ServiceUnknown(DomainError):
    """There is no service of this name; faces answer 404."""

    code = "service_unknown"


class DateInFuture(Invalid):
    """The day has not begun yet, so nothing can be said about its end."""

    code = "date_in_future"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict about one service as of a moment.

    Attributes:
        as_of: the end of `date`, or now when that day is today.
        rules: the gate's policy for all repositories as of then: what it does not count does not count here.
    """

    service: str
    date: date
    as_of: datetime
    verdict: Verdict
    findings: Sequence[Finding]
    rules: GateRules

    @property
    def policy_version(self) -> str:
        return self.rules.version_text

    @property
    def waivers(self) -> list[str]:
        """The waivers by which findings are excused."""
        return policy.waivers_of(self.findings)


def judge(
    slug: str,
    *,
    date: date | None,
    presented: tokens.Presented,
    now: datetime,
    most_skew: timedelta | None = None,
) -> tuple[Judgement, uuid.UUID]:
    """Judge a service for a program, and keep the decision.

    Args:
        slug: the name that CI uses.
        date: the day at whose end to judge, in the installation's time zone; None means today.
        presented: the token, which needs the scope `audit`.
        most_skew: how far `now` may be from the database's clock; None: however far.

    Returns:
        The judgement and the id of the kept decision. The id stands for its content: the same verdict with
        the same findings about the same day, asked for with the same token, is one decision however often it
        is asked for.

    Raises:
        facts.TokenNotValid, facts.ScopeMissing, facts.ClockSkewed, ServiceUnknown, DateInFuture: nothing was
            kept.

    Source: specification, R12 and section 5; docs/adr/0006.
    """
    day, as_of = _end_of(date, now)
    asker, service = facts.ask_of_service(
        slug, as_of=as_of, presented=presented, scope=ApiToken.Scope.AUDIT.value, now=now
    )
    facts.refuse_skew(asker, most_skew)
    if asker.is_use_unnoted:
        tokens.note_use(asker.token_id, now=now)
    if service is None:
        raise ServiceUnknown("There is no service of this name.", field="service")
    judgement = _judged(slug, day, as_of, service)
    return judgement, _keep(judgement, service_id=service.id, token_id=asker.token_id, now=now)


def look(slug: str, *, date: date | None = None, now: datetime) -> Judgement:
    """The same judgement for a person who looks at it: no token, and no decision is kept.

    Raises:
        ServiceUnknown, DateInFuture.
    """
    day, as_of = _end_of(date, now)
    service = facts.of_service(slug, as_of=as_of, now=now)
    if service is None:
        raise ServiceUnknown("There is no service of this name.", field="service")
    return _judged(slug, day, as_of, service)


def look_at_all(now: datetime, *, slugs: Sequence[str] | None = None) -> dict[str, Verdict]:
    """The verdict about every service now, by slug, for a person who looks; no decision is kept.

    Args:
        slugs: of these alone.
    """
    found = facts.of_every_service(now=now, slugs=slugs)
    return {
        slug: policy.evaluate(service.facts, as_of=now, rules=service.rules)[0]
        for slug, service in found.items()
    }


def today(now: datetime) -> date:
    """The day it is in the installation's time zone."""
    return now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


def _end_of(day: date | None, now: datetime) -> tuple[date, datetime]:
    current = today(now)
    if day is None or day == current:
        return current, now
    if day > current:
        raise DateInFuture("The date lies in the future.", field="date")
    midnight = datetime.combine(day + timedelta(days=1), time.min, ZoneInfo(settings.TIME_ZONE))
    # The last moment of the day: facts of the next midnight belong to the next day.
    return day, midnight.astimezone(UTC) - timedelta(microseconds=1)


def _judged(slug: str, day: date, as_of: datetime, service: facts.Service) -> Judgement:
    verdict, findings = policy.evaluate(service.facts, as_of=as_of, rules=service.rules)
    return Judgement(slug, day, as_of, verdict, findings, service.rules)


_kept: dict[tuple[object, ...], uuid.UUID] = {}
_lock = Lock()


def _keep(judgement: Judgement, *, service_id: int, token_id: int, now: datetime) -> uuid.UUID:
    key = (
        token_id,
        service_id,
        judgement.date,
        judgement.verdict,
        tuple(judgement.findings),
        judgement.policy_version,
    )
    decision_id = _kept.get(key)
    if decision_id is None:
        decision_id = _insert(judgement, service_id=service_id, token_id=token_id, now=now)
        with _lock:
            if len(_kept) >= _MOST_REMEMBERED:
                _kept.clear()
            _kept[key] = decision_id
    return decision_id


def _insert(judgement: Judgement, *, service_id: int, token_id: int, now: datetime) -> uuid.UUID:
    findings = answers.of_service(judgement.findings)
    content = {
        "token": token_id,
        "service": service_id,
        "date": judgement.date.isoformat(),
        "status": judgement.verdict,
        "findings": findings,
        "policy_version": judgement.policy_version,
    }
    decision_id = uuid.uuid5(_NAMESPACE, json.dumps(content, sort_keys=True, ensure_ascii=False))
    decision = GateDecision(
        id=decision_id,
        kind=GateDecision.Kind.AUDIT,
        decided_at=now,
        token_id=token_id,
        verdict=judgement.verdict.value,
        findings=findings,
        policy_version=judgement.policy_version,
        gate_id=judgement.rules.id,
        waivers=judgement.waivers,
        service_id=service_id,
        date=judgement.date,
    )
    # Another process may have kept the same decision already.
    decisions.keep(decision)
    return decision_id
