"""A month is published by programs of governors, in the background, and what changes later can be read."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from governance import corrections, publishing
from governance.models import GovernanceReport, ReportBuild
from postmortem.models import Incident
from tests import factories
from tests.api.conftest import assert_problem

MAY = datetime(2026, 5, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def governor(as_user):
    return as_user(factories.user("Gia", role="governor"))


def build_it():
    while publishing.advance(now=timezone.now()):
        pass


def test_governor_has_a_month_published(governor, member):
    factories.resolved_incident(started_at=MAY)
    before = member.get("reports/2026-05/publish").json()
    assert before == {"month": "2026-05", "is_over": True, "build": None, "published": None}

    response = governor.post("reports/2026-05/publish")
    publishing.advance(now=timezone.now())

    assert response.status_code == 202
    assert (response.json()["build"]["asked_by"]["name"], response.json()["build"]["done"]) == ("Gia", 0)
    under_way = member.get("reports/2026-05/publish").json()["build"]
    assert (under_way["done"], under_way["finished_at"]) == (1, None)
    build_it()
    after = member.get("reports/2026-05/publish").json()
    assert after["published"]["content_hash"] == GovernanceReport.objects.get().content_hash
    assert after["build"]["finished_at"] is not None


def test_asking_again_changes_nothing(governor):
    first = governor.post("reports/2026-05/publish").json()

    again = governor.post("reports/2026-05/publish")

    assert (again.status_code, again.json()) == (202, first)
    assert ReportBuild.objects.count() == 1


def test_month_is_published_once_and_when_it_is_over(governor):
    factories.resolved_incident(started_at=MAY)
    governor.post("reports/2026-05/publish")
    build_it()

    assert_problem(governor.post("reports/2026-05/publish"), 409, "already_published")
    running = f"{timezone.now():%Y-%m}"
    assert_problem(governor.post(f"reports/{running}/publish"), 409, "month_not_over")
    assert_problem(governor.post("reports/2098-05/publish"), 409, "month_not_over")
    assert (GovernanceReport.objects.count(), ReportBuild.objects.count()) == (1, 1)


@pytest.mark.parametrize("role", ["viewer", "member", "facilitator"])
def test_nobody_else_publishes(as_user, role):
    assert_problem(as_user(factories.user(role=role)).post("reports/2026-05/publish"), 403, "not_allowed")

    assert not ReportBuild.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("reports/1999-05/publish", None, 400, "month"),
        ("reports/2026-05/publish", {"force": True}, 400, "force"),
        ("reports/2026-05/publish?force=1", None, 400, "force"),
    ],
    ids=["year", "body", "query"],
)
def test_what_makes_no_sense_is_refused_by_name(governor, path, body, status, field):
    problem = assert_problem(governor.post(path, body), status, "invalid")

    assert list(problem["errors"]) == [field]
    assert not ReportBuild.objects.exists()


def test_month_that_does_not_exist_is_not_found(governor):
    assert_problem(governor.post("reports/2026-13/publish"), 404, "not_found")
    assert_problem(governor.get("reports/2026-13/corrections"), 404, "not_found")


def test_corrections_are_read_as_far_as_one_may_see(governor, member):
    plain, hidden = (
        factories.resolved_incident(started_at=MAY, minutes=20, is_restricted=is_restricted)
        for is_restricted in (False, True)
    )
    assert governor.get("reports/2026-05/corrections").json() == {"month": "2026-05", "corrections": []}
    governor.post("reports/2026-05/publish")
    build_it()
    Incident.objects.filter(pk=hidden.pk).update(resolved_at=hidden.resolved_at + 40 * MINUTE)
    corrections.look(now=timezone.now())
    assert member.get("reports/2026-05/corrections").json()["corrections"] == []

    Incident.objects.filter(pk=hidden.pk).update(resolved_at=hidden.resolved_at)
    Incident.objects.filter(pk=plain.pk).update(resolved_at=plain.resolved_at + 40 * MINUTE)
    corrections.look(now=timezone.now())

    (line,) = [
        one
        for one in member.get("reports/2026-05/corrections").json()["corrections"]
        if one["figure"] == "ttr"
    ]
    assert (line["changed"], line["added"], line["was"], line["now"]) == ([plain.public_id], [], None, None)
    seen = governor.get("reports/2026-05/corrections").json()["corrections"]
    medians = [
        (one["was"]["median_seconds"], one["now"]["median_seconds"]) for one in seen if one["figure"] == "ttr"
    ]
    assert medians == [(1200, 2400), (1200, 2400)]
