"""The floor of G3: the audit's own statement, prepared, behind a WSGI function without any framework.

It takes the token as it comes, runs the statement through a psycopg cursor and writes JSON; it judges nothing
and keeps nothing.
"""

import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import psycopg

from governance.statements import text

_STATEMENT = text("asked", question=text("service_sound"), limits=text("limits_of_service")).encode()
_connection: psycopg.Connection[Any] | None = None


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    global _connection  # noqa: PLW0603 - one per process, as Django keeps it
    if _connection is None or _connection.closed:
        _connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    now = datetime.now(UTC)
    parameters = {
        "key_id": environ["HTTP_AUTHORIZATION"][11:23],
        "scope": "audit",
        "address": environ["REMOTE_ADDR"],
        "slug": environ["QUERY_STRING"].partition("=")[2],
        "now": now,
        "as_of": now,
    }
    # The columns of the token come first (governance/facts.py), then the service and whether it is sound.
    row = _connection.execute(_STATEMENT, parameters, prepare=True).fetchone()
    body = json.dumps({"status": "PASS" if row is not None and row[6] else "FAIL"}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
