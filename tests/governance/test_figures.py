"""Figures: what a closed month knew, what a reader may see, and the goals beside them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from governance import cohorts, figure_words, figures, goals, metrics, periods, reports
from governance.metrics import CATALOGUE
from governance.models import FigureGoal
from postmortem.errors import Invalid, NotAllowed
from postmortem.models import Recurrence, Service, Severity
from remediation.models import RemediationItem, RosterEntry
from tests import factories as f

pytestmark = pytest.mark.django_db

# Long over whenever the tests run: the trail dates edits by the clock of the database.
MAY = date(2026, 5, 1)
BEGIN, END = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
LATER = END + timedelta(days=2)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def governor():
    return f.user("Gia", role="governor")


def rows(viewer=None, *, month=MAY, now=LATER):
    return cohorts.gather(periods.window(month, now=now), viewer=viewer)


def values(viewer=None, **period):
    return figures.of_rows(rows(viewer, **period))


def item_due(at=BEGIN + 10 * DAY, **fields):
    return f.item(agreed_at=at - 60 * DAY, due_at=at, **fields)


def led(leader, incidents, *, teams=2):
    """A review with a verified cause and an item with an exam; still open."""
    review = f.review(incidents=incidents, facilitator=leader, is_open=True, opened_at=BEGIN + 11 * DAY)
    review.teams_present.set([f.team() for _ in range(teams)])
    f.verified_cause(review)
    f.exam(item_due(review=review), members=[f.user()])
    return review


def resolved(minutes=20, **fields):
    at = BEGIN + 9 * DAY
    return f.resolved_incident(minutes=minutes, started_at=at - minutes * MINUTE, **fields)


# --- a closed month reads what was true then -----------------------------------------------------------


@pytest.mark.parametrize("due_at", [BEGIN - 5 * DAY, END - DAY], ids=["earlier month", "same month"])
def test_closed_month_keeps_the_deadline_that_held_then(due_at):
    item = item_due(END - DAY / 2)
    before = rows()

    RemediationItem.objects.filter(pk=item.pk).update(due_at=due_at)

    assert rows() == before
    assert [row.due_at for row in before.due] == [END - DAY / 2]


def test_closed_month_knows_an_item_that_was_due_later_then():
    item = item_due(END + 5 * DAY)

    RemediationItem.objects.filter(pk=item.pk).update(due_at=END - 5 * DAY)

    found = rows()
    assert (found.due, found.overdue) == ([], [])


def test_closed_month_keeps_service_team_severity_and_category():
    item = item_due()
    before = rows()
    other = f.service("other")

    RemediationItem.objects.filter(pk=item.pk).update(
        service=other, team=other.team, severity=f.severity("P0"), category="missing_tool", origin="review",
        review=f.review(),
    )  # fmt: skip

    after = rows()
    assert (after.due, after.overdue) == (before.due, before.overdue)
    assert before.due[0].service != "other"


def test_place_on_a_roster_keeps_the_category_of_its_month():
    f.exam(item_due(), members=[f.user()])
    RosterEntry.objects.update(joined_at=BEGIN)
    (before,) = rows().exams

    RemediationItem.objects.filter(public_id=before.public_id).update(category="missing_tool")

    assert rows().exams == [before]
    assert before.category != "missing_tool"


def test_closed_month_keeps_the_team_that_owned_a_service():
    service = f.service("order")
    resolved(services=[service])
    before = rows()

    Service.objects.filter(pk=service.pk).update(team=f.team())

    assert rows().resolved == before.resolved


def test_closed_month_keeps_what_a_severity_meant():
    resolved(severity="P1")
    resolved(severity="P4")
    before = rows()

    Severity.objects.update(counts_in_figures=False)

    assert rows() == before
    assert (len(before.resolved), [row.excluded for row in before.left_out]) == (1, ["severity"])


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "member"}, {"role": "governor"}])
def test_closed_month_keeps_who_had_to_lead(change):
    person = f.user("Lea", role="facilitator", joined_at=BEGIN - DAY)
    before = rows()

    User.objects.filter(pk=person.pk).update(**change)

    assert rows().leaders == before.leaders
    assert [row.person_id for row in before.leaders] == [person.pk]


def test_who_joined_after_the_month_owes_it_nothing():
    f.user(role="facilitator", joined_at=END)

    assert rows().leaders == []


def test_running_month_reads_what_stands_now():
    now = BEGIN + 20 * DAY
    item = item_due()
    RemediationItem.objects.filter(pk=item.pk).update(category="missing_tool")

    assert [row.category for row in rows(now=now).due] == ["missing_tool"]


def test_late_verification_after_the_month_is_not_known_to_it():
    item = item_due(END - DAY)
    for number, state in enumerate(("in_progress", "fix_claimed", "verifying", "verified")):
        f.moved(item, state, at=END + DAY + number * MINUTE)

    assert [row.outcome for row in rows().due] == ["open"]
    assert [row.state for row in rows().overdue] == ["open"]


# --- dimensions, comparison, goals ---------------------------------------------------------------------


def test_every_group_of_a_figure_is_that_figure_over_its_rows():
    for slug, minutes in (("order", 10), ("order", 30), ("stock", 50)):
        service = Service.objects.filter(slug=slug).first() or f.service(slug)
        resolved(minutes, services=[service])
    found = rows()

    groups = {group["name"]: group for group in figures.of_rows(found)["ttr"]["by"]["service"]}

    assert groups["order"]["median_seconds"] == 1200
    assert groups["stock"]["n"] == 1
    for dimension in CATALOGUE["ttr"].dimensions:
        split = metrics.split(metrics.counted("ttr", found), dimension)
        assert sum(len(group) for group in split.values()) == 3


def test_report_says_what_a_figure_was_before(governor):
    for month, minutes in ((5, 20), (4, 30)):
        f.resolved_incident(minutes=minutes, started_at=datetime(2026, month, 9, tzinfo=UTC))
    f.resolved_incident(minutes=60, started_at=datetime(2025, 5, 9, tzinfo=UTC))

    found = reports.build(MAY, viewer=governor, now=LATER).figures["all"]["ttr"]

    assert (found["number"], found["previous"], found["year_before"]) == ("20.0", "30.0", "60.0")


def test_month_before_says_the_same_as_its_own_report(governor):
    # In minutes it is 0.6, which is 36 s again.
    at = datetime(2026, 4, 9, tzinfo=UTC)
    f.resolved_incident(started_at=at, detected_at=at, acknowledged_at=at + timedelta(seconds=37), minutes=9)
    tta = CATALOGUE["tta"]

    april = reports.build(date(2026, 4, 1), viewer=governor, now=LATER).figures["all"]["tta"]
    may = reports.build(MAY, viewer=governor, now=LATER).figures["all"]["tta"]

    assert figure_words.shown(tta, april) == "37 s"
    assert figure_words.before(tta, may, "previous") == "37 s"
    assert figure_words.before(tta, may, "year_before") == "–"


def test_month_that_was_frozen_with_rounded_minutes_only_says_those():
    assert figure_words.before(CATALOGUE["tta"], {"previous": "0.6"}, "previous") == "36 s"


def test_first_month_that_can_be_has_nothing_before_it(governor):
    found = reports.build(date(2000, 1, 1), viewer=governor, now=LATER).figures["all"]["ttr"]

    assert (found["previous"], found["year_before"]) == (None, None)


def test_goal_is_said_beside_its_figure(governor):
    goals.write("closure", target=Decimal(90), baseline=Decimal("41.5"), by=governor, now=LATER)

    found = reports.build(MAY, viewer=governor, now=LATER).figures["all"]

    assert (found["closure"]["target"], found["closure"]["baseline"]) == ("90.00", "41.50")
    assert found["ttr"]["target"] is None


def test_goal_of_a_published_month_stays(governor):
    goals.write("closure", target=Decimal(90), baseline=None, by=governor, now=LATER)
    reports.publish(MAY, by=governor, now=LATER)

    goals.write("closure", target=Decimal(50), baseline=None, by=governor, now=LATER)

    assert reports.build(MAY, viewer=governor, now=LATER).figures["all"]["closure"]["target"] == "90.00"
    assert FigureGoal.objects.get().version == 2


@pytest.mark.parametrize(
    ("figure", "target", "field"),
    [
        ("nonsense", Decimal(1), "figure"),
        ("closure", Decimal(-1), "target"),
        ("closure", Decimal("NaN"), "target"),
        ("closure", Decimal("1e13"), "target"),
    ],
)
def test_goal_that_makes_no_sense_is_refused(governor, figure, target, field):
    with pytest.raises(Invalid) as refusal:
        goals.write(figure, target=target, baseline=None, by=governor, now=LATER)

    assert refusal.value.field == field
    assert not FigureGoal.objects.exists()


@pytest.mark.parametrize(
    ("figure", "currency"),
    [("impact-loss", ""), ("impact-loss", "cny"), ("impact-loss", "¥¥¥"), ("ttr", "CNY")],
)
def test_goal_of_money_is_in_a_currency_and_no_other_is(governor, figure, currency):
    with pytest.raises(Invalid) as refusal:
        goals.write(figure, target=Decimal(1), baseline=None, currency=currency, by=governor, now=LATER)

    assert refusal.value.field == "currency"
    assert not FigureGoal.objects.exists()


@pytest.mark.parametrize(
    ("losses", "judged"),
    [
        ([("CNY", 50)], (True, True)),
        ([("CNY", 150)], (False, False)),
        ([("USD", 50)], (None, None)),
        ([("CNY", 50), ("USD", 50)], (None, None)),
        ([], (None, None)),
    ],
    ids=["less", "more", "another currency", "two currencies", "nothing"],
)
def test_money_is_held_against_the_same_currency_only(governor, losses, judged):
    goals.write("impact-loss", target=Decimal(100), baseline=None, currency="CNY", by=governor, now=LATER)
    before = datetime(2026, 4, 9, tzinfo=UTC)
    f.resolved_incident(started_at=before, loss_amount=Decimal(90), loss_currency="CNY")
    for currency, amount in losses:
        resolved(loss_amount=Decimal(amount), loss_currency=currency)

    found = reports.build(MAY, viewer=governor, now=LATER).figures["all"]["impact-loss"]

    assert figures.judged(CATALOGUE["impact-loss"], found) == judged
    assert (found["previous_sums"], found["year_before_sums"]) == ({"CNY": "90.00"}, {})
    assert found["sums"] == {currency: f"{amount}.00" for currency, amount in losses}


def test_goals_are_for_governors():
    with pytest.raises(NotAllowed):
        goals.write("closure", target=None, baseline=None, by=f.user(role="facilitator"), now=LATER)


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"target": -1}, "figure_target_is_not_negative"),
        ({"baseline": -1}, "figure_baseline_is_not_negative"),
        ({"figure": ""}, "figure_goal_names_a_figure"),
    ],
)
def test_database_refuses_a_goal_that_makes_no_sense(governor, columns, constraint):
    fields = {"figure": "closure", "edited_by": governor, "edited_at": LATER} | columns

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        FigureGoal.objects.create(**fields)


@pytest.mark.parametrize(
    ("key", "number", "target", "expected"),
    [
        ("closure", "92.0", "90", True),
        ("closure", "89.9", "90", False),
        ("ttr", "20", "30", True),
        ("ttr", "31", "30", False),
        ("ttr", None, "30", None),
        ("ttr", "31", None, None),
    ],
)
def test_target_is_met_in_the_direction_that_is_better(key, number, target, expected):
    read = [None if text is None else Decimal(text) for text in (number, target)]

    assert figures.meets(CATALOGUE[key], *read) is expected


# --- who may see what ----------------------------------------------------------------------------------


def test_figures_of_a_stranger_count_nothing_that_is_restricted(governor):
    """Neither an incident nor its item, its cause, its exam nor who led its review."""
    leader = f.user("Lea", role="facilitator", joined_at=BEGIN - DAY)
    for is_restricted in (False, True):
        told = resolved(600 if is_restricted else 20, is_restricted=is_restricted)
        f.archived(led(leader, [told]), at=BEGIN + 12 * DAY)

    stranger, everything = values(f.user()), values(governor)

    for key in ("closure", "overdue", "ttr", "impact-minutes", "recurrence"):
        both = (stranger[key], everything[key])
        counts = [value["n"] + sum(value["excluded"].values()) for value in both]
        assert counts == [1, 2], key
    assert values() == everything
    assert len(rows(f.user()).leaders[0].led) == 1
    assert len(rows(governor).leaders[0].led) == 2


@pytest.mark.parametrize("is_published", [False, True])
def test_self_healed_incident_that_is_restricted_is_not_counted_for_a_stranger(governor, is_published):
    hidden = resolved(is_restricted=True)
    f.heal(incident=hidden, playbook="secret.yml")
    if is_published:
        reports.publish(MAY, by=governor, now=LATER)

    for viewer, counts in ((f.user(), (0, 0, 0)), (governor, (1, 1, 0))):
        report = reports.build(MAY, viewer=viewer, now=LATER)
        found = report.figures["all"]
        keys = ("self-healed", "recovery-healed", "recovery-people")
        assert tuple(found[key]["n"] for key in keys) == counts
        assert ("secret.yml" in str(report.rows)) is (counts[0] == 1)


# --- one team -------------------------------------------------------------------------------------------


@pytest.fixture
def of_two_teams(governor):
    """A row of each kind for each of two teams; incidents touch both, and one of each came from both."""
    leader = f.user("Lea", role="facilitator", joined_at=BEGIN - DAY)
    services = [f.service(slug, team=f.team(slug=f"team-of-{slug}")) for slug in ("order", "stock")]
    for service, other in (services, services[::-1]):
        for is_restricted in (False, True):
            told = resolved(30, services=[service, other], is_restricted=is_restricted)
            review = led(leader, [told])
            f.archived(review, at=BEGIN + 12 * DAY)
            item_due(service=service, team=service.team, review=review)
        from_both = resolved(90, services=[service, other])
        from_both.services.through.objects.filter(incident=from_both).update(part="origin")
        again = led(leader, [from_both])
        Recurrence.objects.create(
            cause=again.causes.get(), earlier=review.causes.get(), verdict="confirmed",
            judged_by=leader, judged_at=LATER,
        )  # fmt: skip
        f.item(service=service, team=service.team, agreed_at=BEGIN + DAY, due_at=END + 9 * DAY)
        f.deploy(service, deployed_at=BEGIN + DAY, verdict="fail")
        f.heal(service=service, ended_at=BEGIN + DAY)
    RosterEntry.objects.update(joined_at=BEGIN)
    return [service.team for service in services]


def test_team_alone_comes_to_what_the_report_says_of_it(of_two_teams, governor):
    now = END - DAY
    for viewer in (governor, f.user()):
        every = reports.build(MAY, viewer=viewer, now=now).figures["all"]
        for team in of_two_teams:
            expected = {
                key: {name: part for name, part in group.items() if name != "name"}
                for key, figure in every.items()
                for group in figure["by"].get("team", [])
                if group["name"] == team.slug
            }
            assert reports.of_team(team, viewer=viewer, now=now) == expected
            assert {
                "closure",
                "overdue",
                "ttr",
                "recurrence",
                "proactive",
                "deploy-failures",
                "self-healed",
            } <= (expected.keys())


def test_team_alone_reads_no_rows_of_others(of_two_teams, governor):
    _other, team = of_two_teams
    window = periods.window(MAY, now=END - DAY)

    rows = cohorts.gather_team(window, team, viewer=governor)

    assert {row.team for row in (*rows.due, *rows.overdue, *rows.agreed, *rows.deploys, *rows.healed)} == {
        team.slug
    }
    assert rows.gate == rows.leaders == rows.quarters == rows.idle == ()


@pytest.mark.parametrize("count", [1, 3])
def test_gathering_asks_the_same_for_any_number_of_rows(governor, count):
    leader = f.user("Lea", role="facilitator", joined_at=BEGIN - DAY)
    for _ in range(count):
        f.archived(led(leader, [resolved()]), at=BEGIN + 12 * DAY)

    with CaptureQueriesContext(connection) as asked:
        rows(governor)

    assert len(asked) == 27, [one["sql"][:90] for one in asked]
