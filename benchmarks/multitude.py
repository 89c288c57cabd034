"""The database of a large company: 100,000 incidents, 1,000,000 items, 10,000,000 check runs.

The rows of `population` again and again, under new ids, copied inside the database: 4,000 services with 250
items and 25 incidents each. A root cause for every review, and three years of answers to changes besides.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection
from django.db.backends.utils import CursorWrapper

from accounts import tokens
from accounts.models import User
from benchmarks import population
from postmortem.models import Service

COPIES, SERVICE_COPIES, RUN_COPIES = 50, 10, 2
DECISIONS = 200_000
# More than any table of `population` has rows.
_STRIDE = 10_000_000
# The numbers in names that people read have five digits there.
_NAMES = 100_000
_TABLES = (
    *("postmortem_service", "postmortem_review", "postmortem_revision", "postmortem_incident"),
    *("postmortem_incidentservice", "remediation_remediationitem", "remediation_verificationcheck"),
    *("remediation_checkrun", "remediation_itemtransition"),
)
_OWN = {"id": f"b.id + k * {_STRIDE}"}
_NAMED = _OWN | {
    "public_id": "regexp_replace(b.public_id, '[0-9]+$', '')"
    f" || (substring(b.public_id from '[0-9]+$')::bigint + k * {_NAMES})"
}
_SERVICE = {"service_id": f"b.service_id + (k % {SERVICE_COPIES}) * {_STRIDE}"}


def fill(now: datetime) -> str:
    """Fill an empty, migrated database, once; the text of a token that may ask for audits and of changes."""
    if not Service.objects.filter(slug=f"service-0-{SERVICE_COPIES - 1}").exists():
        print("filling the database", flush=True)
        population.fill(now)
        _multiply()
    owner = User.objects.order_by("pk").first()
    assert owner is not None
    _token, secret = tokens.issue(
        owner=owner, name="bench", scopes=["audit", "gate"], expires_at=now + 30 * population.DAY, now=now
    )
    return secret


def _multiply() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '1GB'")
        with _unwatched(cursor):
            _copy_all(cursor)
            _causes(cursor)
            # As its triggers would have.
            _said(
                cursor,
                "SELECT governance_settle(ARRAY(SELECT id FROM postmortem_incident))",
                "governance_unsettledincident",
            )
        _decisions(cursor)
        cursor.execute("UPDATE postmortem_service SET repositories = '{shop/order}' WHERE slug = 'service-0'")
        # Nobody waits for new numbers; the sequences must not meet them either.
        for table in _TABLES:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            )
        _said(cursor, "VACUUM ANALYZE", "vacuum")
        cursor.execute("SET synchronous_commit = on")


def _copy_all(cursor: CursorWrapper) -> None:
    _copy(cursor, "postmortem_service", SERVICE_COPIES, _OWN | {"slug": "b.slug || '-' || k"})
    _copy(cursor, "postmortem_review", COPIES, _NAMED)
    _copy(cursor, "postmortem_revision", COPIES, _OWN | _of("review_id"))
    _copy(cursor, "postmortem_incident", COPIES, _NAMED | _of("review_id"))
    _copy(cursor, "postmortem_incidentservice", COPIES, _OWN | _of("incident_id") | _SERVICE)
    _copy(cursor, "remediation_remediationitem", COPIES, _NAMED | _SERVICE)
    _copy(cursor, "remediation_verificationcheck", COPIES, _OWN | _of("item_id") | _SERVICE)
    _copy(cursor, "remediation_checkstanding", COPIES, _of("verification_check_id") | _SERVICE)
    # Runs are copied twice over, the second time to the days before.
    before = f"(k % {RUN_COPIES}) * interval '{population.RUNS_PER_CHECK} days'"
    moments = {name: f"b.{name} - {before}" for name in ("slot", "queued_at", "started_at", "finished_at")}
    runs = _OWN | _of("verification_check_id", "item_id", by="k / 2") | moments
    runs |= {"service_id": f"b.service_id + (k / 2 % {SERVICE_COPIES}) * {_STRIDE}"}
    _copy(cursor, "remediation_checkrun", COPIES * RUN_COPIES, runs)
    # The run that verified an item is the first one of its own check.
    moves = _OWN | _of("item_id") | {"run_id": f"b.run_id + {RUN_COPIES} * k * {_STRIDE}"}
    _copy(cursor, "remediation_itemtransition", COPIES, moves)


def _of(*columns: str, by: str = "k") -> dict[str, str]:
    """The same row's copies are what the copies of a row refer to."""
    return {column: f"b.{column} + ({by}) * {_STRIDE}" for column in columns}


def _copy(cursor: CursorWrapper, table: str, copies: int, changed: dict[str, str]) -> None:
    cursor.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'",
        [table],
    )
    columns = [name for (name,) in cursor.fetchall()]
    values = ", ".join(changed.get(column, f'b."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    statement = f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} b"
    _said(cursor, f"{statement} CROSS JOIN generate_series(1, {copies - 1}) k", table)


def _causes(cursor: CursorWrapper) -> None:
    _said(
        cursor,
        "INSERT INTO postmortem_rootcause (review_id, part, is_primary, state, statement, evidence,"
        " evidence_html, cause_class_id, whys, version, created_at)"
        " SELECT r.id, 'root', true, 'verified', 'A limit nobody knew of', 'Seen again in a test',"
        " '<p>Seen again in a test</p>', c.ids[1 + r.id % cardinality(c.ids)], '[]', 1, r.created_at"
        " FROM postmortem_review r, (SELECT array_agg(id ORDER BY id) ids FROM postmortem_causeclass) c",
        "postmortem_rootcause",
    )


def _decisions(cursor: CursorWrapper) -> None:
    _said(
        cursor,
        "INSERT INTO governance_gatedecision (id, kind, decided_at, token_id, verdict, findings,"
        " policy_version, repository, change_id, title, mode, waivers, named, postmortems, request)"
        " SELECT gen_random_uuid(), 'change', now() - n * interval '7 minutes', t.id,"
        " CASE WHEN n % 17 = 0 THEN 'FAIL' ELSE 'PASS' END, '[]', '2026-11-3/gate-1v1',"
        " 'shop/repository-' || n % 300, '!' || n, 'Change ' || n, 'strict', '[]', '[]', '[]', '{}'"
        f" FROM generate_series(1, {DECISIONS}) n, (SELECT min(id) AS id FROM accounts_apitoken) t",
        "governance_gatedecision",
    )


@contextmanager
def _unwatched(cursor: CursorWrapper) -> Iterator[None]:
    """Without the triggers and without foreign keys, which are checked at the end all at once."""
    tables = (*_TABLES, "remediation_checkstanding", "postmortem_rootcause")
    cursor.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid::regclass::text = ANY(%s)",
        [list(tables)],
    )
    keys = cursor.fetchall()
    for table in tables:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for table, name, _definition in keys:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    yield
    begin = time.perf_counter()
    for table, name, definition in keys:
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    for table in tables:
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    print(f"  {'foreign keys':32} {time.perf_counter() - begin:6.1f} s", flush=True)


def _said(cursor: CursorWrapper, statement: str, name: str) -> None:
    begin = time.perf_counter()
    cursor.execute(statement)
    rows = f"{cursor.rowcount:>12,} rows" if cursor.rowcount >= 0 else ""
    print(f"  {name:32} {time.perf_counter() - begin:6.1f} s {rows}", flush=True)
