"""Gathers what a judgement may know, with who asks, in one statement or two.

CI waits for the answer, and the time goes into round trips and planning: so one prepared statement, on the
connection that Django keeps, reads the token and says whether anything may be wrong with the service
(docs/adr/0006). Only then is it asked what; whether that breaks a rule is decided by `policy`.

Today is judged by the columns that hold the present. A past day is judged by what is on record of it: moves
of items, finished runs, and the trail, which takes later edits back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from psycopg.pq.abc import PGresult

from accounts import tokens
from governance.policy import (
    BUILT_IN,
    CheckFacts,
    Freeze,
    GateRules,
    IncidentFacts,
    ItemFacts,
    Mode,
    OverdueFacts,
    PostmortemFacts,
    ServiceFacts,
    WaiverFacts,
)
from governance.statements import Statement, text
from postmortem.errors import DomainError, NotAllowed


class TokenNotValid(DomainError):
    """The token is unknown, revoked or expired, or its owner is no longer active; faces answer 401."""

    code = "token_not_valid"


class ScopeMissing(NotAllowed):
    """The token is good, but not for this."""

    code = "scope_missing"


class TokenLimited(ScopeMissing):
    """The token is good for such a question, but not from here or not about this."""

    code = "token_limited"


class ClockSkewed(DomainError):
    """The clock by which is judged and the database's differ: nobody knows what is overdue. Faces say 503."""

    code = "clock_skewed"


# Between a clock and the database's, the way there included.
MOST_SKEW = timedelta(minutes=5)

_LIMITS = {
    "network": "The token may not be used from this address.",
    "repository": "The token may not ask about this repository.",
    "service": "The token may not ask about this service.",
}


@dataclass(frozen=True, slots=True)
class Asker:
    """The token that asks; it is usable and has the scope.

    `clock_behind`: how far the moment of asking is behind the database's clock; negative when it is ahead.
    """

    token_id: int
    is_use_unnoted: bool
    clock_behind: timedelta


@dataclass(frozen=True, slots=True)
class Service:
    """A service and what may break a rule about it; `id` is its primary key.

    `rules`: the policy for all repositories at that moment, which says what counts.
    """

    id: int
    facts: ServiceFacts
    rules: GateRules


@dataclass(frozen=True, slots=True)
class Change:
    """What is known of the postmortems and services that a change names.

    Attributes:
        unknown_services: slugs that it names and that do not exist.
        services: slugs of the services it touches: those it names, or else those of its repository.
        policies: all rows, in their order.
        waivers: granted for its repository or its services, those that are over included.
        of_services: by slug; empty where no row asks for the standing of services.
        overdue: items of severity P0; empty where no row freezes.
    """

    postmortems: tuple[PostmortemFacts, ...]
    services: frozenset[str]
    unknown_services: tuple[str, ...]
    policies: tuple[GateRules, ...]
    waivers: tuple[WaiverFacts, ...]
    of_services: Mapping[str, ServiceFacts]
    overdue: tuple[OverdueFacts, ...]


def ask_of_service(
    slug: str, *, as_of: datetime, presented: tokens.Presented, scope: str, now: datetime
) -> tuple[Asker, Service | None]:
    """Who asks, and the facts about a service as of a moment; None when there is no such service.

    Args:
        as_of: `now` itself for the present, or an earlier moment.

    Raises:
        TokenNotValid, ScopeMissing.
    """
    question = {"slug": slug, "as_of": as_of.isoformat()}
    asking = {"scope": scope, "now": now.isoformat()}
    asking |= {"key_id": presented.key_id, "address": presented.address}
    if as_of == now and slug not in _lately_unsound:
        result = _ASKED_SOUND.run(**asking, **question)
        asker = _asker(result, presented)
        service_id = result.get_value(0, _OF_TOKEN)
        if service_id is None:
            return asker, None
        if result.get_value(0, _OF_TOKEN + 1) == _TRUE:
            return asker, Service(int(service_id), _NOTHING, _rules(result.get_value(0, _OF_TOKEN + 2)))
        _remember_unsound(slug)
        return asker, of_service(slug, as_of=as_of, now=now)
    result = (_ASKED_PRESENT if as_of == now else _ASKED_PAST).run(**asking, **question)
    asker, service = _asker(result, presented), _service(result, 0, first=_OF_TOKEN)
    if service is not None and service.facts == _NOTHING:
        _lately_unsound.discard(slug)
    return asker, service


