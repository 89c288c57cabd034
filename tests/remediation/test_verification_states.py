"""How runs move items: specification, section 3, and docs/adr/0007."""

from datetime import timedelta

import pytest
from django.utils import timezone

from postmortem import trail
from remediation import items, runs
from remediation.models import CheckRun, ItemTransition
from remediation.verdicts import Standing, next_state, record
from tests import factories
from tests.remediation.engine import begin, expire_lease, result, run, run_all, state_of

pytestmark = pytest.mark.django_db


def standing(streak: int, *, passes_needed: int = 3, fails_needed: int = 2) -> Standing:
    return Standing(streak, passes_needed, fails_needed)


@pytest.mark.parametrize(
    ("state", "streaks", "following"),
    [
        ("fix_claimed", [1], "verifying"),
        ("fix_claimed", [-1], "fix_claimed"),
        ("fix_claimed", [0], "fix_claimed"),
        ("fix_claimed", [3], "verified"),
        ("fix_claimed", [1, -1], "fix_claimed"),
        ("fix_claimed", [1, 0], "verifying"),
        ("verifying", [2], "verifying"),
        ("verifying", [3], "verified"),
        ("verifying", [-1], "fix_claimed"),
        ("verifying", [3, 2], "verifying"),
        ("verifying", [3, -1], "fix_claimed"),
        ("verifying", [3, 3], "verified"),
        ("verifying", [0], "verifying"),
        ("verified", [4], "verified"),
        ("verified", [-1], "verified"),
        ("verified", [-2], "regressed"),
        ("verified", [9, -2], "regressed"),
        ("open", [5], "open"),
        ("in_progress", [5], "in_progress"),
        ("regressed", [5], "regressed"),
        ("wont_do", [5], "wont_do"),
        ("fix_claimed", [], "fix_claimed"),
    ],
)
def test_next_state_follows_from_how_the_checks_stand(state, streaks, following):
    assert next_state(state, [standing(streak) for streak in streaks]) == following


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        (["pass"], "verifying"),
        (["pass", "pass"], "verifying"),
        (["pass", "pass", "pass"], "verified"),
        (["fail"], "fix_claimed"),
        (["pass", "fail"], "fix_claimed"),
        (["pass", "pass", "fail", "pass"], "verifying"),
        (["pass", "pass", "fail", "pass", "pass", "pass"], "verified"),
        (["pass", "pass", "no_data"], "verifying"),
        (["pass", "pass", "no_data", "pass"], "verifying"),
        (["pass", "pass", "error", "pass", "pass"], "verifying"),
        (["pass", "pass", "error", "pass", "pass", "pass"], "verified"),
        (["no_data"] * 5, "fix_claimed"),
        (["error"] * 5, "fix_claimed"),
    ],
)
def test_passes_in_a_row_after_the_claim_verify(outcomes, state):
    check = factories.item(state="fix_claimed").verification_checks.get()

    assert run_all(check, outcomes) == state


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        (["fail"], "verified"),
        (["fail", "pass", "fail"], "verified"),
        (["fail", "fail"], "regressed"),
        (["fail", "error", "no_data", "fail"], "regressed"),
        (["error"] * 5, "verified"),
        (["no_data"] * 5, "verified"),
        (["pass"] * 5, "verified"),
    ],
)
def test_fails_in_a_row_after_verification_are_a_regression(outcomes, state):
    check = factories.item(state="verified").verification_checks.get()

    assert run_all(check, outcomes) == state


@pytest.mark.parametrize("state", ["open", "in_progress", "regressed"])
@pytest.mark.parametrize("outcome", ["pass", "fail"])
def test_nothing_moves_without_a_claim(state, outcome):
    check = factories.item(state=state).verification_checks.get()

    assert run_all(check, [outcome] * 6) == state


def test_one_pass_is_enough_when_the_check_says_so():
    check = factories.item(state="fix_claimed").verification_checks.get()
    check.passes_needed = 1
    check.save()

    recorded = run(check, "pass")

    assert recorded.moves == ((check.item_id, "fix_claimed", "verified"),)


