"""Policy rows and working calendars: whose they are, their order, and what a change does."""

from datetime import date

import pytest

from postmortem import trail
from postmortem.errors import Invalid, NotAllowed
from remediation import policies
from remediation.models import RemediationItem, SlaPolicy, WorkingCalendar
from tests import factories
from tests.factories import DAY, NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def governor():
    return factories.user("Gia", role="governor")


def order():
    return list(SlaPolicy.objects.order_by("position").values_list("pk", flat=True))


def explained(severity="P1", category="technical_debt", **facts):
    return policies.explain(severity=factories.severity(severity), category=category, now=NOW, **facts)


def test_explanation_names_the_row_that_decides_and_why_the_others_do_not():
    first, second = factories.sla_policies()[:2]

    found = explained("P0")

    assert (found.policy, found.version, found.due_at) == (second, f"sla-{second.pk}v1", NOW + 7 * DAY)
    assert [(one.policy, one.misses) for one in found.tried] == [(first, ("category",)), (second, ())]


@pytest.mark.parametrize("name", ["severity", "category", "kind", "service", "team"])
def test_each_condition_of_a_row_counts(name):
    service = factories.service()
    facts = {
        "severity": factories.severity("P1"),
        "category": "process_defect",
        "kind": "detect",
        "service": service,
        "team": service.team,
    }
    row = SlaPolicy.objects.create(position=0, days=3, **{name: facts[name]})
    others = {
        "severity": factories.severity("P2"),
        "category": "technical_debt",
        "kind": "prevent",
        "service": factories.service(),
        "team": factories.team(),
    }

    assert policies.explain(**facts, now=NOW).policy == row
    assert policies.explain(**facts | {name: others[name]}, now=NOW).policy != row


def test_missing_tool_is_due_after_14_days_whatever_a_row_says():
    """R9."""
    SlaPolicy.objects.filter(category="missing_tool").update(days=30)

    found = explained(category="missing_tool")

    assert (found.due_at, found.is_capped) == (NOW + 14 * DAY, True)
    assert explained("P2").is_capped is False


def test_a_row_with_a_calendar_counts_its_working_days():
    """NOW is a Friday at noon; six hours are left of it."""
    calendar = factories.calendar(holidays=[date(2026, 11, 23)])
    factories.sla_policy(days=2, calendar=calendar)

    assert explained().due_at.isoformat() == "2026-11-25T12:00:00+00:00"


def test_a_new_row_stands_before_the_one_that_fits_everything(governor):
    before = order()

    narrow = policies.add(severity=factories.severity("P3"), days=40, by=governor, now=NOW)
    assert order() == [*before[:-1], narrow.pk, before[-1]]

    wide = policies.add(days=90, by=governor, now=NOW)
    assert order() == [*before[:-1], narrow.pk, before[-1], wide.pk]
    assert policies.unreached(list(policies.rows())) == {wide.position}


def test_an_edit_is_a_new_version_and_moves_no_deadline(governor):
    item = factories.item(severity="P1")
    row = SlaPolicy.objects.get(severity__code="P1")

    edited = policies.edit(row, days=3, by=governor, now=NOW)

    assert (edited.days, edited.version) == (3, 2)
    assert RemediationItem.objects.get(pk=item.pk).due_at == item.due_at
    assert policies.edit(row, days=3, by=governor, now=NOW).version == 2
    entry = trail.of(row).first()
    assert (entry.act, entry.actor, entry.after["days"]) == ("sla_policies.edit", governor, 3)


def test_rows_exchange_places(governor):
    first, second, *rest = order()

    policies.move(SlaPolicy.objects.get(pk=first), direction="down", by=governor, now=NOW)
    assert order() == [second, first, *rest]
    policies.move(SlaPolicy.objects.get(pk=first), direction="up", by=governor, now=NOW)
    policies.move(SlaPolicy.objects.get(pk=first), direction="up", by=governor, now=NOW)
    assert order() == [first, second, *rest]
    with pytest.raises(Invalid) as refusal:
        policies.move(SlaPolicy.objects.get(pk=first), direction="left", by=governor, now=NOW)
    assert refusal.value.field == "direction"


