"""Old runs are rolled up by day; the database lets them go in no other way."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from remediation import retention
from remediation.models import CheckDay, CheckRun, ItemTransition, VerificationCheck
from tests import factories
from tests.race import at_once

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
NOW = timezone.now()
LONG_AGO = datetime.combine((NOW - 120 * DAY).date(), time(), tzinfo=UTC)


@pytest.fixture
def check() -> VerificationCheck:
    item = factories.item(state="in_progress", agreed_at=LONG_AGO - 10 * DAY)
    return item.verification_checks.get()


def runs_of(
    check: VerificationCheck, outcomes: str, *, start: datetime = LONG_AGO, **fields
) -> list[CheckRun]:
    """A run each 10 minutes: p for pass, f, n for no data, e; the value counts up."""
    words = {"p": "pass", "f": "fail", "n": "no_data", "e": "error"}
    return [
        factories.check_run(
            check,
            slot=start + number * 10 * MINUTE,
            outcome=words[letter],
            **{"value": None if letter in "ne" else float(number)} | fields,
        )
        for number, letter in enumerate(outcomes)
    ]


def left(check: VerificationCheck) -> list[CheckRun]:
    return list(CheckRun.objects.filter(verification_check=check).order_by("slot"))


def test_a_day_becomes_counts_and_the_changes_stay(check):
    runs = runs_of(check, "pppffpneepp", skipped_slots=1)

    assert retention.roll_up(now=NOW) == (1, 5)

    day = CheckDay.objects.get()
    assert (day.verification_check, day.day) == (check, LONG_AGO.date())
    assert (day.passes, day.fails, day.no_data, day.errors, day.skipped_slots) == (6, 2, 1, 2, 11)
    assert (day.value_min, day.value_max, day.value_last, day.last_outcome) == (0.0, 10.0, 10.0, "pass")
    # The first, and each whose outcome is another than the one before.
    kept = [runs[number] for number in (0, 3, 5, 6, 7, 9)]
    assert left(check) == kept
    assert day.kept == [run.pk for run in kept]


def test_first_run_of_a_day_is_kept_only_when_it_changed_something(check):
    runs_of(check, "ppp")
    runs_of(check, "ppf", start=LONG_AGO + DAY)
    runs_of(check, "ffp", start=LONG_AGO + 2 * DAY)

    retention.roll_up(now=NOW)

    assert [(run.slot - LONG_AGO) // MINUTE for run in left(check)] == [0, 1440 + 20, 2880 + 20]
    assert [day.passes for day in CheckDay.objects.order_by("day")] == [3, 2, 1]


def test_run_that_moved_an_item_stays():
    item = factories.item(state="regressed", agreed_at=LONG_AGO - 10 * DAY)
    check = item.verification_checks.get()
    for transition in ItemTransition.objects.exclude(run=None):
        runs_of(check, "pp", start=transition.run.slot - 30 * MINUTE)

    retention.roll_up(now=NOW)

    moved_by = set(ItemTransition.objects.exclude(run=None).values_list("run", flat=True))
    assert len(moved_by) == 3
    assert moved_by <= {run.pk for run in left(check)}


def test_young_runs_are_left_alone(check):
    young = datetime.combine((NOW - 90 * DAY).date(), time(), tzinfo=UTC)
    runs_of(check, "ppp", start=young)

    assert retention.roll_up(now=NOW) == (0, 0)
    assert len(left(check)) == 3


def test_installation_may_keep_them_longer(check):
    runs_of(check, "ppp")

    assert retention.roll_up(now=NOW, days=130) == (0, 0)


def test_an_unfinished_run_holds_up_its_check_and_no_other(check):
    other = factories.check(check.item)
    runs_of(check, "pp")
    factories.hold(check, until=NOW, slot=LONG_AGO + 60 * MINUTE)
    runs_of(other, "pp")

    assert retention.roll_up(now=NOW) == (1, 1)
    assert len(left(check)) == 2


def test_second_time_does_nothing_and_batches_are_small(check, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(5):
        runs_of(check, "pp", start=LONG_AGO + number * DAY)
        runs_of(factories.check(check.item), "pp", start=LONG_AGO + number * DAY)

    assert retention.roll_up(now=NOW) == (10, 14)
    assert retention.roll_up(now=NOW) == (0, 0)


def test_it_stops_when_its_time_is_up_and_goes_on_later(check, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 1)
    for number in range(3):
        runs_of(check, "pp", start=LONG_AGO + number * DAY)

    assert retention.roll_up(now=NOW, budget_seconds=0) == (1, 1)
    assert retention.roll_up(now=NOW) == (2, 4)


def test_moments_of_verdicts_are_thinned_within_eight_minutes_only(check):
    for second in (0, 60, 120, 400, 479, 480, 960):
        slot = LONG_AGO + timedelta(seconds=second)
        factories.check_run(check, slot=slot, finished_at=slot, outcome="pass")
    factories.check_run(check, slot=LONG_AGO + timedelta(seconds=2000), outcome="error")

    retention.roll_up(now=NOW)

    day = CheckDay.objects.get()
    assert [(at - LONG_AGO).total_seconds() for at in day.verdicts_at] == [0, 479, 480, 960]
    assert day.first_verdict_at == LONG_AGO


def raw(query: str, *values: object) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(query, values)
        return int(cursor.rowcount)


@pytest.mark.django_db(transaction=True)
def test_no_statement_of_anybody_deletes_a_finished_run(check):
    old = runs_of(check, "pppp")[1]
    young = factories.check_run(check, slot=NOW - MINUTE)
    delete = "DELETE FROM remediation_checkrun WHERE id = %s"
    with pytest.raises(DatabaseError, match="Cannot update or delete"):
        raw(delete, old.pk)
    retention.roll_up(now=NOW)
    kept = left(check)[0]

    # After the roll-up the way is closed again, for what it kept and for what is young.
    for run in (kept, young):
        with pytest.raises(DatabaseError, match="Cannot update or delete"):
            raw(delete, run.pk)
        with pytest.raises(DatabaseError, match="Cannot update or delete"):
            raw("UPDATE remediation_checkrun SET value = 9 WHERE id = %s", run.pk)


_FORGED = """
    INSERT INTO remediation_checkday (verification_check_id, day, passes, fails, no_data, errors,
        skipped_slots, last_outcome, verdicts_at, kept, written_in, rolled_up_at)
    VALUES (%s, %s, %s, 0, 0, 0, 0, 'pass', '{}', %s, 0, now())