def test_move_names_its_run_and_its_moment():
    check = factories.item(state="fix_claimed").verification_checks.get()

    run_all(check, ["pass", "pass", "pass"])

    first, last = ItemTransition.objects.filter(item=check.item).order_by("id")[3:]
    passes = CheckRun.objects.filter(verification_check=check).order_by("id")
    assert [(first.from_state, first.to_state), (last.from_state, last.to_state)] == [
        ("fix_claimed", "verifying"),
        ("verifying", "verified"),
    ]
    assert [(first.run, first.at, first.by), (last.run, last.at, last.by)] == [
        (passes[0], passes[0].finished_at, None),
        (passes[2], passes[2].finished_at, None),
    ]
    check.item.refresh_from_db()
    assert check.item.first_verified_at == passes[2].finished_at


def test_second_verification_leaves_the_first_moment():
    check = factories.item(state="verified").verification_checks.get()
    first_verified_at = check.item.first_verified_at
    owner = check.item.owner
    run_all(check, ["fail", "fail"])
    items.reopen(check.item, by=owner, now=timezone.now())
    items.claim_fix(check.item, by=owner, now=timezone.now())

    assert run_all(check, ["pass"] * 3) == "verified"
    check.item.refresh_from_db()
    assert check.item.first_verified_at == first_verified_at


def test_item_waits_for_each_of_its_checks():
    first, second = factories.item(state="fix_claimed", checks=2).verification_checks.all()

    assert run_all(first, ["pass"] * 5) == "verifying"
    assert run_all(second, ["pass", "pass"]) == "verifying"
    assert run_all(second, ["pass"]) == "verified"


def test_failing_check_keeps_the_others_from_verifying():
    first, second = factories.item(state="fix_claimed", checks=2).verification_checks.all()

    assert run_all(second, ["fail"]) == "fix_claimed"
    assert run_all(first, ["pass"] * 5) == "fix_claimed"
    assert run_all(second, ["pass"]) == "verifying"
    assert run_all(second, ["pass", "pass"]) == "verified"
    assert ItemTransition.objects.filter(item=first.item, at__gt=factories.NOW).count() == 2


def test_paused_check_is_not_waited_for():
    first, second = factories.item(state="fix_claimed", checks=2).verification_checks.all()
    second.is_paused = True
    second.save()

    assert run_all(first, ["pass"] * 3) == "verified"


def test_run_of_a_check_paused_meanwhile_is_kept_and_moves_nothing():
    first, second = factories.item(state="fix_claimed", checks=2).verification_checks.all()
    held = begin(first)
    first.is_paused = True
    first.save()

    recorded = record([(held, result("pass"))])

    assert (recorded.stored, recorded.moves) == (1, ())
    assert run_all(second, ["pass"] * 3) == "verified"


def test_any_check_may_regress_the_item():
    first, second = factories.item(state="verified", checks=2).verification_checks.all()
    run_all(first, ["pass"] * 3)

    assert run_all(second, ["fail", "fail"]) == "regressed"


def test_old_fails_of_a_check_that_rested_do_not_regress_the_item():
    first, second = factories.item(state="verified", checks=2).verification_checks.all()
    factories.stand(second, streak=-5)

    assert run_all(first, ["fail"]) == "verified"
    assert run_all(second, ["fail"]) == "regressed"


def test_run_that_began_before_the_claim_does_not_count_towards_it():
    check = factories.item(state="in_progress", severity="P3").verification_checks.get()
    check.passes_needed = 1
    check.save()
    held = begin(check)
    items.claim_fix(check.item, by=check.item.owner, now=timezone.now())

    recorded = record([(held, result("pass"))])

    check.refresh_from_db()
    assert (recorded.stored, recorded.moves, check.standing.streak, check.standing.last_outcome) == (
        1,
        (),
        0,
        "pass",
    )
    assert run_all(check, ["pass"]) == "verified"


