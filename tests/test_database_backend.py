"""The database backend of ours reads moments as Django's does; and how often garbage is looked for."""

import subprocess
import sys
from datetime import UTC, datetime

import psycopg
import pytest
from django.core.signals import request_started
from django.db import ProgrammingError, connection, transaction

from tests import factories
from tests.services import process_env

pytestmark = pytest.mark.django_db
MOMENT = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("written", ["2026-03-29 03:30:00.123456+02", "2026-03-28T20:30:00.123456-05:00"])
def test_moments_are_aware_and_in_utc(written):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz, ARRAY[%s::timestamptz], NULL::timestamptz", [written] * 2)
        moment, [inside], nothing = cursor.fetchone()

    assert moment == inside == MOMENT
    assert moment.tzinfo is inside.tzinfo is UTC
    assert nothing is None


def test_moments_of_rows_are_what_was_stored():
    incident = factories.incident(started_at=MOMENT)

    incident.refresh_from_db()

    assert incident.started_at == MOMENT
    assert incident.started_at.tzinfo is UTC


def test_rows_that_come_in_chunks_are_read_alike():
    factories.incident(started_at=MOMENT)

    with transaction.atomic():
        [row] = type(factories.incident()).objects.filter(started_at=MOMENT).iterator(chunk_size=1)

    assert (row.started_at, row.started_at.tzinfo) == (MOMENT, UTC)


def test_what_is_prepared_outlives_a_transaction_that_is_rolled_back(transactional_db):
    def ask(number):
        with connection.prepared() as cursor:
            cursor.execute("SELECT %s::int + 1", [number])
            return cursor.fetchone()

    def kept():
        with connection.cursor() as cursor:
            cursor.execute("SELECT statement FROM pg_prepared_statements")
            return [statement for (statement,) in cursor.fetchall() if "int + 1" in statement]

    assert ask(1) == (2,)
    assert len(kept()) == 1
    with transaction.atomic():
        ask(2)
        transaction.set_rollback(True)

    assert ask(3) == (4,)
    assert len(kept()) == 1


def test_connection_that_died_since_the_last_request_is_made_anew(transactional_db):
    with connection.prepared() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    request_started.send(sender=None)

    with connection.prepared() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (pid,)


def test_what_is_prepared_is_counted_as_a_statement(django_assert_num_queries):
    with django_assert_num_queries(1) as asked, connection.prepared() as cursor:
        cursor.execute("SELECT %s", ["x"])

    assert [one["sql"] for one in asked.captured_queries] == ["SELECT $1"]


def test_refusals_of_what_is_prepared_are_those_of_django():
    with pytest.raises(ProgrammingError), transaction.atomic(), connection.prepared() as cursor:
        cursor.execute("SELECT no_such_column")


def test_web_server_looks_for_garbage_less_often():
    program = "import gc, config.wsgi; print(gc.get_threshold()[0], gc.get_freeze_count() > 50_000)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=process_env()
    )

    assert done.stdout.split() == ["50000", "True"]
