"""PostgreSQL as the queue: due checks become runs once, runs are claimed under leases."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from remediation import items, runs, verification
from remediation.models import CheckRun, CheckStanding, RemediationItem, VerificationCheck
from remediation.runs import Claimed
from remediation.verdicts import Recorded, record
from remediation.verification import claim
from tests import factories
from tests.remediation.engine import begin, expire_lease, result, run

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def check_due(next_run_at: datetime = NOON, *, state: str = "in_progress", **fields) -> VerificationCheck:
    """A check with a slot every five minutes, on the hour."""
    item = factories.item(state=state, checks=0) if state == "in_progress" else factories.item(state=state)
    VerificationCheck.objects.filter(item=item).update(is_paused=True)
    return factories.check(item, next_run_at=next_run_at, interval_seconds=300, **fields)


def at(moment: datetime | None = None, *, limit: int = 10, kind: str = "prometheus") -> list[Claimed]:
    """What is claimed at this moment."""
    return claim(kind=kind, limit=limit, now=moment)


def finish(held: list[Claimed], *, now: datetime, outcome: str = "pass") -> Recorded:
    return record([(one, result(outcome)) for one in held], now=now)


def stored(check: VerificationCheck) -> list[tuple[datetime, int]]:
    return list(
        CheckRun.objects.filter(verification_check=check)
        .order_by("slot")
        .values_list("slot", "skipped_slots")
    )


def due_next(check: VerificationCheck) -> datetime:
    return CheckStanding.objects.get(pk=check.pk).next_run_at


def test_due_check_is_claimed_once_and_stored_with_what_reports_need():
    check = check_due()

    held = at(NOON)
    assert [one.check_id for one in held] == [check.pk]
    assert at(NOON) == []
    assert not CheckRun.objects.exists()
    finish(held, now=NOON + timedelta(seconds=1))

    [run] = CheckRun.objects.filter(verification_check=check)
    assert (run.pk, run.slot, run.kind, run.check_version, run.attempt) == (
        held[0].run_id,
        NOON,
        "prometheus",
        1,
        1,
    )
    assert (run.item, run.team, run.service) == (check.item, check.item.team, check.item.service)
    assert (run.queued_at, run.finished_at) == (NOON, NOON + timedelta(seconds=1))
    assert due_next(check) == NOON + 5 * MINUTE


def test_check_is_not_claimed_before_it_is_due():
    check_due(NOON + timedelta(microseconds=1))

    assert at(NOON) == []


@pytest.mark.parametrize("offset", [0, 1, 100, 299])
def test_grid_does_not_drift(offset):
    check = check_due(NOON + timedelta(seconds=offset), offset_seconds=offset)

    for late in (3, 17, 250):
        now = due_next(check) + timedelta(seconds=late)
        finish(at(now), now=now + timedelta(seconds=1))

    start = NOON + timedelta(seconds=offset)
    assert stored(check) == [(start + number * 5 * MINUTE, 0) for number in range(3)]


def test_missed_slots_are_coalesced_into_the_newest_and_counted():
    check = check_due()

    finish(at(NOON + 17 * MINUTE), now=NOON + 17 * MINUTE)

    assert stored(check) == [(NOON + 15 * MINUTE, 3)]
    assert due_next(check) == NOON + 20 * MINUTE


def test_check_due_off_the_grid_runs_then_and_returns_to_the_grid():
    check = check_due(NOON + MINUTE)

    for moment in (NOON + MINUTE, NOON + 5 * MINUTE):
        finish(at(moment), now=moment)

    assert stored(check) == [(NOON + MINUTE, 0), (NOON + 5 * MINUTE, 0)]


def test_slots_missed_while_a_run_is_under_way_are_counted_there():
    check = check_due()
    held = at(NOON)

    finish(held, now=NOON + 21 * MINUTE)

    assert stored(check) == [(NOON, 4)]
    assert due_next(check) == NOON + 25 * MINUTE


def test_slots_missed_before_and_while_it_ran_are_counted_together():
    check = check_due()

    finish(at(NOON + 12 * MINUTE), now=NOON + 16 * MINUTE)

    assert stored(check) == [(NOON + 10 * MINUTE, 3)]
    assert due_next(check) == NOON + 20 * MINUTE


def test_what_is_asked_for_while_a_run_is_under_way_is_due_when_that_ends():
    check = check_due()
    held = at(NOON)
    runs.due_at([check.pk], NOON + MINUTE)

    assert at(NOON + 2 * MINUTE) == []
    finish(held, now=NOON + 3 * MINUTE)
    assert due_next(check) == NOON + 3 * MINUTE
    finish(at(NOON + 4 * MINUTE), now=NOON + 4 * MINUTE)

    assert stored(check) == [(NOON, 0), (NOON + 3 * MINUTE, 0)]
    assert due_next(check) == NOON + 5 * MINUTE


def test_slot_that_comes_again_is_passed_by_and_nothing_counts_twice():
    """The database's clock was set back, and somebody let the check be due."""
    check = check_due(state="verifying", passes_needed=1)
    kept = factories.check_run(check, slot=NOON, outcome="fail")

    recorded = finish(at(NOON), now=NOON)

    assert (recorded.stored, recorded.refused, recorded.moves) == (0, 1, ())
    assert CheckRun.objects.get(verification_check=check) == kept
    check.refresh_from_db()
    assert (check.standing.streak, check.standing.lease_token) == (0, None)
    assert due_next(check) == NOON + 5 * MINUTE