def test_one_row_fits_everything_always(governor):
    *others, last = SlaPolicy.objects.order_by("position")

    for act in (
        lambda: policies.remove(last, by=governor, now=NOW),
        lambda: policies.edit(last, kind="detect", by=governor, now=NOW),
    ):
        with pytest.raises(policies.NoFallback):
            act()
    policies.remove(others[0], by=governor, now=NOW)
    assert others[0].pk not in order()


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"days": 0}, "days"),
        ({"days": 731}, "days"),
        ({"days": 1.5}, "days"),
        ({"days": 3, "category": "debt"}, "category"),
        ({"days": 3, "kind": "heal"}, "kind"),
    ],
)
def test_a_row_with_a_wrong_value_is_refused(governor, facts, field):
    with pytest.raises(Invalid) as refusal:
        policies.add(by=governor, now=NOW, **facts)

    assert refusal.value.field == field
    assert SlaPolicy.objects.count() == 5


def test_policies_and_calendars_are_for_governors():
    by, row, calendar = factories.user(role="facilitator"), SlaPolicy.objects.first(), factories.calendar()

    for act in (
        lambda: policies.add(days=3, by=by, now=NOW),
        lambda: policies.edit(row, days=3, by=by, now=NOW),
        lambda: policies.move(row, direction="down", by=by, now=NOW),
        lambda: policies.remove(row, by=by, now=NOW),
        lambda: policies.add_calendar(by=by, now=NOW),
        lambda: policies.edit_calendar(calendar, name="x", by=by, now=NOW),
        lambda: policies.remove_calendar(calendar, by=by, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act()


WEEK = ["9:00-18:00"] * 5 + ["", ""]


def test_a_calendar_is_stored_as_it_is_read(governor):
    made = policies.add_calendar(
        name=" Berlin ",
        time_zone="Europe/Berlin",
        week=WEEK,
        holidays=[date(2026, 12, 25), date(2026, 10, 3), date(2026, 12, 25)],
        by=governor,
        now=NOW,
    )

    made.refresh_from_db()
    assert (made.name, made.week[0], made.week[6]) == ("Berlin", "09:00-18:00", "")
    assert made.holidays == [date(2026, 10, 3), date(2026, 12, 25)]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "Taken"}, "name"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"week": [""] * 7}, "week"),
        ({"week": WEEK[:6]}, "week"),
        ({"week": ["soon", *WEEK[1:]]}, "week"),
        ({"week": [5, *WEEK[1:]]}, "week"),
        ({"holidays": ["2026-10-01"]}, "holidays"),
        ({"holidays": [date.fromordinal(739_000 + n) for n in range(1001)]}, "holidays"),
    ],
)
def test_a_calendar_with_a_wrong_value_is_refused(governor, facts, field):
    factories.calendar("Taken")
    sound = {"name": "Berlin", "time_zone": "Europe/Berlin", "week": WEEK, "holidays": []}

    with pytest.raises(Invalid) as refusal:
        policies.add_calendar(by=governor, now=NOW, **sound | facts)

    assert refusal.value.field == field
    assert WorkingCalendar.objects.count() == 1


def test_a_change_of_a_calendar_is_a_new_version_of_the_rows_that_count_in_it(governor):
    calendar = factories.calendar()
    row = factories.sla_policy(calendar=calendar)

    policies.edit_calendar(calendar, name="Renamed", by=governor, now=NOW)
    row.refresh_from_db()
    assert row.version == 1
    policies.edit_calendar(calendar, holidays=[date(2026, 12, 24)], by=governor, now=NOW)
    row.refresh_from_db()
    assert row.version == 2


def test_a_calendar_in_use_stays(governor):
    calendar, free = factories.calendar(), factories.calendar()
    row = factories.sla_policy(calendar=calendar)

    with pytest.raises(policies.InUse) as refusal:
        policies.remove_calendar(calendar, by=governor, now=NOW)
    policies.remove_calendar(free, by=governor, now=NOW)

    assert refusal.value.details == {"policies": [row.pk]}
    assert list(WorkingCalendar.objects.all()) == [calendar]


@pytest.mark.django_db(transaction=True)
def test_two_who_sort_at_once_lose_no_row(governor):
    rows = list(SlaPolicy.objects.order_by("position"))

    at_once(*[lambda row=row: policies.move(row, direction="up", by=governor, now=NOW) for row in rows[1:4]])

    assert sorted(order()) == sorted(row.pk for row in rows)
    assert sorted(SlaPolicy.objects.values_list("position", flat=True)) == [1, 2, 3, 4, 5]
