"""A report is built by a real worker, which is killed in the middle: another one goes on where it was."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from governance import cohorts, publishing, tasks
from governance.models import GovernanceReport, ReportBuild, ReportPart
from tests import factories
from tests.servers import StartProcess, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.flow, pytest.mark.django_db(transaction=True)]

MAY = date(2026, 5, 1)


def somebody_waits_for_recurrences() -> bool:
    # Not pg_stat_activity: within a transaction it shows what it showed first.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'postmortem_recurrence'::regclass"
        )
        return bool(cursor.fetchone()[0])


def test_build_survives_a_worker_that_is_killed_in_the_middle(celery_worker: StartProcess):
    governor = factories.user(role="governor")
    factories.resolved_incident(started_at=datetime(2026, 5, 9, tzinfo=UTC), minutes=20)
    before = list(cohorts.PARTS)[: list(cohorts.PARTS).index("causes")]
    first = celery_worker("default", concurrency=1)
    publishing.ask(MAY, by=governor, now=timezone.now())
    with transaction.atomic(), connection.cursor() as cursor:
        # Whoever gathers root causes stops here, in the middle of their part.
        cursor.execute("LOCK TABLE postmortem_recurrence IN ACCESS EXCLUSIVE MODE")
        tasks.ring_for_reports()
        wait_until(somebody_waits_for_recurrences, seconds=30, what=f"the third part: {first.said()}")
        first.kill()
    gathered = dict(ReportPart.objects.values_list("name", "pk"))
    assert sorted(gathered) == sorted(before)
    assert not GovernanceReport.objects.exists()

    # Its lease would end by itself after a quarter of an hour.
    ReportBuild.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    celery_worker("default", concurrency=1)
    tasks.ring_for_reports()
    tasks.ring_for_reports()
    wait_until(lambda: publishing.progress(MAY) is None, seconds=60, what="the report")
    report = GovernanceReport.objects.get()
    assert (report.month, report.published_by) == (MAY, governor)
    assert report.figures["all"]["ttr"]["median_seconds"] == 1200
    assert (ReportBuild.objects.count(), ReportPart.objects.count()) == (1, 0)
    # What was gathered before was not gathered again: a row for each part, and none besides.
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM governance_reportpart_id_seq")
        assert cursor.fetchone()[0] - max(gathered.values()) == len(cohorts.PARTS) - len(before)
