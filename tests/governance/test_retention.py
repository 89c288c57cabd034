"""Rolling up old runs changes no judgement of the past."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance import facts, reports
from remediation import retention
from remediation.models import CheckDay, CheckRun, VerificationCheck
from tests import factories as f

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
# From one run to the next: of a minute, around what makes stale, and silences of hours and days.
_GAPS = st.sampled_from([60, 61, 300, 479, 480, 481, 600, 1200, 4000, 50_000, 90_000, 200_000])
_RUNS = st.lists(
    st.tuples(_GAPS, st.integers(0, 50), st.sampled_from(["pass", "pass", "fail", "error", "no_data"])),
    min_size=1,
    max_size=40,
)


def told(now: datetime, moments: list[datetime]) -> list[object]:
    return [facts.of_service("order", as_of=moment, now=now).facts for moment in moments]


@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    interval=st.sampled_from([60, 100, 300, 3600, 86_400]),
    runs=_RUNS,
    others=st.lists(st.integers(0, 10**6), max_size=20),
)
def test_the_past_is_judged_as_before(interval, runs, others):
    now = timezone.now()
    start = datetime.combine((now - 130 * DAY).date(), time(), tzinfo=UTC)
    with transaction.atomic():
        service = f.service("order")
        item = f.item(service=service, state="verified", agreed_at=start - 20 * DAY, due_at=now + DAY)
        check = item.verification_checks.get()
        VerificationCheck.objects.filter(pk=check.pk).update(interval_seconds=interval)
        slot, moments = start, [start + seconds * SECOND for seconds in others]
        for gap, seconds, outcome in runs:
            slot += gap * SECOND
            f.check_run(check, slot=slot, outcome=outcome, finished_at=slot + seconds * SECOND)
            stale_at = slot + (seconds + 3 * interval + 300) * SECOND
            moments += [slot, slot + seconds * SECOND, stale_at, stale_at + SECOND, stale_at - SECOND]
        moments = [moment for moment in sorted(moments) if moment < now]
        before = told(now, moments)
        count = CheckRun.objects.count()

        _days, gone = retention.roll_up(now=now)

        assert CheckRun.objects.count() == count - gone
        assert told(now, moments) == before
        transaction.set_rollback(True)


def test_a_month_that_was_not_published_yet_reads_the_same():
    now = timezone.now()
    start = datetime.combine((now - 130 * DAY).date(), time(), tzinfo=UTC)
    viewer = f.user(role="governor")
    item = f.item(state="regressed", agreed_at=start - 10 * DAY, due_at=start + DAY)
    check = item.verification_checks.get()
    for number in range(60):
        f.check_run(check, slot=start + number * 3600 * SECOND, outcome="pass" if number % 7 else "fail")
    month = start.date().replace(day=1)
    before = reports.build(month, viewer=viewer, now=now)

    retention.roll_up(now=now)

    assert CheckDay.objects.count() > 2
    assert reports.build(month, viewer=viewer, now=now) == before
