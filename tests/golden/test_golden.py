"""The figures against results computed by hand; README.md beside this file shows the arithmetic."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from governance import cohorts, figures, kpis, metrics, periods
from governance.metrics import CATALOGUE, IDLE, Counted, Quarter, Rows, Shape, Unit, measure
from governance.models import Deploy
from postmortem.models import Recurrence
from tests import factories as f

MAY = date(2026, 5, 1)
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
LATER = datetime(2026, 6, 3, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def of_month(month=MAY, *, now=LATER):
    return figures.of_rows(rows_of(month, now=now))


def rows_of(month=MAY, *, now=LATER):
    return cohorts.gather(periods.window(month, now=now), viewer=None)


def verified(item, at):
    for number, state in enumerate(("in_progress", "fix_claimed", "verifying", "verified")):
        f.moved(item, state, at=at - (3 - number) * MINUTE)


@pytest.fixture
def service(db):
    return f.service("order")


def item_due(service, at, **fields):
    return f.item(service=service, agreed_at=at - 60 * DAY, due_at=at, **fields)


def test_closure_and_late_by(service):
    for number in range(23):
        at = BEGIN + number * DAY + 12 * HOUR
        verified(item_due(service, at), at - HOUR)
    verified(item_due(service, BEGIN + 8 * DAY + 12 * HOUR), BEGIN + 11 * DAY)
    f.moved(item_due(service, BEGIN + 20 * DAY), "wont_do", at=BEGIN + 5 * DAY)

    found = of_month()

    assert (found["closure"]["numerator"], found["closure"]["n"]) == (23, 25)
    assert found["closure"]["percent"] == "92.0"
    late = found["late-closure"]
    assert (late["n"], late["median_seconds"], late["p90_seconds"]) == (1, 216_000, 216_000)
    assert [group["name"] for group in found["closure"]["by"]["service"]] == ["order"]


@pytest.mark.parametrize(
    ("hits", "n", "places", "percent"),
    [(1, 16, 1, "6.3"), (1, 5000, 2, "0.02"), (76, 100, 1, "76.0"), (0, 3, 1, "0.0"), (3, 3, 1, "100.0")],
)
def test_share_is_rounded_half_up(hits, n, places, percent):
    rows = [Counted("item", str(number), is_hit=number < hits) for number in range(n)]

    assert str(measure(rows, shape=Shape.SHARE, unit=Unit.PERCENT, places=places).percent) == percent


def quarters(*, repeats=()):
    """The quarters of 2024 and 2025, which are over, and the running first one of 2026."""
    names = [f"{year}-Q{number}" for year in (2024, 2025) for number in (1, 2, 3, 4)] + ["2026-Q1"]
    return [
        Quarter(
            name,
            datetime(int(name[:4]), 3 * int(name[-1]) - 2, 1, tzinfo=UTC),
            name != "2026-Q1",
            (("PM-2026-0009", "PM-2024-0001"),) if name in repeats else (),
        )
        for name in names
    ]


@pytest.mark.parametrize(
    ("repeats", "streak"), [((), 8), (("2025-Q4",), 0), (("2025-Q2",), 2), (("2026-Q1",), 0)]
)
def test_clean_quarters(repeats, streak):
    definition = CATALOGUE["clean-quarters"]
    rows = definition.rows(Rows(quarters=quarters(repeats=repeats)))

    assert definition.measure(rows).streak == streak


def test_clean_quarters_of_records(service):
    """Eight quarters over; then a person confirms that a cause of the last one had been there before."""
    first, last = (
        f.resolved_incident(started_at=at, services=[service])
        for at in (datetime(2024, 1, 10, tzinfo=UTC), datetime(2025, 11, 10, tzinfo=UTC))
    )
    early, late = (f.verified_cause(f.review(incidents=[one])) for one in (first, last))
    january, now = date(2025, 12, 1), datetime(2026, 1, 2, tzinfo=UTC)
    assert of_month(january, now=now)["clean-quarters"]["streak"] == 8

    Recurrence.objects.create(
        cause=late, earlier=early, verdict="confirmed", judged_by=f.user(), judged_at=now
    )
    rows = rows_of(january, now=now)

    assert figures.of_rows(rows)["clean-quarters"]["streak"] == 0
    row = metrics.counted("clean-quarters", rows)[-1]
    assert (row.public_id, row.linked) == ("2025-Q4", (late.review.public_id, early.review.public_id))
    november = rows_of(date(2025, 11, 1), now=now)
    assert figures.of_rows(november)["recurrence"]["percent"] == "100.0"
    assert metrics.counted("recurrence", november)[0].linked == (early.review.public_id,)


def test_proactive_share(service):
    review = f.review(incidents=[f.resolved_incident(services=[service])])
    for number in range(100):
        at = BEGIN + number * 6 * HOUR
        f.item(
            service=service, agreed_at=at, due_at=at + 90 * DAY, checks=1, owner=review.owner,
            **{"review": review, "origin": "review"} if number < 24 else {},
        )  # fmt: skip

    found = of_month()["proactive"]

    assert (found["numerator"], found["n"], found["percent"]) == (76, 100, "76.0")


def resolved(service, minutes, *, at=BEGIN + 9 * DAY, **fields):
    return f.resolved_incident(
        minutes=minutes, started_at=at - minutes * MINUTE, services=[service], **fields
    )


def test_durations(service):
    for minutes in (10, 20, 40, 17):
        resolved(service, minutes)

    found = of_month()["ttr"]

    assert (found["n"], found["median_seconds"], found["p90_seconds"]) == (4, 18 * 60 + 30, 34 * 60)
    assert found["number"] == "18.5"


def test_missing_milestone_is_left_out(service):
    at = BEGIN + 9 * DAY
    for minutes in (2, 4, None):
        detected = at - 30 * MINUTE + (minutes or 0) * MINUTE if minutes else None
        resolved(service, 30, detected_at=detected, acknowledged_at=None, mitigated_at=None)

    found = of_month()["ttd"]

    assert (found["n"], found["median_seconds"], found["p90_seconds"]) == (2, 180, 228)
    assert found["excluded"] == {"no_milestone": 1}


def test_loss_is_summed_by_currency(service):
    for amount, currency in (("1200000.00", "CNY"), ("300000.50", "CNY"), ("12.00", "USD"), (None, "")):
        resolved(service, 10, loss_amount=amount and Decimal(amount), loss_currency=currency)

    found = of_month()["impact-loss"]

    assert found["sums"] == {"CNY": "1500000.50", "USD": "12.00"}
    assert (found["n"], found["number"], found["excluded"]) == (3, None, {"not_stated": 1})


def test_deploy_failure_rate_of_records(service):
    reporter = f.user()

    def deploy(number, verdict="pass", **fields):
        return Deploy(**{
            "external_id": f"run-{number}", "service": service, "version": "1.4.2", "verdict": verdict,
            "deployed_at": BEGIN + number * MINUTE, "reported_by": reporter, "reported_at": LATER,
        } | fields)  # fmt: skip

    Deploy.objects.bulk_create(deploy(number, "fail" if number == 7 else "pass") for number in range(5000))
    Deploy.objects.bulk_create(
        [deploy(5000, "fail"), deploy(5000, revision=2), deploy(5001, "fail", environment="staging")]
    )

    found = of_month()["deploy-failures"]

    assert (found["numerator"], found["n"], found["percent"]) == (1, 5001, "0.02")
    assert [group["name"] for group in found["by"]["team"]] == [service.team.slug]


def test_self_healed_share_and_the_times_of_both_sides(service):
    healed, *_by_people = (resolved(service, minutes) for minutes in (10, 20, 30))
    f.heal(incident=healed)
    f.heal(ended_at=BEGIN + 9 * DAY)
    f.heal(ended_at=BEGIN + 9 * DAY, outcome="failed")
    f.heal(incident=resolved(service, 500, is_drill=True))

    found = of_month()

    share, machines, people = (found[key] for key in ("self-healed", "recovery-healed", "recovery-people"))
    assert (share["numerator"], share["n"], share["percent"]) == (2, 4, "50.0")
    assert share["excluded"] == machines["excluded"] == {"drill": 1}
    assert (machines["n"], machines["median_seconds"], machines["p90_seconds"]) == (2, 324, 545)
    assert (people["n"], people["median_seconds"], people["p90_seconds"]) == (2, 25 * 60, 29 * 60)


def test_idle_share_is_the_last_word_of_the_month(db):
    governor = f.user(role="governor")
    facts = {"slug": IDLE, "name": "Idle", "unit": "%", "baseline": Decimal(41), "target": Decimal(20)}
    kpi = kpis.add(**facts, by=governor, now=LATER)
    for day, value in ((1, "41"), (20, "24"), (20, "19"), (32, "18")):
        on = (BEGIN + (day - 1) * DAY).date()
        kpis.push(kpi, date=on, value=Decimal(value), by=governor, now=LATER)

    found = figures.beside(of_month(), previous=of_month(date(2026, 4, 1)), year_before=None)["idle"]

    assert (found["n"], found["number"], found["sums"]) == (2, "19", {"%": "19"})
    assert (found["previous"], found["baseline"], found["target"]) == (None, "41.0000", "20.0000")
    assert figures.judged(CATALOGUE["idle"], found) == (True, None)


def test_what_does_not_count_is_left_out_with_the_reason(service):
    resolved(service, 10)
    resolved(service, 500, is_drill=True)
    resolved(service, 500, severity="P4")
    for word in ("duplicate", "false_alarm"):
        resolved(service, 500, dismissed_as=word, dismissed_reason="So it was.", closed_at=LATER)

    found = of_month()["ttr"]

    assert (found["n"], found["median_seconds"]) == (1, 600)
    assert found["excluded"] == {"drill": 1, "duplicate": 1, "false_alarm": 1, "severity": 1}


def test_facilitation(service):
    joined = {"role": "facilitator", "joined_at": BEGIN - 90 * DAY}
    wide, narrow, idle = (f.user(name, **joined) for name in ("Wide", "Narrow", "Idle"))
    for person, teams in ((wide, 2), (narrow, 1)):
        told = f.resolved_incident(services=[service])
        review = f.review(facilitator=person, incidents=[told], is_open=True, opened_at=BEGIN + 4 * DAY)
        review.teams_present.set([f.team() for _ in range(teams)])
        f.archived(review, at=BEGIN + 5 * DAY)

    rows = rows_of()
    found = figures.of_rows(rows)["facilitation"]

    assert (found["numerator"], found["n"], found["percent"]) == (1, 3, "33.3")
    details = {row.public_id: row.detail for row in metrics.counted("facilitation", rows)}
    assert details == {str(wide.pk): "led", str(narrow.pk): "short", str(idle.pk): "short"}


def test_month_begins_at_midnight_of_the_installation(service, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    midnight = datetime(2026, 4, 30, 16, tzinfo=UTC)
    item_due(service, midnight)
    item_due(service, midnight - timedelta(microseconds=1))

    assert [of_month(month)["closure"]["n"] for month in (date(2026, 4, 1), MAY)] == [1, 1]
    assert rows_of(MAY).due[0].due_at == midnight


def test_month_with_the_change_of_clocks_is_an_hour_shorter(service, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    starts_at, ends_at = periods.period(date(2026, 3, 1))

    assert (starts_at, ends_at) == (
        datetime(2026, 2, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 31, 22, tzinfo=UTC),
    )
    assert ends_at - starts_at == 743 * HOUR


def test_incident_over_the_change_of_clocks_lasts_what_it_lasted(service, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    resolved(service, 60, at=datetime(2026, 3, 29, 1, 30, tzinfo=UTC))

    assert of_month(date(2026, 3, 1))["ttr"]["median_seconds"] == 3600


def test_empty_month_has_nothing_and_not_zero(db):
    found = of_month()

    assert {value["n"] for value in found.values()} == {0}
    nothing = {(value["percent"], value["median_seconds"], *value["sums"]) for value in found.values()}
    assert nothing == {(None, None)}
    assert found["clean-quarters"]["streak"] is None
