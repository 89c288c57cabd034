"""Statements of our own in `governance/sql/`, prepared by name and run past Django's cursor.

CI waits for the answer, and the time goes into round trips, planning and a cursor's own work (docs/adr/0006).
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any
from weakref import WeakSet

import psycopg
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

_TYPES = {
    "address": "text",
    "as_of": "timestamptz",
    "change": "text",
    "change_id": "text",
    "date": "date",
    "decided_at": "timestamptz",
    "excuse": "jsonb",
    "findings": "jsonb",
    "gate_id": "int8",
    "id": "uuid",
    "key_id": "text",
    "kind": "text",
    "mode": "text",
    "named": "json",
    "now": "timestamptz",
    "policy_version": "text",
    "postmortems": "jsonb",
    "repository": "text",
    "request": "jsonb",
    "scope": "text",
    "service_id": "int8",
    "services": "json",
    "slug": "text",
    "title": "text",
    "token_id": "int8",
    "verdict": "text",
    "waivers": "jsonb",
}
_SQL = Path(__file__).parent / "sql"
_PART = re.compile(r"\{(\w+)\}")


def text(name: str, **parts: str) -> str:
    """The text of a statement's file; each {part} in it is one of `parts`, or else the file of that name."""
    written = (_SQL / f"{name}.sql").read_text(encoding="utf-8").rstrip()
    return _PART.sub(lambda match: parts.get(match[1]) or text(match[1]), written)


class Statement:
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

    def run(self, **parameters: str | None) -> PGresult:
        """Its result; a parameter without a value is NULL.

        Django's health check would be a second statement. Instead, when the connection turns out to be dead,
        or to have forgotten what was prepared, a new one is tried, once. Its age is looked at here, for not
        every server sends Django's signals (config/fastpath.py).

        Raises:
            django.db.Error: the database does not answer, or refuses.
        """
        database = connections["default"]
        is_old = database.close_at is not None and time.monotonic() >= database.close_at
        # Inside a transaction it stays: closing it would throw away what was done there.
        if is_old and not database.in_atomic_block:
            database.close_if_unusable_or_obsolete()
        given = (parameters[parameter] for parameter in self.parameters)
        values = [None if value is None else value.encode() for value in given]
        try:
            return self._run_once(database, values)
        except DatabaseError:
            if database.in_atomic_block:
                raise
            database.close()
            return self._run_once(database, values)

    def _run_once(self, database: BaseDatabaseWrapper, values: list[bytes | None]) -> PGresult:
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
