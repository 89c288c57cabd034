"""What every test shares: a database that may be emptied, and that never lacks its rows of policy."""

import os
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps import AppConfig, apps
from django.db import connection
from django.db.models.signals import post_migrate
from hypothesis import HealthCheck, settings
from pytest_django.plugin import DjangoDbBlocker

from governance.models import EscalationStep, GatePolicy
from postmortem.models import CauseClass, Severity
from remediation.models import SlaPolicy
from tests.browser import chromium, open_page
from tests.servers import beat, celery_worker, prometheus

# A busy machine is no fault of the code. Where nothing may be skipped the examples are the same each time, so
# that a failure there can be seen here; elsewhere every run tries others.
_MUST_ALL_RUN = os.environ.get("CLOSELOOP_REQUIRE_ALL") == "1"
settings.register_profile(
    "closeloop", deadline=None, derandomize=_MUST_ALL_RUN, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("closeloop")

# One definition for all folders: a second one would start a second browser in the same thread.
__all__ = ["beat", "celery_worker", "chromium", "open_page", "prometheus"]

_ROWS_OF_POLICY = {
    "postmortem": [
        (Severity, "postmortem.migrations.0002_default_severities"),
        (CauseClass, "postmortem.migrations.0015_usual_cause_classes"),
    ],
    "remediation": [(SlaPolicy, "remediation.migrations.0002_default_sla")],
    "governance": [
        (GatePolicy, "governance.migrations.0010_everything_is_asked_for"),
        (EscalationStep, "governance.migrations.0015_default_escalation"),
    ],
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with a browser come last: its event loop stays in the thread, and no other can run there then.

    Of these the long ones come first, so that no process waits at the end for another.
    """
    with_browser = {item.path for item in items if "chromium" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: (item.path in with_browser, "accessible" not in item.path.name))


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """After a transactional test Django empties every table and says `post_migrate`.

    The emptying is a TRUNCATE, which append-only tables refuse: their triggers rest in the test database
    (tests/postmortem/test_trail.py wakes one and shows what it does). What migrations had inserted is
    inserted again.
    """
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table, trigger in no_truncate_triggers():
            cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER "{trigger}"')
    post_migrate.connect(_insert_rows_of_policy)
    yield
    post_migrate.disconnect(_insert_rows_of_policy)


def no_truncate_triggers() -> list[tuple[str, str]]:
    """(table, trigger) for each trigger that refuses TRUNCATE."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger"
            " WHERE tgname LIKE 'pgtrigger_no_truncate_%%' ORDER BY 1, 2"
        )
        return [(table, trigger) for table, trigger in cursor.fetchall()]


def _insert_rows_of_policy(sender: AppConfig, **kwargs: Any) -> None:
    for model, migration in _ROWS_OF_POLICY.get(sender.label, []):
        if not model.objects.exists():
            import_module(migration).add(apps, None)
