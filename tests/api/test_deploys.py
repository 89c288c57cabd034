"""Programs report deploys and self-heal runs and read the figures."""

import pytest

from governance.models import Deploy
from tests import factories
from tests.api.conftest import assert_problem
from tests.factories import HOUR, NOW

pytestmark = pytest.mark.django_db

DEPLOY = {
    "external_id": "pipeline-7", "service": "order", "version": "1.4.2", "verdict": "fail",
    "deployed_at": "2026-11-20T10:00:00Z", "success_percent": "99.2", "latency_ms": 420.5,
}  # fmt: skip
RUN = {
    "external_id": "job-7", "service": "order", "trigger": "PoolFull", "playbook": "restart-pool.yml",
    "started_at": "2026-11-20T10:00:00Z", "ended_at": "2026-11-20T10:00:47Z", "outcome": "healed",
}  # fmt: skip
PERIOD = "start=2026-11-01T00:00:00Z&end=2026-12-01T00:00:00Z"


@pytest.fixture(autouse=True)
def order():
    return factories.service("order")


def test_a_deploy_is_reported_once_and_counted(member):
    first = member.post("deploys", DEPLOY)
    again = member.post("deploys", DEPLOY)
    member.post("deploys", DEPLOY | {"external_id": "pipeline-8", "verdict": "pass"})

    assert (first.status_code, again.status_code, Deploy.objects.count()) == (201, 200, 2)
    assert first.json() == again.json()
    assert (first.json()["revision"], first.json()["success_percent"]) == (1, "99.2000")
    figure = member.get(f"deploys/failure-rate?{PERIOD}").json()
    assert (figure["failed"], figure["n"], figure["rate_percent"]) == (1, 2, "50.00")
    assert [row["external_id"] for row in figure["rows"]] == ["pipeline-7"]
    assert len(member.get("deploys?verdict=fail&service=order").json()["items"]) == 1


def test_a_correction_is_listed_in_place_of_what_it_corrects(member):
    member.post("deploys", DEPLOY)
    assert member.post("deploys", DEPLOY | {"verdict": "pass"}).status_code == 201

    (row,) = member.get("deploys").json()["items"]

    assert (row["revision"], row["verdict"]) == (2, "pass")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"service": "nowhere"}, "service"),
        ({"verdict": "maybe"}, "verdict"),
        ({"deployed_at": "2026-11-20"}, "deployed_at"),
        ({"deployed_at": "2099-11-20T10:00:00Z"}, "deployed_at"),
        ({"success_percent": 101}, "success_percent"),
        ({"latency_ms": "fast"}, "latency_ms"),
        ({"external_id": ""}, "external_id"),
        ({"typo": 1}, "typo"),
    ],
    ids=range(8),
)
def test_a_wrong_deploy_is_refused_by_name(member, change, field):
    body = assert_problem(member.post("deploys", DEPLOY | change), 400, "invalid")

    assert field in body["errors"]
    assert Deploy.objects.count() == 0


@pytest.mark.parametrize("path", ["deploys/failure-rate", "self-heals/recovery"])
def test_a_figure_needs_its_period(member, path):
    assert_problem(member.get(path), 400, "invalid")
    body = assert_problem(
        member.get(f"{path}?start=2026-11-01T00:00:00Z&end=2026-11-01T00:00:00Z"), 400, "invalid"
    )
    assert "end" in body["errors"]


def test_a_run_of_47_seconds_gives_47_seconds(member):
    assert member.post("self-heals", RUN).status_code == 201
    assert member.post("self-heals", RUN).status_code == 200

    figure = member.get(f"self-heals/recovery?{PERIOD}&service=order").json()

    assert (figure["self_healed"]["n"], figure["self_healed"]["mean_seconds"]) == (1, 47.0)
    assert (figure["human"]["n"], figure["self_healed_percent"]) == (0, "100.0")
    assert [row["seconds"] for row in figure["rows"]] == [47.0]


def test_a_run_names_no_incident_that_its_reporter_may_not_see(member):
    hidden = factories.incident(is_restricted=True)

    body = assert_problem(member.post("self-heals", RUN | {"incident": hidden.public_id}), 400, "invalid")

    assert "incident" in body["errors"]


def test_figures_and_lists_leave_out_what_is_restricted(member, administrator):
    hidden = factories.resolved_incident(
        "Zanzibar", is_restricted=True, started_at=NOW - HOUR, resolved_at=NOW - HOUR / 2
    )
    administrator.post("self-heals", RUN | {"incident": hidden.public_id})

    assert member.get("self-heals").json()["items"] == []
    assert member.get(f"self-heals/recovery?{PERIOD}").json()["rows"] == []
    assert len(administrator.get(f"self-heals/recovery?{PERIOD}").json()["rows"]) == 1


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("deploys", 2),
        ("self-heals", 2),
        (f"deploys/failure-rate?{PERIOD}", 3),
        (f"self-heals/recovery?{PERIOD}", 6),
    ],
    ids=["deploys", "self-heals", "failure-rate", "recovery"],
)
def test_many_rows_cost_no_more_queries_than_one(member, path, queries, count, django_assert_num_queries):
    for number in range(count):
        incident = factories.resolved_incident(started_at=NOW - HOUR, resolved_at=NOW)
        member.post("deploys", DEPLOY | {"external_id": str(number)})
        member.post("self-heals", RUN | {"external_id": str(number), "incident": incident.public_id})

    with django_assert_num_queries(queries):
        assert member.get(path).status_code == 200
