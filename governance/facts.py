"""Gathers what a judgement may know, with who asks, in one statement.

CI waits for the answer, and the time goes into round trips and planning: so the token, the service and all
facts come from one prepared statement, run through the connection's own psycopg cursor (docs/adr/0006). The
statement returns what may break a rule; whether it does is decided by `policy`.

Today is judged by the columns that hold the present. A past day is judged by what is on record of it: moves
of items, finished runs, and the trail, which takes later edits back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.db import DatabaseError, connection

from accounts import tokens
from governance.policy import CheckFacts, IncidentFacts, ItemFacts, PostmortemFacts, ServiceFacts
from postmortem.errors import DomainError, NotAllowed

# A token's last use is written at most this often, so that asking costs one statement.
USE_NOTED_EVERY = timedelta(minutes=1)


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
    statement = _ASKED_PRESENT if as_of == now else _ASKED_PAST
    row = _run(statement, _asking(presented, scope, now) | {"slug": slug, "as_of": as_of}) or ()
    asker = _asker(row, presented)
    return asker, _service(row[_OF_TOKEN:])


def of_service(slug: str, *, as_of: datetime, now: datetime) -> Service | None:
    """The facts about a service as of a moment, for somebody who needs no token."""
    row = _run(_PRESENT if as_of == now else _PAST, {"slug": slug, "as_of": as_of})
    return _service(row) if row else None


def of_every_service(*, now: datetime) -> dict[str, Service]:
    """The facts about all services in the present, by slug, in one statement: for a list that people look at."""
    with connection.cursor() as cursor:
        cursor.execute(_EVERY_PRESENT, {"as_of": now})
        rows = {slug: _service(tuple(row)) for slug, *row in cursor.fetchall()}
    return {slug: service for slug, service in rows.items() if service is not None}


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
    parameters = {"named": named, "services": services, "repository": repository}
    row = _run(_ASKED_CHANGE, _asking(presented, scope, now) | parameters) or ()
    asker = _asker(row, presented)
    known, of_repository, postmortems = (rows or [] for rows in row[_OF_TOKEN:])
    return asker, Change(
        postmortems=tuple(
            PostmortemFacts(public_id, _moment(archived_at), frozenset(touched), is_restricted)
            for public_id, archived_at, touched, is_restricted in postmortems
        ),
        services=frozenset(services or of_repository),
        unknown_services=tuple(slug for slug in services if slug not in known),
    )


def _asking(presented: tokens.Presented, scope: str, now: datetime) -> dict[str, Any]:
    return {"key_id": presented.key_id, "scope": scope, "now": now, "noted_since": now - USE_NOTED_EVERY}


def _asker(row: tuple[Any, ...], presented: tokens.Presented) -> Asker:
    # One refusal for unknown, revoked and expired: a guesser learns nothing from it.
    if not row or not tokens.matches(row[1], presented) or not row[2]:
        raise TokenNotValid("The token is unknown, revoked or expired.")
    if not row[3]:
        raise ScopeMissing("The token lacks the scope that this question needs.")
    return Asker(token_id=row[0], is_use_unnoted=row[4])


def _service(row: tuple[Any, ...]) -> Service | None:
    service_id, incidents, items, checks = row
    if service_id is None:
        return None
    return Service(
        service_id,
        ServiceFacts(
            incidents=[
                IncidentFacts(name, datetime.fromisoformat(due_at), review)
                for name, due_at, review in incidents or ()
            ],
            items=[
                ItemFacts(name, state, datetime.fromisoformat(due_at), *map(_moment, moments))
                for name, state, due_at, *moments in items or ()
            ],
            checks=[
                CheckFacts(name, state, datetime.fromisoformat(answered_at), timedelta(seconds=seconds))
                for name, state, answered_at, seconds in checks or ()
            ],
        ),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _run(statement: bytes, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """One statement, prepared on its first use on a connection; its row, or None.

    Django's cursor would bind on the client, so that PostgreSQL planned anew for every call: most of the
    time of the call. Its health check at the begin of a request would be a second statement: instead, a
    connection that turns out to be dead is opened again, once.
    """
    try:
        return _run_once(statement, parameters)
    except DatabaseError:
        raw = connection.connection
        if connection.in_atomic_block or (raw is not None and not raw.closed):
            raise
        connection.close()
        return _run_once(statement, parameters)


def _run_once(statement: bytes, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
    connection.ensure_connection()
    raw = connection.connection
    if raw.prepare_threshold is None:
        # Django's None forbids even what is asked for by name; with this only what is asked for is prepared.
        raw.prepare_threshold = _NEVER_UNASKED
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        return cursor.execute(statement, parameters, prepare=True).fetchone()


_NEVER_UNASKED = 1_000_000_000

_SQL = Path(__file__).parent / "sql"


def _statement(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")


def _asked(name: str) -> bytes:
    return _statement("asked").format(question=_statement(name)).encode()


_PRESENT, _PAST = _statement("service_present").encode(), _statement("service_past").encode()
_ASKED_PRESENT, _ASKED_PAST = _asked("service_present"), _asked("service_past")
_ASKED_CHANGE = _asked("change")
_EVERY_PRESENT = (
    "SELECT every.slug, q.* FROM postmortem_service every CROSS JOIN LATERAL ("
    f"{_statement('service_present').replace('%(slug)s', 'every.slug')}) q"
)
# Columns of the token in every asked statement; those of the question follow.
_OF_TOKEN = 5