# Services about which something was to be said when this process was asked last: about these the long
# question is asked at once, so that bad news too takes one statement.
_lately_unsound: set[str] = set()
_MOST_REMEMBERED = 10_000


def _remember_unsound(slug: str) -> None:
    if len(_lately_unsound) >= _MOST_REMEMBERED:
        _lately_unsound.clear()
    _lately_unsound.add(slug)


def of_service(slug: str, *, as_of: datetime, now: datetime) -> Service | None:
    """The facts about a service as of a moment, for somebody who needs no token."""
    result = (_PRESENT if as_of == now else _PAST).run(slug=slug, as_of=as_of.isoformat())
    return _service(result, 0, first=0) if result.ntuples else None


def of_every_service(*, now: datetime, slugs: Sequence[str] | None = None) -> dict[str, Service]:
    """The facts about services in the present, by slug, in one statement: for a page that lists them.

    Args:
        slugs: of these alone; None: of all.
    """
    asked = None if slugs is None else json.dumps(list(slugs))
    result = _EVERY_PRESENT.run(as_of=now.isoformat(), services=asked)
    found = {_word(result, row, 0): _service(result, row, first=1) for row in range(result.ntuples)}
    return {slug: service for slug, service in found.items() if service is not None}


def overdue(*, now: datetime) -> tuple[OverdueFacts, ...]:
    """The overdue items of severity P0, of all services, oldest deadline first."""
    return _overdue(_rows(_OVERDUE.run(now=now.isoformat()), 0, 0))


def ask_of_change(
    named: list[str],
    *,
    services: list[str],
    repository: str,
    change: str,
    presented: tokens.Presented,
    scope: str,
    now: datetime,
) -> tuple[Asker, Change]:
    """Who asks, and what is known of the postmortems and services that a change names.

    Args:
        change: by which the change is told from others of its repository: asking again is no further use.

    Raises:
        TokenNotValid, ScopeMissing.
    """
    result = _ASKED_CHANGE.run(
        key_id=presented.key_id,
        address=presented.address,
        scope=scope,
        now=now.isoformat(),
        as_of=now.isoformat(),
        named=json.dumps(named),
        services=json.dumps(services),
        repository=repository,
        change=change,
    )
    asker = _asker(result, presented)
    touched, postmortems, policies, waivers, of_services, frozen = (
        _rows(result, 0, _OF_TOKEN + column) for column in range(6)
    )
    return asker, Change(
        postmortems=tuple(
            PostmortemFacts(public_id, _moment(archived_at), frozenset(slugs), is_restricted, uses)
            for public_id, archived_at, slugs, is_restricted, uses in postmortems
        ),
        services=frozenset(touched),
        unknown_services=tuple(slug for slug in services if slug not in touched),
        policies=tuple(map(_rules_of, policies)),
        waivers=tuple(map(_waiver, waivers)),
        of_services={slug: _service_facts(*columns[:4]) for slug, _id, *columns in of_services},
        overdue=_overdue(frozen),
    )


def refuse_skew(asker: Asker, most: timedelta | None) -> None:
    """Refuse to judge by a clock that is too far from the database's; None: whatever the difference.

    Raises:
        ClockSkewed.
    """
    if most is not None and abs(asker.clock_behind) > most:
        raise ClockSkewed("The clock of this server and the database's differ, so nothing was judged.")


def _asker(result: PGresult, presented: tokens.Presented) -> Asker:
    # One refusal for unknown, revoked and expired: a guesser learns nothing from it.
    if not (
        result.ntuples
        and tokens.matches(bytes.fromhex(_word(result, 0, 1)), presented)
        and result.get_value(0, 2) == _TRUE
    ):
        raise TokenNotValid("The token is unknown, revoked or expired.")
    if limit := _word(result, 0, 3):
        if limit == "scope":
            raise ScopeMissing("The token lacks the scope that this question needs.")
        raise TokenLimited(_LIMITS[limit])
    return Asker(
        token_id=int(_word(result, 0, 0)),
        is_use_unnoted=result.get_value(0, 4) == _TRUE,
        clock_behind=timedelta(seconds=float(_word(result, 0, 5))),
    )


def _service(result: PGresult, row: int, *, first: int) -> Service | None:
    """The service of a row whose columns begin at `first`: id, incidents, items, checks, waivers, policy."""
    service_id = result.get_value(row, first)
    if service_id is None:
        return None
    columns = (_rows(result, row, first + column) for column in (1, 2, 3, 4))
    return Service(int(service_id), _service_facts(*columns), _rules(result.get_value(row, first + 5)))