"""


@pytest.mark.django_db(transaction=True)
def test_nobody_writes_a_day_that_is_not_true(check):
    runs = runs_of(check, "ppp")
    factories.check_run(check, slot=NOW - MINUTE)
    day = LONG_AGO.date()

    for passes in (2, 4, 0):
        with pytest.raises(IntegrityError, match="are others"):
            raw(_FORGED, check.pk, day, passes, [])
    with pytest.raises(IntegrityError, match="not long enough ago"):
        raw(_FORGED, check.pk, NOW.date(), 1, [])
    # One that is true lets go what it does not keep, in its own transaction alone.
    delete = "DELETE FROM remediation_checkrun WHERE id = %s"
    with transaction.atomic():
        raw(_FORGED, check.pk, day, 3, [runs[0].pk])
        assert raw(delete, runs[1].pk) == 1
        with pytest.raises(DatabaseError, match="Cannot update or delete"):
            raw(delete, runs[0].pk)
    with pytest.raises(DatabaseError, match="Cannot update or delete"):
        raw(delete, runs[2].pk)
    assert len(left(check)) == 3


def test_day_is_written_once_and_never_changed(check):
    runs_of(check, "pp")
    retention.roll_up(now=NOW)

    for query in ("UPDATE remediation_checkday SET passes = 0", "DELETE FROM remediation_checkday"):
        with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
            raw(query)


@pytest.mark.django_db(transaction=True)
def test_two_tasks_at_once_roll_up_each_day_once(check):
    for number in range(10):
        runs_of(check, "ppp", start=LONG_AGO + number * DAY)

    done: list[tuple[int, int]] = []

    at_once(*[lambda: done.append(retention.roll_up(now=NOW))] * 3)
    done.append(retention.roll_up(now=NOW))

    assert CheckDay.objects.count() == 10
    assert sum(written for written, _gone in done) == 10
    assert len(left(check)) == 1