def test_fail_that_began_before_the_claim_is_seen_red_and_counts_nowhere():
    check = factories.item(state="in_progress", severity="P3").verification_checks.get()
    held = begin(check)
    items.claim_fix(check.item, by=check.item.owner, now=timezone.now())

    record([(held, result("fail"))])

    check.refresh_from_db()
    assert (check.standing.streak, check.standing.seen_red_at is not None, state_of(check.item)) == (
        0,
        True,
        "fix_claimed",
    )


def test_result_for_a_check_edited_meanwhile_is_kept_and_counts_nowhere():
    check = factories.item(state="fix_claimed").verification_checks.get()
    held = begin(check)
    check.version, check.promql = 2, "other"
    check.save()

    recorded = record([(held, result("pass"))])

    check.refresh_from_db()
    assert (recorded.stored, recorded.moves, check.standing.streak, check.standing.last_outcome) == (
        1,
        (),
        0,
        "",
    )
    assert CheckRun.objects.get(pk=held.run_id).check_version == 1


@pytest.mark.parametrize(
    ("outcomes", "streak", "last_verdict", "is_red"),
    [
        (["pass", "pass"], 2, 1, False),
        (["fail", "fail", "fail"], -3, 2, True),
        (["pass", "fail"], -1, 1, True),
        (["fail", "pass"], 1, 1, True),
        (["pass", "error"], 0, 0, False),
        (["pass", "no_data"], 0, 0, True),
        (["fail", "error", "fail"], -2, 2, True),
    ],
)
def test_check_remembers_how_it_stands(outcomes, streak, last_verdict, is_red):
    check = factories.item(state="in_progress").verification_checks.get()

    run_all(check, outcomes)

    check.refresh_from_db()
    history = list(CheckRun.objects.filter(verification_check=check).order_by("id"))
    assert (check.standing.streak, check.standing.last_outcome) == (streak, outcomes[-1])
    assert check.standing.last_run_at == history[-1].finished_at
    assert check.standing.last_verdict_at == history[last_verdict].finished_at
    assert (check.standing.seen_red_at is not None) == is_red


def test_seen_red_is_the_first_time():
    check = factories.item(state="in_progress").verification_checks.get()

    run_all(check, ["fail", "pass", "fail"])

    check.refresh_from_db()
    first = CheckRun.objects.filter(verification_check=check).order_by("id")[0]
    assert check.standing.seen_red_at == first.finished_at


def test_batch_with_runs_of_one_item_moves_it_once():
    first, second = factories.item(state="fix_claimed", checks=2).verification_checks.all()
    for check in (first, second):
        check.passes_needed = 1
        check.save()
        runs.ask_now(check.pk, now=timezone.now())
    claims = runs.claim(kind="prometheus", limit=10)

    recorded = record([(held, result("pass")) for held in claims])

    assert recorded.moves == ((first.item_id, "fix_claimed", "verified"),)


def test_batch_with_a_pass_and_a_fail_of_one_item_does_not_verify():
    first, second = factories.item(state="verifying", checks=2).verification_checks.all()
    for check in (first, second):
        runs.ask_now(check.pk, now=timezone.now())
    claims = {held.check_id: held for held in runs.claim(kind="prometheus", limit=10)}

    recorded = record([(claims[first.pk], result("pass")), (claims[second.pk], result("fail"))])

    assert recorded.moves == ((first.item_id, "verifying", "fix_claimed"),)


def test_worker_given_up_for_dead_cannot_overwrite_its_successor():
    check = factories.item(state="fix_claimed").verification_checks.get()
    zombie = begin(check)
    expire_lease(zombie.run_id)
    [successor] = runs.claim(kind="prometheus", limit=10)

    late = record([(zombie, result("fail"))])
    good = record([(successor, result("pass"))])
    later = record([(zombie, result("fail"))])

    assert [(one.stored, one.refused) for one in (late, good, later)] == [(0, 1), (1, 0), (0, 1)]
    [stored] = CheckRun.objects.filter(verification_check=check)
    assert (stored.outcome, stored.attempt) == ("pass", 2)
    check.refresh_from_db()
    assert check.standing.streak == 1


