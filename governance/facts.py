"""Gathers what a judgement may know, with who asks, in one statement or two.

CI waits for the answer, and the time goes into round trips and planning: so one prepared statement, on the
connection that Django keeps, reads the token and says whether anything may be wrong with the service
(docs/adr/0006). Only then is it asked what; whether that breaks a rule is decided by `policy`.

Today is judged by the columns that hold the present. A past day is judged by what is on record of it: moves
of items, finished runs, and the trail, which takes later edits back.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from weakref import WeakSet

import psycopg
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from accounts import tokens
from governance.policy import CheckFacts, IncidentFacts, ItemFacts, PostmortemFacts, ServiceFacts
from postmortem.errors import DomainError, NotAllowed


class TokenNotValid(DomainError):
    """The token is unknown, revoked or expired, or its owner is no longer active; faces answer 401."""

    code = "token_not_valid"


class ScopeMissing(NotAllowed):
    """The token is good, but not for this."""

    code = "scope_missing"


@dataclass(frozen=True, slots=True)
class Asker:
    """The token that asks; it is usable and has the scope."""

    token_id: int
    is_use_unnoted: bool


@dataclass(frozen=True, slots=True)
class Service:
    """A service and what may break a rule about it; `id` is its primary key."""

    id: int
    facts: ServiceFacts


@dataclass(frozen=True, slots=True)
class Change:
    """What is known of the postmortems and services that a change names.

    Attributes:
        unknown_services: slugs that it names and that do not exist.
        services: slugs of the services it touches: those it names, or else those of its repository.
    """

    postmortems: tuple[PostmortemFacts, ...]
    services: frozenset[str]
    unknown_services: tuple[str, ...]


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
    asking = {"key_id": presented.key_id, "scope": scope, "now": now.isoformat()}
    if as_of == now and slug not in _lately_unsound:
        result = _ASKED_SOUND.run(**asking, **question)
        asker = _asker(result, presented)
        service_id = result.get_value(0, _OF_TOKEN)
        if service_id is None or result.get_value(0, _OF_TOKEN + 1) == _TRUE:
            return asker, Service(int(service_id), _NOTHING) if service_id is not None else None
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


def of_every_service(*, now: datetime) -> dict[str, Service]:
    """The facts about all services in the present, by slug, in one statement: for a page that lists them."""
    result = _EVERY_PRESENT.run(as_of=now.isoformat())
    found = {_word(result, row, 0): _service(result, row, first=1) for row in range(result.ntuples)}
    return {slug: service for slug, service in found.items() if service is not None}


def ask_of_change(
    named: list[str],
    *,
    services: list[str],
    repository: str,
    presented: tokens.Presented,
    scope: str,
    now: datetime,
) -> tuple[Asker, Change]:
    """Who asks, and what is known of the postmortems and services that a change names.

    Raises:
        TokenNotValid, ScopeMissing.
    """
    result = _ASKED_CHANGE.run(
        key_id=presented.key_id,
        scope=scope,
        now=now.isoformat(),
        named=json.dumps(named),
        services=json.dumps(services),
        repository=repository,
    )
    asker = _asker(result, presented)
    known, of_repository, postmortems = (_rows(result, 0, _OF_TOKEN + column) for column in range(3))
    return asker, Change(
        postmortems=tuple(
            PostmortemFacts(public_id, _moment(archived_at), frozenset(touched), is_restricted)
            for public_id, archived_at, touched, is_restricted in postmortems
        ),
        services=frozenset(services or of_repository),
        unknown_services=tuple(slug for slug in services if slug not in known),
    )


def _asker(result: PGresult, presented: tokens.Presented) -> Asker:
    # One refusal for unknown, revoked and expired: a guesser learns nothing from it.
    if not (
        result.ntuples
        and tokens.matches(bytes.fromhex(_word(result, 0, 1)), presented)
        and result.get_value(0, 2) == _TRUE
    ):
        raise TokenNotValid("The token is unknown, revoked or expired.")
    if result.get_value(0, 3) != _TRUE:
        raise ScopeMissing("The token lacks the scope that this question needs.")
    return Asker(token_id=int(_word(result, 0, 0)), is_use_unnoted=result.get_value(0, 4) == _TRUE)


def _service(result: PGresult, row: int, *, first: int) -> Service | None:
    """The service of a row whose columns begin at `first`: id, incidents, items, checks."""
    service_id = result.get_value(row, first)
    if service_id is None:
        return None
    # The statement's rows come in the plan's order; a decision is named by its findings, so theirs is fixed.
    incidents, items, checks = (sorted(_rows(result, row, first + column)) for column in (1, 2, 3))
    return Service(
        int(service_id),
        ServiceFacts(
            incidents=tuple(
                IncidentFacts(
                    public_id, datetime.fromisoformat(due_at), review, reopened_at=_moment(reopened_at)
                )
                for public_id, due_at, review, reopened_at in incidents
            ),
            items=tuple(
                ItemFacts(public_id, state, datetime.fromisoformat(due_at), *map(_moment, moments))
                for public_id, state, due_at, *moments in items
            ),
            checks=tuple(
                CheckFacts(item, state, datetime.fromisoformat(answered_at), timedelta(seconds=seconds))
                for item, state, answered_at, seconds in checks
            ),
        ),
    )


def _word(result: PGresult, row: int, column: int) -> str:
    return (result.get_value(row, column) or b"").decode()


def _rows(result: PGresult, row: int, column: int) -> Sequence[Any]:
    """A column of JSON rows; NULL stands for none."""
    value = result.get_value(row, column)
    return json.loads(value) if value is not None else ()


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


class _Statement:
    """One statement, prepared by its name on each connection that runs it.

    It goes through psycopg's own wrapper of libpq, for a cursor takes as long as PostgreSQL itself here.
    Parameters are written %(name)s and go as text; their types stand in `_TYPES`.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name.encode()
        self.parameters = tuple(dict.fromkeys(re.findall(r"%\((\w+)\)s", text)))
        places = {parameter: f"${place}" for place, parameter in enumerate(self.parameters, start=1)}
        self.text = re.sub(r"%\((\w+)\)s", lambda match: places[match[1]], text).encode()
        self.types = [psycopg.adapters.types[_TYPES[parameter]].oid for parameter in self.parameters]
        self._prepared_on: WeakSet[psycopg.Connection[Any]] = WeakSet()

    def run(self, **parameters: str) -> PGresult:
        """Its result.

        Django's health check would be a second statement. Instead, when the connection turns out to be dead,
        or to have forgotten what was prepared, a new one is tried, once. Its age is looked at here, for not
        every server sends Django's signals (config/fastpath.py).

        Raises:
            django.db.Error: the database does not answer, or refuses.
        """
        database = connections["default"]
        if database.close_at is not None and time.monotonic() >= database.close_at:
            database.close_if_unusable_or_obsolete()
        values = [parameters[parameter].encode() for parameter in self.parameters]
        try:
            return self._run_once(database, values)
        except DatabaseError:
            if database.in_atomic_block:
                raise
            database.close()
            return self._run_once(database, values)

    def _run_once(self, database: BaseDatabaseWrapper, values: list[bytes]) -> PGresult:
        database.ensure_connection()
        link = database.connection
        with database.wrap_database_errors:
            if link not in self._prepared_on:
                self._sound(link.pgconn.prepare(self.name, self.text, self.types))
                self._prepared_on.add(link)
            return self._sound(link.pgconn.exec_prepared(self.name, values))

    @staticmethod
    def _sound(result: PGresult) -> PGresult:
        if result.status not in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
            raise psycopg.errors.error_from_result(result)
        return result


_TYPES = {
    "as_of": "timestamptz",
    "key_id": "text",
    "named": "json",
    "now": "timestamptz",
    "repository": "text",
    "scope": "text",
    "services": "json",
    "slug": "text",
}
_SQL = Path(__file__).parent / "sql"


def _text(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")


def _asked(name: str) -> _Statement:
    return _Statement(f"asked_{name}", _text("asked").format(question=_text(name)))


_TRUE = b"t"
_NOTHING = ServiceFacts()
_PRESENT, _PAST = (_Statement(name, _text(name)) for name in ("service_present", "service_past"))
_ASKED_SOUND, _ASKED_PRESENT, _ASKED_PAST, _ASKED_CHANGE = map(
    _asked, ("service_sound", "service_present", "service_past", "change")
)
_EVERY_PRESENT = _Statement(
    "every_service",
    _text("every_service").format(question=_text("service_present").replace("%(slug)s", "every.slug")),
)
# Columns of the token in every asked statement; those of the question follow.
_OF_TOKEN = 5
