"""A real Alertmanager sends to a running instance: an alert becomes an incident, its end resolves it."""

import json
from datetime import timedelta
from urllib.request import Request, urlopen

import pytest
from django.utils import timezone

from governance import inbox
from governance.models import InboundEvent
from postmortem.models import Incident
from tests import factories
from tests.servers import Process, free_port, is_up, wait_until
from tests.services import require_program

pytestmark = [pytest.mark.flow, pytest.mark.django_db(transaction=True)]

CONFIG = """
route: {{receiver: closeloop, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}
receivers:
  - name: closeloop
    webhook_configs:
      - url: {url}
        send_resolved: true
        http_config:
          {sign_in}
"""
SIGN_IN = {
    "bearer": "authorization: {{credentials: {secret}}}",
    "basic": "basic_auth: {{username: alertmanager, password: {secret}}}",
}


@pytest.fixture
def alertmanager(tmp_path):
    """Starts the real program with one receiver; its address."""
    program = require_program("prometheus-alertmanager", "apt-get install prometheus-alertmanager")
    started = []

    def start(url, sign_in):
        config = CONFIG.format(url=url, sign_in=sign_in.format(secret=factories.EVENT_SECRET))
        (tmp_path / "alertmanager.yml").write_text(config)
        here = f"http://127.0.0.1:{free_port()}"
        argv = [program, f"--config.file={tmp_path}/alertmanager.yml", f"--storage.path={tmp_path}/data"]
        argv += [f"--web.listen-address={here.removeprefix('http://')}", "--cluster.listen-address="]
        process = Process(argv, tmp_path / "log")
        started.append(process)
        wait_until(lambda: is_up(f"{here}/-/ready"), seconds=30, what=process.said() or "Alertmanager")
        return here

    yield start
    for process in started:
        process.kill()


def tell(alertmanager, name, *, ends_at=None):
    labels = {"alertname": "PoolFull", "service": "order", "severity": "critical", "pod": name}
    alert = {"labels": labels, "annotations": {"summary": "The pool is full"}}
    alert |= {"startsAt": START.isoformat()} | ({"endsAt": ends_at.isoformat()} if ends_at else {})
    request = Request(f"{alertmanager}/api/v2/alerts", json.dumps([alert]).encode(), method="POST")
    request.add_header("Content-Type", "application/json")
    with urlopen(request, timeout=5) as answer:
        assert answer.status == 200


START = timezone.now() - timedelta(minutes=2)


def taken(count):
    """Whether so many events have come, all of them dealt with."""
    while inbox.take_next(now=timezone.now()):
        pass
    return InboundEvent.objects.exclude(state="waiting").count() >= count


@pytest.mark.parametrize("sign_in", sorted(SIGN_IN))
def test_alert_of_a_real_alertmanager_becomes_an_incident_and_its_end_resolves_it(
    live_server, alertmanager, sign_in
):
    factories.service("order")
    source = factories.event_source()
    server = alertmanager(f"{live_server.url}/api/v1/events/{source.key}", SIGN_IN[sign_in])

    tell(server, "a")
    wait_until(lambda: taken(1), what="the message")
    incident = Incident.objects.get()
    assert (incident.title, incident.started_at, incident.resolved_at) == (
        "PoolFull: The pool is full",
        START,
        None,
    )

    end = START + timedelta(seconds=47)
    tell(server, "a", ends_at=end)
    wait_until(lambda: taken(2), what="the message about the end")
    incident.refresh_from_db()
    assert (incident.resolved_at, incident.resolved_at - incident.started_at) == (end, timedelta(seconds=47))
    assert {one.state for one in InboundEvent.objects.all()} <= {"done", "ignored"}
    assert Incident.objects.count() == 1