def test_run_that_is_asked_for_while_it_is_under_way_was_queued_before_it_began():
    check = check_due()
    [held] = at()

    assert runs.ask_now(check.pk, now=timezone.now()) == held.run_id
    record([(held, result("pass"))])

    run = CheckRun.objects.get()
    assert (run.pk, run.queued_at) == (held.run_id, NOON)
    assert run.queued_at < run.started_at


def test_paused_check_is_left_alone():
    check = check_due(is_paused=True)

    assert at(NOON) == []
    assert due_next(check) == NOON


def test_check_of_a_declined_item_rests_and_wakes_without_missed_slots():
    check = check_due(state="wont_do")
    assert (at(NOON + MINUTE), verification.tick(now=NOON + MINUTE)) == ([], [])

    before = timezone.now()
    items.reopen(check.item, by=check.item.owner, now=before)

    assert due_next(check) >= before
    [held] = at()
    finish([held], now=timezone.now())
    assert [skipped for _slot, skipped in stored(check)] == [0]


def test_what_was_asked_for_is_forgotten_when_the_check_is_put_to_rest():
    check = check_due(NOON + MINUTE)
    runs.ask_now(check.pk, now=NOON)

    VerificationCheck.objects.filter(pk=check.pk).update(is_paused=True)

    check.refresh_from_db()
    assert runs.unfinished(check, now=timezone.now()) is None
    assert at() == []


def test_run_of_a_check_put_to_rest_is_stored_and_one_that_was_cut_short_is_no_more():
    finished, cut_short = check_due(), check_due()
    held = {one.check_id: one for one in at(NOON)}
    VerificationCheck.objects.update(is_paused=True)
    expire_lease(held[cut_short.pk].run_id)

    assert finish([held[finished.pk]], now=NOON).stored == 1

    assert CheckRun.objects.get().verification_check == finished
    cut_short.refresh_from_db()
    assert (at(), runs.unfinished(cut_short, now=timezone.now())) == ([], None)


def test_standing_follows_its_check_and_its_item():
    check = check_due(state="open")
    team, service = factories.team(), factories.service()
    RemediationItem.objects.filter(pk=check.item_id).update(team=team, service=service)
    VerificationCheck.objects.filter(pk=check.pk).update(interval_seconds=600)

    stands = CheckStanding.objects.get(pk=check.pk)

    assert (stands.team, stands.service, stands.interval_seconds) == (team, service, 600)
    assert (stands.kind, stands.data_source_id, stands.created_at) == (
        "prometheus",
        check.data_source_id,
        check.created_at,
    )


def test_claim_takes_no_more_than_its_limit_and_the_oldest_first():
    item = factories.item(state="in_progress", checks=0)
    newer, older = (
        factories.check(item, next_run_at=NOON - minutes * MINUTE, interval_seconds=300) for minutes in (0, 1)
    )

    assert [one.check_id for one in at(NOON, limit=1)] == [older.pk]
    assert [one.check_id for one in at(NOON, limit=1)] == [newer.pk]


def test_without_a_moment_the_clock_is_the_databases():
    check = check_due(timezone.now() - timedelta(seconds=1))
    check_due(timezone.now() + MINUTE)

    held = at()
    assert [one.check_id for one in held] == [check.pk]
    record([(held[0], result("pass"))])
    assert due_next(check) > timezone.now()


