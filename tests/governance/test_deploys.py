"""Deploys and self-heal runs: reported once, corrected beside, counted as they were last reported."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from governance import canaries, deploys, selfheals
from governance.canaries import Deployed
from governance.models import AlertGroup, Deploy, SelfHeal
from governance.recoveries import Recovery, recoveries
from postmortem.errors import Invalid, NotAllowed
from tests import factories
from tests.factories import DAY, HOUR, NOW
from tests.race import at_once

SECOND = timedelta(seconds=1)


def deployed(verdict="pass", **fields):
    return Deployed(**{"external_id": "1", "service": "order", "version": "1", "environment": "production",
                       "deployed_at": NOW, "verdict": verdict} | fields)  # fmt: skip


def recovery(seconds, *, is_self_healed=False):
    return Recovery("INC-2026-0001", "order", NOW, NOW + seconds * SECOND, is_self_healed)


def test_one_failed_deploy_of_5000_is_0_02_percent():
    figure = canaries.failure_rate([deployed("fail"), *[deployed()] * 4999])

    assert (figure.n, figure.failed, figure.rate_percent) == (5000, 1, Decimal("0.02"))


@pytest.mark.parametrize(
    ("rows", "rate"),
    [
        ([], None),
        ([deployed()], Decimal("0.00")),
        ([deployed("fail")], Decimal("100.00")),
        ([deployed("fail"), deployed("none"), deployed()], Decimal("33.33")),
        ([deployed("fail")] + [deployed()] * 799, Decimal("0.13")),
    ],
    ids=range(5),
)
def test_failure_rate_has_two_decimals_halves_up_and_is_none_for_none(rows, rate):
    assert canaries.failure_rate(rows).rate_percent == rate


def test_failure_rate_says_what_nobody_judged_and_what_was_corrected():
    figure = canaries.failure_rate([deployed("none"), deployed("fail", revision=2)])

    assert (figure.without_canary, figure.corrected) == (1, 1)


def test_time_to_recover_is_split():
    figure = recoveries([recovery(47, is_self_healed=True), recovery(600), recovery(1800)])

    assert (figure.self_healed.n, figure.self_healed.mean) == (1, 47 * SECOND)
    assert (figure.human.n, figure.human.mean, figure.human.median) == (2, 1200 * SECOND, 1200 * SECOND)
    assert figure.self_healed_percent == Decimal("33.3")


def test_nothing_recovered_is_none():
    figure = recoveries([])

    assert (figure.human.n, figure.human.mean, figure.self_healed_percent) == (0, None, None)


@pytest.fixture
def ada(db):
    return factories.user("Ada")


@pytest.fixture
def report(ada):
    service = factories.service("order")

    def report(external_id="pipeline-7", *, now=NOW, by=ada, **fields):
        facts = {
            "service": service,
            "version": "1.4.2",
            "deployed_at": NOW - HOUR,
            "verdict": "pass",
        } | fields
        return deploys.report(external_id=external_id, by=by, now=now, **facts)

    return report


def rate(**fields):
    rows = deploys.of_period(**{"start": NOW - DAY, "end": NOW} | fields)
    figure = canaries.failure_rate(deploys.deployed(rows))
    return figure.failed, figure.n


def test_the_same_report_again_changes_nothing(report):
    first = report(success_percent=Decimal("99.9"), latency_ms=12)

    again = report(success_percent=Decimal("99.9000"), latency_ms=12.0, now=NOW + HOUR)

    assert (again.pk, Deploy.objects.count()) == (first.pk, 1)


def test_a_correction_is_a_further_row_and_counts(report):
    report()
    correction = report(verdict="fail", now=NOW + HOUR)

    assert (correction.revision, Deploy.objects.count()) == (2, 2)
    assert rate() == (1, 1)
    assert rate(as_of=NOW) == (0, 1)
    # What was said first and is said again is a correction of the correction.
    assert report(now=NOW + 2 * HOUR).revision == 3


def test_a_correction_may_move_a_deploy_to_another_period(report):
    report()
    report(deployed_at=NOW - 3 * DAY)

    assert rate() == (0, 0)
    assert rate(start=NOW - 4 * DAY) == (0, 1)


def test_a_period_is_half_open_and_other_environments_and_services_are_apart(report):
    report("1", deployed_at=NOW - DAY)
    report("2", deployed_at=NOW)
    report("3", environment="staging")
    report("4", service=factories.service("cart"))

    assert rate() == (0, 2)
    assert rate(environment="staging") == (0, 1)
    assert rate(service=factories.service("other")) == (0, 0)


def test_rows_are_append_only(report):
    report()
    for act in (lambda: Deploy.objects.update(verdict="fail"), lambda: Deploy.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            act()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"deployed_at": NOW + DAY}, "deployed_at"),
        ({"verdict": "maybe"}, "verdict"),
        ({"success_percent": Decimal(101)}, "success_percent"),
        ({"latency_ms": -1.0}, "latency_ms"),
        ({"version": " "}, "version"),
        ({"environment": "moon"}, "environment"),
        ({"url": "javascript:alert(1)"}, "url"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_value_is_refused_by_name(report, fields, field):
    with pytest.raises(Invalid) as refusal:
        report(**fields)

    assert refusal.value.field == field
    assert Deploy.objects.count() == 0


def test_a_viewer_reports_nothing(report):
    with pytest.raises(NotAllowed):
        report(by=factories.user(role="viewer"))


@pytest.mark.django_db(transaction=True)
def test_two_reports_of_one_deploy_at_once_are_one():
    service, ada = factories.service("order"), factories.user()
    facts = {"service": service, "version": "1", "deployed_at": NOW, "verdict": "pass"}

    at_once(*[lambda: deploys.report(external_id="1", by=ada, now=NOW, **facts)] * 2)

    assert Deploy.objects.count() == 1


@pytest.fixture
def heal(ada):
    service = factories.service("order")

    def heal(external_id="job-7", **fields):
        facts = {
            "service": service, "trigger": "PoolFull", "playbook": "restart-pool.yml",
            "started_at": NOW - HOUR, "ended_at": NOW - HOUR + 47 * SECOND, "outcome": "healed",
        } | fields  # fmt: skip
        return selfheals.report(external_id=external_id, **{"by": ada, "now": NOW} | facts)

    return heal


def recovered(viewer, **fields):
    return selfheals.recovered(**{"start": NOW - DAY, "end": NOW} | fields, viewer=viewer)


def test_a_run_without_an_incident_gives_its_own_47_seconds(heal, ada):
    heal()
    heal()

    (row,) = recovered(ada)

    assert SelfHeal.objects.count() == 1
    assert (row.name, row.is_self_healed, row.took) == ("job-7", True, 47 * SECOND)


def test_an_incident_that_a_run_healed_counts_once_by_its_own_time(heal, ada):
    incident = factories.resolved_incident(started_at=NOW - HOUR, resolved_at=NOW - HOUR + 300 * SECOND)
    heal(incident=incident)
    factories.resolved_incident("People did it", started_at=NOW - HOUR, resolved_at=NOW - 1800 * SECOND)

    rows = recovered(ada)

    assert [(row.is_self_healed, row.took) for row in rows] == [(True, 300 * SECOND), (False, 1800 * SECOND)]
    assert rows[0].playbook == "restart-pool.yml"


def test_a_run_that_failed_heals_nothing(heal, ada):
    incident = factories.resolved_incident(started_at=NOW - HOUR, resolved_at=NOW - HOUR + 300 * SECOND)
    heal(incident=incident, outcome="failed")
    heal("job-8", outcome="failed")

    assert [row.is_self_healed for row in recovered(ada)] == [False]


def test_what_counts_in_no_figure_is_left_out(ada):
    times = {"started_at": NOW - HOUR, "resolved_at": NOW - HOUR / 2}
    factories.resolved_incident(is_drill=True, **times)
    factories.resolved_incident(severity="P4", **times)
    factories.resolved_incident(dismissed_as="false_alarm", dismissed_reason="None.", closed_at=NOW, **times)
    factories.resolved_incident(started_at=NOW - 3 * DAY, resolved_at=NOW - 2 * DAY)

    assert recovered(ada) == []


def test_a_run_for_a_restricted_incident_is_hidden_with_it(heal, ada):
    gov = factories.user(role="governor")
    incident = factories.resolved_incident(
        is_restricted=True, started_at=NOW - HOUR, resolved_at=NOW - HOUR / 2
    )
    heal(incident=incident, by=gov)

    assert (selfheals.visible_to(ada).count(), recovered(ada)) == (0, [])
    assert (selfheals.visible_to(gov).count(), len(recovered(gov))) == (1, 1)


def test_the_fingerprint_of_an_alert_names_its_incident(heal, ada):
    incident = factories.incident()
    AlertGroup.objects.create(
        source=factories.event_source(), group_key="g", key_digest="0" * 64, alerts={"abc": {}},
        incident=incident, since=NOW,
    )  # fmt: skip

    assert heal(fingerprint="abc").incident == incident
    assert heal("job-8", fingerprint="none").incident is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"ended_at": NOW - 2 * HOUR}, "ended_at"),
        ({"ended_at": NOW + DAY}, "ended_at"),
        ({"outcome": "maybe"}, "outcome"),
        ({"playbook": ""}, "playbook"),
    ],
    ids=range(4),
)
def test_a_wrong_run_is_refused_by_name(heal, fields, field):
    with pytest.raises(Invalid) as refusal:
        heal(**fields)

    assert refusal.value.field == field


def test_the_database_refuses_a_run_that_ends_before_its_start(heal):
    run = heal()
    run.pk, run.revision, run.ended_at = None, 2, run.started_at - SECOND
    with pytest.raises(IntegrityError), transaction.atomic():
        run.save(force_insert=True)
