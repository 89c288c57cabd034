"""Key figures from outside: pushed day by day, held against their target."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from governance import kpis
from governance.models import Kpi, KpiValue
from postmortem.errors import Invalid, NotAllowed
from tests import factories as f

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def governor():
    return f.user("Gia", role="governor")


@pytest.fixture
def idle(governor):
    facts = {"slug": "idle-resources", "name": "Idle resources", "unit": "%"}
    return kpis.add(**facts, baseline=Decimal(41), target=Decimal(20), by=governor, now=NOW)


def push(kpi, value, *, by, days=0):
    return kpis.push(kpi, date=TODAY - timedelta(days=days), value=Decimal(value), by=by, now=NOW)


def test_idle_resources_fall_from_41_to_19(idle, governor):
    """R16: the series with its baseline and its target."""
    for days, value in ((60, "41"), (30, "28.5"), (0, "19")):
        push(idle, value, by=governor, days=days)

    (series,) = kpis.board(now=NOW)

    assert [row.value for row in series.values] == [Decimal(41), Decimal("28.5"), Decimal(19)]
    assert (series.kpi.baseline, series.kpi.target, series.meets_target) == (41, 20, True)


@pytest.mark.parametrize(
    ("value", "is_more_better", "meets"),
    [("20", False, True), ("20.1", False, False), ("19", True, False)],
)
def test_target_is_met_in_the_direction_that_is_better(idle, governor, value, is_more_better, meets):
    kpis.edit(idle, is_more_better=is_more_better, by=governor, now=NOW)
    push(idle, value, by=governor)

    assert kpis.board(now=NOW)[0].meets_target is meets


def test_series_without_values_or_target_meets_nothing(idle, governor):
    assert kpis.board(now=NOW)[0].meets_target is None
    push(idle, "19", by=governor)
    kpis.edit(idle, target=None, by=governor, now=NOW)

    assert kpis.board(now=NOW)[0].meets_target is None


def test_same_value_again_changes_nothing_and_another_replaces_it(idle, governor):
    first = push(idle, "41", by=governor)
    assert push(idle, "41.0000", by=governor) == first
    push(idle, "40", by=governor)

    assert [row.value for row in kpis.board(now=NOW)[0].values] == [Decimal(40)]
    assert KpiValue.objects.count() == 2


@pytest.mark.parametrize(
    ("day", "value", "field"),
    [
        (TODAY + timedelta(days=2), "1", "date"),
        (date(1999, 12, 31), "1", "date"),
        (TODAY, "NaN", "value"),
        (TODAY, "Infinity", "value"),
        (TODAY, "1e15", "value"),
    ],
)
def test_value_that_makes_no_sense_is_refused(idle, governor, day, value, field):
    with pytest.raises(Invalid) as refusal:
        kpis.push(idle, date=day, value=Decimal(value), by=governor, now=NOW)

    assert refusal.value.field == field
    assert not KpiValue.objects.exists()


def test_who_may_do_what(idle):
    member, facilitator = f.user(), f.user(role="facilitator")
    with pytest.raises(NotAllowed):
        push(idle, "1", by=member)
    push(idle, "1", by=facilitator)
    with pytest.raises(NotAllowed):
        kpis.add(slug="x", name="X", by=facilitator, now=NOW)
    with pytest.raises(NotAllowed):
        kpis.edit(idle, name="X", by=facilitator, now=NOW)


def test_slug_is_taken_once_and_stays(idle, governor):
    with pytest.raises(Invalid) as refusal:
        kpis.add(slug="idle-resources", name="Again", by=governor, now=NOW)
    assert refusal.value.field == "slug"
    with pytest.raises(Invalid):
        kpis.edit(idle, slug="other", by=governor, now=NOW)
    assert Kpi.objects.get().slug == "idle-resources"


def test_database_keeps_values_and_names(idle, governor):
    push(idle, "1", by=governor)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE governance_kpivalue SET value = 2")
    with pytest.raises(IntegrityError, match="kpi_has_a_name"), transaction.atomic():
        Kpi.objects.create(slug="x", name="", created_by=governor, created_at=NOW)


@pytest.mark.parametrize("count", [1, 3])
def test_board_asks_twice_whatever_it_shows(governor, django_assert_num_queries, count):
    for number in range(count):
        kpi = kpis.add(slug=f"kpi-{number}", name=f"Kpi {number}", by=governor, now=NOW)
        push(kpi, "1", by=governor)

    with django_assert_num_queries(2):
        kpis.board(now=NOW)