def test_late_result_counts_while_nobody_else_has_the_run():
    check = factories.item(state="fix_claimed").verification_checks.get()
    held = begin(check)
    expire_lease(held.run_id)

    assert record([(held, result("pass"))]).stored == 1


def test_same_result_twice_counts_once():
    check = factories.item(state="fix_claimed").verification_checks.get()
    held = begin(check)

    record([(held, result("pass"))])
    again = record([(held, result("pass"))])

    check.refresh_from_db()
    assert (again.stored, again.refused, check.standing.streak) == (0, 1, 1)


def test_secrets_in_what_a_command_printed_are_masked():
    item = factories.item(checks=0)
    check = factories.check(item, kind="shell")
    held = begin(check)
    printed = result("pass").__class__(
        "pass", output="Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789"
    )

    record([(held, printed)])

    assert "abcdefghijklmnop" not in CheckRun.objects.get(pk=held.run_id).output


def test_moves_stand_in_the_trail_without_an_actor():
    check = factories.item(state="fix_claimed").verification_checks.get()

    run(check, "pass")

    entry = trail.of(check.item).first()
    assert (entry.act, entry.actor, entry.after["state"]) == ("verification.record", None, "verifying")


def test_runs_themselves_leave_no_trail():
    check = factories.item(state="in_progress").verification_checks.get()
    before = trail.of(check).count()

    run(check, "pass")

    assert trail.of(check).count() == before


def test_nothing_to_record_is_fine():
    assert record([]).stored == 0


def test_slot_is_not_finished_before_it_began():
    check = factories.item(state="in_progress").verification_checks.get()
    held = begin(check, now=timezone.now() - timedelta(hours=1))

    record([(held, result("pass"))])

    stored = CheckRun.objects.get(pk=held.run_id)
    assert stored.slot < stored.started_at < stored.finished_at


# -- one slot counts once: docs/adr/0023


def press(check, outcome, at):
    """Run a check by hand at this moment."""
    return record([(begin(check, now=at), result(outcome))])


def test_three_quick_presses_do_not_verify():
    check = factories.item(state="fix_claimed").verification_checks.get()
    noon = timezone.now().replace(minute=0, second=0, microsecond=0)

    for second in range(3):
        press(check, "pass", noon + timedelta(seconds=second))

    check.refresh_from_db()
    assert (check.standing.streak, state_of(check.item)) == (1, "verifying")


def test_passes_in_three_slots_verify():
    check = factories.item(state="fix_claimed").verification_checks.get()
    noon = timezone.now().replace(minute=0, second=0, microsecond=0)

    for number in range(3):
        press(check, "pass", noon + number * check.interval)

    assert state_of(check.item) == "verified"


def test_two_quick_fails_do_not_regress_and_two_slots_do():
    check = factories.item(state="verified").verification_checks.get()
    noon = timezone.now().replace(minute=0, second=0, microsecond=0)

    for second in range(2):
        press(check, "fail", noon + timedelta(seconds=second))
    quick = state_of(check.item)
    press(check, "fail", noon + check.interval)

    assert (quick, state_of(check.item)) == ("verified", "regressed")


def test_a_fail_within_the_slot_of_a_pass_counts_at_once():
    check = factories.item(state="verifying").verification_checks.get()
    noon = timezone.now().replace(minute=0, second=0, microsecond=0)

    press(check, "pass", noon)
    press(check, "fail", noon + timedelta(seconds=1))

    check.refresh_from_db()
    assert (check.standing.streak, state_of(check.item)) == (-1, "fix_claimed")


def test_a_claim_begins_the_count_anew_within_the_slot():
    check = factories.item(state="fix_claimed").verification_checks.get()
    noon = timezone.now().replace(minute=0, second=0, microsecond=0)
    press(check, "pass", noon)
    factories.stand(check, streak=0)  # as `items.claim_fix` leaves it

    press(check, "pass", noon + timedelta(seconds=1))

    check.refresh_from_db()
    assert check.standing.streak == 1