def _service_facts(
    incidents: Sequence[Any] | None,
    items: Sequence[Any] | None,
    checks: Sequence[Any] | None,
    waivers: Sequence[Any] | None,
) -> ServiceFacts:
    if not (incidents or items or checks):
        # Where nothing is wrong there is nothing to waive: the short question does not ask for waivers.
        return _NOTHING
    # The statement's rows come in the plan's order; a decision is named by its findings, so theirs is fixed.
    return ServiceFacts(
        incidents=tuple(
            IncidentFacts(public_id, datetime.fromisoformat(due_at), review, reopened_at=_moment(reopened_at))
            for public_id, due_at, review, reopened_at in sorted(incidents or ())
        ),
        items=tuple(
            ItemFacts(public_id, state, datetime.fromisoformat(due_at), *map(_moment, moments))
            for public_id, state, due_at, *moments in sorted(items or ())
        ),
        checks=tuple(
            CheckFacts(item, state, datetime.fromisoformat(answered_at), timedelta(seconds=seconds))
            for item, state, answered_at, seconds in sorted(checks or ())
        ),
        waivers=tuple(map(_waiver, waivers or ())),
    )


def _overdue(rows: Sequence[Any]) -> tuple[OverdueFacts, ...]:
    return tuple(
        OverdueFacts(public_id, slug, datetime.fromisoformat(due_at)) for public_id, slug, due_at in rows
    )


def _waiver(row: Sequence[Any]) -> WaiverFacts:
    name, codes, granted_at, expires_at, ended_at, service, repository, change_id, object_ = row
    return WaiverFacts(
        id=name,
        findings=frozenset(codes),
        granted_at=datetime.fromisoformat(granted_at),
        expires_at=datetime.fromisoformat(expires_at),
        ended_at=_moment(ended_at),
        service=service or "",
        repository=repository,
        change_id=change_id,
        object=object_,
    )


@lru_cache(maxsize=100)
def _rules(row: bytes | None) -> GateRules:
    """The policy row of a column; there are few, and every answer has one."""
    return BUILT_IN if row is None else _rules_of(json.loads(row))


def _rules_of(row: Sequence[Any]) -> GateRules:
    (
        pk, key, version, name, repositories, mode, branches, covered_paths, excused_paths, covered_labels,
        excused_labels, not_counting, asks_audit, freeze, most_uses, fails_open, waivers_alone,
    ) = row  # fmt: skip
    return GateRules(
        id=pk,
        key=key,
        version=version,
        name=name,
        repositories=tuple(repositories),
        mode=Mode(mode),
        branches=tuple(branches),
        covered_paths=tuple(covered_paths),
        excused_paths=tuple(excused_paths),
        covered_labels=tuple(covered_labels),
        excused_labels=tuple(excused_labels),
        not_counting=frozenset(not_counting),
        asks_audit=asks_audit,
        freeze=Freeze(freeze),
        most_uses=most_uses,
        fails_open=fails_open,
        waivers_alone=waivers_alone,
    )


def _word(result: PGresult, row: int, column: int) -> str:
    return (result.get_value(row, column) or b"").decode()


def _rows(result: PGresult, row: int, column: int) -> Sequence[Any]:
    """A column of JSON rows; NULL stands for none."""
    value = result.get_value(row, column)
    return json.loads(value) if value is not None else ()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


_TRUE = b"t"
_NOTHING = ServiceFacts()
_PRESENT, _PAST = (Statement(name, text(name)) for name in ("service_present", "service_past"))
_ASKED_SOUND, _ASKED_PRESENT, _ASKED_PAST = (
    Statement(f"asked_{name}", text("asked", question=text(name), limits=text("limits_of_service")))
    for name in ("service_sound", "service_present", "service_past")
)


def _of_slug(place: str) -> str:
    """The question about a service's present, with its slug taken from a column."""
    return text("service_present").replace("%(slug)s", place)


_ASKED_CHANGE = Statement(
    "asked_change",
    text("asked", question=text("change", service=_of_slug("t.slug")), limits=text("limits_of_change")),
)
_OVERDUE = Statement("overdue_p0", "SELECT " + text("overdue_p0"))
_EVERY_PRESENT = Statement("every_service", text("every_service", question=_of_slug("every.slug")))
# Columns of the token in every asked statement; those of the question follow.
_OF_TOKEN = 6
