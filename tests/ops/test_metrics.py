"""/metrics: guarded, in Prometheus' format, and true."""

import re
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from ops import metrics
from remediation import circuits, runs, workload
from remediation.models import VerificationCheck
from remediation.probes.result import ProbeResult
from tests import factories

pytestmark = pytest.mark.django_db

TOKEN = "a-token-of-its-own"
_SAMPLE = re.compile(r'([a-z_]+)(?:\{(\w+="(?:[^"\\]|\\.)*",?)+\})? (-?[0-9.e+-]+|NaN|[+-]Inf)')


@pytest.fixture
def scrape(client, settings):
    settings.METRICS_TOKEN = TOKEN

    def get(authorization: str = f"Bearer {TOKEN}"):
        return client.get("/metrics", headers={"Authorization": authorization} if authorization else {})

    return get


def samples(response) -> dict[str, float]:
    assert response.status_code == 200
    lines = [line for line in response.text.splitlines() if not line.startswith("#")]
    assert all(_SAMPLE.fullmatch(line) for line in lines), response.text
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_without_a_token_there_is_no_such_page(client, settings):
    settings.METRICS_TOKEN = ""

    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", "Bearer ключ"])
def test_without_its_token_nothing_is_told(scrape, authorization):
    response = scrape(authorization)

    assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Bearer realm="metrics"')
    assert "closeloop_" not in response.text


def test_nobody_else_gets_in(client, settings):
    settings.METRICS_TOKEN = TOKEN
    client.force_login(factories.user(role="administrator"))

    assert client.get("/metrics").status_code == 401


def test_any_host_name_and_no_other_method_is_answered(client, scrape):
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "10.1.2.3:8000"}

    assert client.get("/metrics", headers=headers).status_code == 200
    assert client.post("/metrics", headers=headers).status_code == 405


def test_idle_engine_is_not_late(scrape):
    told = samples(scrape())

    assert told["closeloop_checks_overdue"] == 0
    assert told["closeloop_checks_oldest_overdue_seconds"] == 0
    assert not any(name.startswith("closeloop_check_lateness") for name in told)


def test_figures_tell_what_is_late_held_and_found(scrape):
    now = timezone.now()
    item = factories.item(state="in_progress", checks=0)
    later = {"next_run_at": now + timedelta(hours=1), "interval_seconds": 300}
    done, held, waiting, asked = (factories.check(item, **later) for _ in range(4))
    for number, outcome in enumerate(("pass", "pass", "error"), start=1):
        slot = now - timedelta(minutes=10 * number)
        factories.check_run(
            done, slot=slot, outcome=outcome, started_at=slot + timedelta(seconds=number), attempt=number
        )
    factories.stand(done, last_run_at=now - timedelta(minutes=10))
    factories.hold(held, slot=now, until=now + timedelta(minutes=1))
    factories.stand(waiting, next_run_at=now - timedelta(minutes=7))
    runs.ask_now(asked.pk, now=now)
    others = VerificationCheck.objects.exclude(item=item)
    factories.stand(others, next_run_at=now + timedelta(hours=1))

    told = samples(scrape())

    assert told["closeloop_checks_overdue"] == 2
    assert 420 <= told["closeloop_checks_oldest_overdue_seconds"] < 480
    assert told['closeloop_check_lateness_seconds{quantile="0.5"}'] == 2
    assert told['closeloop_runs_waiting{kind="prometheus"}'] == 2
    assert told['closeloop_runs_claimed{kind="prometheus"}'] == 1
    assert told['closeloop_runs_last_hour{kind="prometheus",outcome="pass"}'] == 2
    assert told['closeloop_runs_last_hour{kind="prometheus",outcome="error"}'] == 1
    assert told["closeloop_runs_attempted_again_last_hour"] == 2


def test_silent_source_is_named(scrape):
    source = factories.data_source('Cell "1"\\')
    said = circuits.Tally()
    for _ in range(3):
        said.add(ProbeResult("error", error_code="unreachable", is_silence=True))
    circuits.note({source.pk: said})

    told = samples(scrape())

    assert told['closeloop_data_source_silent_seconds{source="Cell \\"1\\"\\\\"}'] >= 0


def test_database_that_does_not_answer_is_said(scrape, monkeypatch):
    def refuse(now):
        raise OperationalError

    monkeypatch.setattr(workload, "lag", refuse)
    assert metrics.workload.lag is refuse

    assert scrape().status_code == 503
