"""The policy rows of the gate: edited in order, every version kept, one row for all repositories."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from governance import gates
from governance.models import GatePolicy
from governance.policy import CODES, GateRules
from postmortem.errors import EditConflict, Invalid, NotAllowed
from tests import factories as f
from tests import gating

pytestmark = pytest.mark.django_db

NOW = f.NOW
HOUR = timedelta(hours=1)
WANTED_LAST = {"name": "Default"}


@pytest.fixture
def governor():
    return f.user("Gale", role="governor")


def names():
    return [row.name for row in gates.rows()]


def versions():
    return [str(row) for row in gates.rows()]


def test_new_installation_asks_everything_of_every_repository():
    row = gating.for_all()

    assert versions() == ["gate-1v1"]
    assert gates.rules_of(row) == GateRules(id=row.pk, key=1, version=1, name="Default")


def test_row_is_added_before_the_one_for_all(governor):
    gating.policy(repositories=["shop/*"], name="Shop")
    gating.policy(repositories=["web"], name="Web", mode="warn")

    assert names() == ["Shop", "Web", "Default"]
    assert versions() == ["gate-2v1", "gate-3v1", "gate-1v1"]


def test_edit_ends_a_version_and_begins_the_next(governor):
    first = gating.policy(repositories=["shop/*"], name="Shop", now=NOW)

    second = gates.edit(first, mode="warn", by=governor, now=NOW + HOUR)

    first.refresh_from_db()
    assert (first.version, first.mode, first.ended_at) == (1, "strict", NOW + HOUR)
    assert (second.version, second.mode, second.began_at, second.began_by) == (
        2,
        "warn",
        NOW + HOUR,
        governor,
    )
    assert second.repositories == ["shop/*"]
    assert list(gates.of_key(first.key)) == [second, first]


def test_edit_that_changes_nothing_is_none(governor):
    row = gating.for_all()

    assert gates.edit(row, name=" Default ", mode="strict", by=governor, now=NOW) == row
    assert GatePolicy.objects.count() == 1


def test_edit_of_what_somebody_else_saved_is_refused_with_both(governor):
    row = gating.for_all()
    gates.edit(row, mode="warn", by=governor, now=NOW)

    with pytest.raises(EditConflict) as refusal:
        gates.edit(row, mode="off", version=1, by=governor, now=NOW)

    assert refusal.value.details["theirs"]["mode"] == "warn"
    assert gates.edit(row, mode="off", version=2, by=governor, now=NOW).mode == "off"


def test_rows_are_moved_and_the_last_stays(governor):
    one, two = (gating.policy(repositories=[name], name=name) for name in ("one", "two"))

    moved = gates.move(two, direction="up", by=governor, now=NOW + HOUR)
    assert names() == ["two", "one", "Default"]
    assert (moved.version, str(gates.of_key(one.key)[0])) == (2, "gate-2v2")

    for row, direction in ((two, "up"), (one, "down"), (gating.for_all(), "up")):
        gates.move(row, direction=direction, by=governor, now=NOW + HOUR)
    assert names() == ["two", "one", "Default"]
    assert GatePolicy.objects.count() == 5


def test_row_is_removed_and_its_versions_stay(governor):
    row = gating.policy(repositories=["shop/*"], name="Shop")

    gates.remove(row, by=governor, now=NOW + HOUR)

    assert names() == ["Default"]
    assert gates.of_key(row.key).get().ended_at == NOW + HOUR
    assert gating.policy(repositories=["shop/*"], name="Shop").key == row.key + 1


def test_row_for_all_stays(governor):
    row = gating.for_all()

    with pytest.raises(gates.NoFallback):
        gates.remove(row, by=governor, now=NOW)
    with pytest.raises(gates.NoFallback) as refusal:
        gates.edit(row, repositories=["shop/*"], by=governor, now=NOW)

    assert refusal.value.field == "repositories"
    assert versions() == ["gate-1v1"]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "Default"}, "name"),
        ({"repositories": []}, "repositories"),
        ({"repositories": "shop/*"}, "repositories"),
        ({"repositories": [" "]}, "repositories"),
        ({"repositories": ["a\x00"]}, "repositories"),
        ({"repositories": [7]}, "repositories"),
        ({"branches": ["x" * 201]}, "branches"),
        ({"branches": ["main", "origin/main"]}, "branches"),
        ({"branches": ["refs/tags/*"]}, "branches"),
        ({"branches": ["main/"]}, "branches"),
        ({"branches": ["ma\u200bin"]}, "branches"),
        ({"repositories": ["shop/order.git"]}, "repositories"),
        ({"repositories": ["https://git.example.org/shop/*"]}, "repositories"),
        ({"repositories": ["shop/"]}, "repositories"),
        ({"covered_labels": ["a\tb"]}, "covered_labels"),
        ({"excused_paths": ["docs/"]}, "excused_paths"),
        ({"excused_paths": [f"{n}" for n in range(51)]}, "excused_paths"),
        ({"mode": "loud"}, "mode"),
        ({"freeze": True}, "freeze"),
        ({"not_counting": ["NOTHING"]}, "not_counting"),
        ({"not_counting": "PM_UNKNOWN"}, "not_counting"),
        ({"asks_audit": "yes"}, "asks_audit"),
        ({"most_uses": 0}, "most_uses"),
        ({"most_uses": True}, "most_uses"),
        ({"most_uses": 1.5}, "most_uses"),
        ({"most_uses": 10_001}, "most_uses"),
    ],
)
def test_wrong_value_is_refused_by_name_and_nothing_is_written(governor, facts, field):
    with pytest.raises(Invalid) as refusal:
        gates.add(by=governor, now=NOW, **{"name": "Shop", "repositories": ["shop/*"]} | facts)

    assert refusal.value.field == field
    assert GatePolicy.objects.count() == 1


def test_lists_are_kept_without_repetitions(governor):
    row = gating.policy(
        repositories=["shop/*", " shop/* ", "web"],
        not_counting=["ITEM_OVERDUE", "PM_UNKNOWN", "ITEM_OVERDUE"],
    )

    assert row.repositories == ["shop/*", "web"]
    assert row.not_counting == [code for code in CODES if code in {"PM_UNKNOWN", "ITEM_OVERDUE"}]


def test_branch_is_kept_without_what_git_writes_before_it(governor):
    row = gating.policy(branches=["refs/heads/main", "main", "refs/heads/release/*", "**"])

    assert row.branches == ["main", "release/*", "**"]


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator"])
def test_only_governors_change_rows(role):
    row, person = gating.policy(repositories=["shop/*"]), f.user(role=role)
    before = versions()

    for act in (
        lambda: gates.add(name="Web", repositories=["web"], by=person, now=NOW),
        lambda: gates.edit(row, mode="off", by=person, now=NOW),
        lambda: gates.move(row, direction="up", by=person, now=NOW),
        lambda: gates.remove(row, by=person, now=NOW),
        lambda: gates.replace([WANTED_LAST], by=person, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert versions() == before


def test_rows_are_replaced_by_name_and_what_stays_keeps_its_version(governor):
    for name in ("one", "two", "three"):
        gating.policy(repositories=[name], name=name)
    wanted = [
        {"name": "two", "repositories": ["two"]},
        {"name": "four", "repositories": ["four"], "mode": "warn"},
        {"name": "three", "repositories": ["three"], "mode": "off"},
        WANTED_LAST,
    ]

    planned = gates.plan(wanted)
    done = gates.replace(wanted, by=governor, now=NOW + HOUR)

    assert planned == done
    assert [(step.act, step.name) for step in done] == [
        ("keep", "two"),
        ("add", "four"),
        ("change", "three"),
        ("keep", "Default"),
        ("remove", "one"),
    ]
    assert done[2].changes["mode"] == ("strict", "off")
    assert names() == ["two", "four", "three", "Default"]
    assert versions() == ["gate-3v1", "gate-5v1", "gate-4v2", "gate-1v1"]
    assert all(step.act == "keep" for step in gates.plan(wanted))


def test_replacing_takes_what_is_not_said_as_in_a_new_row(governor):
    gating.policy(asks_audit=True, mode="warn")

    gates.replace([WANTED_LAST], by=governor, now=NOW + HOUR)

    row = gating.for_all()
    assert (row.version, row.asks_audit, row.mode) == (3, False, "strict")


@pytest.mark.parametrize(
    ("wanted", "row", "field"),
    [
        ([{"name": "one"}, WANTED_LAST], 0, "repositories"),
        (
            [{"name": "one", "repositories": ["a"]}, {"name": "one", "repositories": ["b"]}, WANTED_LAST],
            1,
            "name",
        ),
        ([{"name": "one", "repositories": ["a"], "mode": "loud"}, WANTED_LAST], 0, "mode"),
    ],
)
def test_replacing_by_something_wrong_names_the_row_and_writes_nothing(governor, wanted, row, field):
    with pytest.raises(Invalid) as refusal:
        gates.replace(wanted, by=governor, now=NOW)

    assert (refusal.value.details["row"], refusal.value.field) == (row, field)
    assert versions() == ["gate-1v1"]


@pytest.mark.parametrize("wanted", [[], [{"name": "one", "repositories": ["one"]}]])
def test_replacing_without_a_row_for_all_is_refused(governor, wanted):
    with pytest.raises(gates.NoFallback):
        gates.replace(wanted, by=governor, now=NOW)


@pytest.mark.parametrize(
    "change",
    [{"mode": "off"}, {"name": "Other"}, {"began_at": NOW}, {"ended_at": None}, {"version": 7}],
)
def test_database_keeps_every_version_as_it_was(governor, change):
    first = gating.for_all()
    gates.edit(first, mode="warn", by=governor, now=NOW)

    with pytest.raises(DatabaseError), transaction.atomic():
        GatePolicy.objects.filter(pk=first.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        GatePolicy.objects.filter(pk=first.pk).delete()


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("gate_policy_version_is_unique", {"key": 1, "ended_at": NOW}),
        ("gate_policy_has_one_present_version", {"key": 1, "version": 2}),
        ("gate_policy_present_name_is_unique", {"name": "Default"}),
        ("gate_policy_present_position_is_unique", {"repositories": [], "position": 32_767}),
        ("gate_policy_for_all_is_last", {"repositories": []}),
        ("gate_policy_for_all_is_last", {"position": 32_767}),
        ("gate_policy_ends_after_it_began", {"ended_at": NOW - HOUR}),
        ("gate_policy_mode_is_known", {"mode": "loud"}),
        ("gate_policy_freeze_is_known", {"freeze": "always"}),
        ("gate_policy_allows_a_use_at_least", {"most_uses": 0}),
        ("gate_policy_has_a_name", {"name": ""}),
    ],
)
def test_database_refuses(constraint, fields):
    sound = {"key": 9, "name": "Shop", "repositories": ["shop/*"], "position": 1, "began_at": NOW}

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        GatePolicy.objects.create(**sound | fields)
