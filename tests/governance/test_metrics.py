"""The figures against hand-computed values."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import metrics
from governance.metrics import DueItem, Outcome, OverdueItem, ResolvedIncident, Spread

DUE = datetime(2026, 11, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def due_item(number=1, *, verified=None, state="open"):
    return DueItem(f"RI-2026-{number:04d}", "P1", "order", "core", DUE, verified, state)


def resolved(minutes, *, severity="P1", **milestones):
    begin = datetime(2026, 11, 3, 8, tzinfo=UTC)
    given = {"detected_at": None, "acknowledged_at": None, "mitigated_at": None} | milestones
    return ResolvedIncident(
        "INC-2026-0001", severity, "order", begin, resolved_at=begin + minutes * MINUTE, **given
    )


def overdue(days):
    return OverdueItem("RI-2026-0001", "P1", "order", "core", DUE, "open", days)


@pytest.mark.parametrize(
    ("verified", "state", "outcome"),
    [
        (DUE - DAY, "verified", Outcome.IN_TIME),
        (DUE, "verified", Outcome.IN_TIME),
        (DUE + timedelta(microseconds=1), "verified", Outcome.LATE),
        (None, "wont_do", Outcome.BY_HAND),
        (None, "fix_claimed", Outcome.OPEN),
        (DUE - DAY, "regressed", Outcome.IN_TIME),
        (DUE - DAY, "wont_do", Outcome.IN_TIME),
    ],
)
def test_due_item_outcome_counts_only_an_automated_pass(verified, state, outcome):
    assert due_item(verified=verified, state=state).outcome is outcome


def test_closure_of_the_specification_is_92_percent():
    items = [due_item(n, verified=DUE - DAY, state="verified") for n in range(23)]
    items += [due_item(24, verified=DUE + 3 * DAY, state="verified"), due_item(25, state="wont_do")]

    figure = metrics.closure(items)

    assert figure == metrics.Closure(25, 23, 1, 1, 0, Decimal("92.0"), 3 * DAY)
    assert str(figure.rate_percent) == "92.0"


def test_closure_of_nothing_is_none_and_not_zero():
    assert metrics.closure([]) == metrics.Closure(0, 0, 0, 0, 0, None, None)


def test_closure_rounds_halves_up():
    items = [due_item(verified=DUE, state="verified"), *[due_item(n) for n in range(15)]]

    assert metrics.closure(items).rate_percent == Decimal("6.3")


def test_times_gives_median_and_p90_over_all_and_per_severity():
    incidents = [resolved(minutes) for minutes in (10, 20, 30, 40)] + [resolved(17, severity="P0")]

    overall, p0, p1 = metrics.times(incidents)

    assert (overall.severity, p0.severity, p1.severity) == ("", "P0", "P1")
    assert overall.ttr == Spread(5, 20 * MINUTE, 36 * MINUTE)
    assert p0.ttr == Spread(1, 17 * MINUTE, 17 * MINUTE)
    assert p1.ttr == Spread(4, 25 * MINUTE, 37 * MINUTE)


def test_times_leaves_out_durations_whose_milestone_is_missing():
    begin = resolved(60).started_at
    full = resolved(
        60,
        detected_at=begin + 2 * MINUTE,
        acknowledged_at=begin + 5 * MINUTE,
        mitigated_at=begin + 30 * MINUTE,
    )

    overall = metrics.times([full, resolved(10), resolved(10, detected_at=begin + 4 * MINUTE)])[0]

    assert overall.ttr.n == 3
    assert overall.ttd == Spread(2, 3 * MINUTE, timedelta(minutes=3, seconds=48))
    assert overall.tta == Spread(1, 3 * MINUTE, 3 * MINUTE)
    assert overall.ttm == Spread(1, 30 * MINUTE, 30 * MINUTE)


def test_times_of_nothing_is_none():
    assert metrics.times([]) == [metrics.Times("", *[Spread(0, None, None)] * 4)]


def test_ageing_counts_each_item_in_one_band():
    figure = metrics.ageing([overdue(days) for days in (0, 7, 8, 30, 31, 90, 91, 400)])

    assert figure == metrics.Ageing(8, 2, 2, 2, 2, 400)
    assert metrics.ageing([]) == metrics.Ageing(0, 0, 0, 0, 0, None)


@given(
    st.lists(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9000)), min_size=1),
    st.integers(0, 100),
)
def test_quantile_lies_between_the_values_and_ignores_their_order(durations, percent):
    value = metrics.quantile(durations, percent)

    assert min(durations) <= value <= max(durations)
    assert value == metrics.quantile(durations[::-1], percent)


def test_bands_count_each_incident_once():
    took = (0, 5, 6, 15, 60, 61, 480, 481, 9999)

    found = metrics.bands([resolved(minutes) for minutes in took])

    assert [count for _end, count in found] == [2, 2, 0, 1, 1, 0, 1, 2]
    assert sum(count for _end, count in found) == len(took)
    assert (found[0][0], found[-1][0]) == (5 * MINUTE, None)
    assert [count for _end, count in metrics.bands([])] == [0] * 8