def test_claim_gives_what_the_probe_needs():
    check = check_due(
        threshold=0.5, quantifier="any", comparator=">=", no_data_rule="fail", timeout_seconds=7
    )

    [held] = claim(kind="prometheus", limit=10)

    assert (held.check_id, held.item_id, held.attempt, held.timeout_seconds) == (
        check.pk,
        check.item_id,
        1,
        7,
    )
    assert (held.source_id, held.promql) == (check.data_source_id, "pool_waiting")
    assert (held.quantifier, held.comparator, held.threshold, held.no_data_rule) == ("any", ">=", 0.5, "fail")
    stands = CheckStanding.objects.get(pk=check.pk)
    assert (stands.lease_token, stands.run_id, stands.attempt) == (held.lease_token, held.run_id, 1)
    lease = stands.lease_until - stands.started_at
    assert abs(lease.total_seconds() - 7 - runs.LEASE_MARGIN_SECONDS) < 1


def test_claim_of_a_command_gives_its_pipeline():
    item = factories.item(checks=0)
    factories.check(item, kind="shell", next_run_at=NOON)

    [held] = claim(kind="shell", limit=10)

    assert held.pipeline == [["kubectl", "get", "pods"], ["grep", "Pending"]]
    assert (held.shell_expectation, held.pattern, held.source_id) == ("no_match", "Pending", 0)
    assert claim(kind="prometheus", limit=10) == []


def test_claimed_run_is_not_claimed_again_before_its_lease_ends():
    check_due()
    [first] = claim(kind="prometheus", limit=10)

    assert claim(kind="prometheus", limit=10) == []
    expire_lease(first.run_id)
    [second] = claim(kind="prometheus", limit=10)

    assert (second.run_id, second.attempt) == (first.run_id, 2)
    assert second.lease_token != first.lease_token


def test_claim_takes_the_oldest_slots_of_a_team_first():
    check = check_due(NOON - 2 * MINUTE)
    for minutes in (0, 1):
        factories.check(check.item, next_run_at=NOON - minutes * MINUTE, interval_seconds=300)
    by_moment = list(check.item.verification_checks.order_by("standing__next_run_at"))

    claimed = [held.check_id for _ in range(3) for held in claim(kind="prometheus", limit=1)]

    assert claimed == [one.pk for one in by_moment]


def crowd_of(check: VerificationCheck, count: int) -> None:
    """So many more checks of the item of this one, due when it is."""
    VerificationCheck.objects.bulk_create(
        VerificationCheck(
            item=check.item,
            kind="prometheus",
            data_source=check.data_source,
            promql="pool_waiting",
            threshold=1.0,
            created_at=check.standing.next_run_at,
        )
        for _ in range(count)
    )


def teams_of(claims) -> list[int]:
    ids = [held.check_id for held in claims]
    return list(CheckStanding.objects.filter(pk__in=ids).values_list("team_id", flat=True))


def test_team_with_ten_thousand_due_checks_does_not_starve_another():
    many, few = check_due(NOON - 10 * MINUTE), check_due(NOON - MINUTE)
    crowd_of(many, 9_999)
    crowd_of(few, 4)

    teams = teams_of(claim(kind="prometheus", limit=512))

    assert teams.count(few.item.team_id) == 5
    # What the few leave over goes to the many.
    assert teams.count(many.item.team_id) == 507


def test_teams_with_much_to_do_share_equally():
    checks = [check_due(NOON - number * MINUTE) for number in range(3)]
    for check in checks:
        crowd_of(check, 99)

    teams = teams_of(claim(kind="prometheus", limit=90))

    assert [teams.count(check.item.team_id) for check in checks] == [30, 30, 30]


def test_every_team_is_served_although_each_claim_takes_one():
    checks = [check_due(NOON - number * MINUTE) for number in range(4)]

    teams = [team for _ in checks for team in teams_of(claim(kind="prometheus", limit=1))]

    assert sorted(teams) == sorted(check.item.team_id for check in checks)


def test_claim_leaves_busy_sources_alone():
    busy = factories.data_source(base_url="http://busy:9090")
    check_due(data_source=busy)
    other = check_due()

    assert [held.check_id for held in claim(kind="prometheus", limit=10, busy=[busy.pk])] == [other.pk]


def test_claim_runs_the_check_as_it_is_now():
    check = check_due()
    check.promql, check.version = "up", 2
    check.save()

    [held] = claim(kind="prometheus", limit=10)

    assert held.promql == "up"
    assert CheckStanding.objects.get(pk=check.pk).check_version == 2


def test_what_is_given_back_is_claimed_anew_and_the_attempt_does_not_count():
    check_due()
    held = claim(kind="prometheus", limit=10)

    runs.give_back(held)
    runs.give_back(held)
    [again] = claim(kind="prometheus", limit=10)

    assert again.attempt == 1


def test_zombie_cannot_give_back_what_it_lost():
    check_due()
    zombie = claim(kind="prometheus", limit=10)
    expire_lease(zombie[0].run_id)
    claim(kind="prometheus", limit=10)

    runs.give_back(zombie)

    assert claim(kind="prometheus", limit=10) == []


def test_run_that_kills_each_worker_is_recorded_as_lost():
    check = check_due()
    for _ in range(runs.MAX_ATTEMPTS):
        [held] = claim(kind="prometheus", limit=10)
        expire_lease(held.run_id)

    assert claim(kind="prometheus", limit=10) == []
    assert verification.sweep().stored == 1

    [lost] = CheckRun.objects.filter(verification_check=check)
    assert (lost.outcome, lost.error_code, lost.attempt) == ("error", "lost", 3)
    assert lost.started_at is not None
    assert due_next(check) > timezone.now()


def test_run_in_its_last_attempt_is_not_lost_while_its_lease_holds():
    check_due()
    for _ in range(runs.MAX_ATTEMPTS):
        [held] = claim(kind="prometheus", limit=10)
        if held.attempt < runs.MAX_ATTEMPTS:
            expire_lease(held.run_id)

    assert verification.sweep().stored == 0


def test_commands_that_nobody_takes_are_ended_while_they_are_switched_off(settings):
    settings.SHELL_PROBES_ENABLED = False
    check = factories.check(factories.item(checks=0), kind="shell", next_run_at=NOON)

    # A probe worker elsewhere may be switched on.
    factories.stand(check, next_run_at=timezone.now() - timedelta(seconds=50))
    assert verification.tick() == ["shell"]
    factories.stand(check, next_run_at=timezone.now() - timedelta(seconds=61))
    assert verification.tick() == []

    [ended] = CheckRun.objects.filter(verification_check=check)
    assert (ended.outcome, ended.error_code) == ("error", "probes_off")


def test_tick_says_for_which_kinds_runs_wait(settings):
    settings.SHELL_PROBES_ENABLED = True
    assert verification.tick(now=NOON) == []
    check_due()
    assert verification.tick(now=NOON) == ["prometheus"]
    factories.check(factories.item(checks=0), kind="shell", next_run_at=NOON)
    assert verification.tick(now=NOON) == ["prometheus", "shell"]
    claim(kind="prometheus", limit=10)
    assert verification.tick(now=NOON) == ["shell"]


def test_database_refuses_a_second_run_for_a_slot():
    check = check_due()
    run(check, "pass")
    slot = CheckRun.objects.get(verification_check=check).slot

    with pytest.raises(IntegrityError), transaction.atomic():
        factories.check_run(check, slot=slot)


def test_lag_of_an_idle_engine_is_zero():
    check_due(NOON + MINUTE)

    assert verification.lag(NOON) == verification.Lag(0, 0.0, None, None)


def test_lag_counts_what_is_due_and_what_waits_and_not_what_runs():
    check_due(NOON - 3 * MINUTE)
    check_due(NOON - MINUTE, is_paused=True)
    check_due(NOON - 9 * MINUTE, state="wont_do")
    asked = check_due(NOON - 2 * MINUTE)
    runs.ask_now(asked.pk, now=NOON - 2 * MINUTE)
    running, given_up = check_due(NOON - 8 * MINUTE), check_due(NOON - 8 * MINUTE)
    factories.hold(running, until=NOON + MINUTE, slot=NOON - 8 * MINUTE)
    factories.hold(given_up, until=NOON - MINUTE, slot=NOON - 4 * MINUTE)

    lag = verification.lag(NOON)

    assert (lag.overdue, lag.oldest_seconds) == (3, 240.0)


def test_lag_measures_from_slot_to_start_over_the_last_hour():
    check = check_due(NOON + MINUTE)
    for number in range(1, 6):
        slot = NOON - number * 10 * MINUTE
        factories.check_run(check, slot=slot, started_at=slot + timedelta(seconds=number))
    factories.check_run(check, slot=NOON - 90 * MINUTE, started_at=NOON - MINUTE)

    lag = verification.lag(NOON)

    assert (lag.p50_seconds, round(lag.p99_seconds, 2)) == (3.0, 4.96)


def due(check: VerificationCheck) -> None:
    """This check alone is due at noon."""
    CheckStanding.objects.update(next_run_at=NOON + timedelta(days=1))
    CheckStanding.objects.filter(pk=check.pk).update(next_run_at=NOON)


def await_a_waiting_lock() -> None:
    """Until somebody else waits for what this transaction has locked."""
    deadline = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.02)
    raise AssertionError("Nobody waits.")


def in_threads(count: int, work) -> list:
    """What `work` returns in each of some threads that begin together; raises what one of them raised."""
    found, problems, start = [], [], threading.Barrier(count)

    def call() -> None:
        try:
            start.wait()
            found.append(work())
        except BaseException as problem:  # noqa: BLE001
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return found


def delete(check: VerificationCheck) -> None:
    """As somebody at the database would, past Django."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM remediation_checkstanding WHERE verification_check_id = %s", [check.pk])
        cursor.execute("DELETE FROM remediation_verificationcheck WHERE id = %s", [check.pk])


def test_check_with_runs_cannot_be_deleted():
    check = check_due()
    finish(at(NOON), now=NOON + MINUTE)

    with pytest.raises(IntegrityError, match="has runs"):
        delete(check)


def test_check_without_runs_can():
    check = factories.item(checks=2).verification_checks.first()

    delete(check)

    assert not VerificationCheck.objects.filter(pk=check.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_check_whose_first_run_is_being_stored_cannot_be_deleted():
    item = factories.item(checks=2)
    check = item.verification_checks.first()
    due(check)
    problems: list[BaseException] = []

    def try_to_delete() -> None:
        try:
            delete(check)
        except IntegrityError as problem:
            problems.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=try_to_delete)
    with transaction.atomic():
        assert finish(at(NOON, limit=1), now=NOON + MINUTE).stored == 1
        thread.start()
        await_a_waiting_lock()
    thread.join()

    assert ["has runs" in str(problem) for problem in problems] == [True]
    assert CheckRun.objects.get().verification_check == check


@pytest.mark.django_db(transaction=True)
def test_many_workers_at_once_claim_each_check_once():
    item = factories.item(checks=60)
    CheckStanding.objects.update(next_run_at=NOON)

    claimed = in_threads(6, lambda: [held for _ in range(12) for held in at(limit=2)])
    everything = [held for part in claimed for held in part] + at(limit=100)

    checks = sorted(held.check_id for held in everything)
    assert checks == sorted(item.verification_checks.values_list("pk", flat=True))
    assert len({held.run_id for held in everything}) == 60


@pytest.mark.django_db(transaction=True)
def test_everything_at_once_ends_without_a_deadlock_and_counts_right():
    """Workers that share items, claims of fixes and edits, as fast as they can."""
    crowd = [factories.item(state="in_progress", checks=4, severity="P3") for _ in range(5)]
    owner = factories.user()
    VerificationCheck.objects.filter(item__in=crowd).update(interval_seconds=60, passes_needed=100)
    stop = threading.Event()
    numbers = iter(range(4))
    lock = threading.Lock()

    def tick_and_work() -> None:
        for _ in range(25):
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE remediation_checkstanding SET next_run_at = clock_timestamp()"
                    " WHERE verification_check_id IN (SELECT verification_check_id"
                    " FROM remediation_checkstanding WHERE lease_token IS NULL FOR NO KEY UPDATE SKIP LOCKED)"
                )
            held = claim(kind="prometheus", limit=6)
            runs.give_back(held[:1])
            record([(one, result("pass" if one.run_id % 3 else "fail")) for one in held[1:]])

    def claim_and_withdraw() -> None:
        while not stop.is_set():
            for item in crowd:
                items.claim_fix(item, by=owner, now=timezone.now())
                items.withdraw_claim(item, by=owner, now=timezone.now())

    def work() -> None:
        with lock:
            number = next(numbers)
        if number == 3:
            claim_and_withdraw()
            return
        try:
            tick_and_work()
        finally:
            stop.set()

    in_threads(4, work)

    assert not CheckRun.objects.filter(attempt__gt=1).exists()
    # Given back while a claim of a fix held it, one is left to its lease.
    left = CheckStanding.objects.filter(lease_token__isnull=False)
    assert set(left.values_list("attempt", flat=True)) <= {1}
    assert CheckRun.objects.count() > 50


def test_begin_helper_claims_exactly_one():
    check = check_due()

    assert begin(check).check_id == check.pk
