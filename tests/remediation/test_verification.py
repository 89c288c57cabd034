"""The engine as a whole, as the faces and the workers call it."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from postmortem.errors import Invalid, NotAllowed
from remediation import desks, tasks, verification
from remediation.checkspec import CheckSpec
from remediation.models import CheckRun, CheckStanding, VerificationCheck
from remediation.probes import sandbox
from remediation.probes.result import ProbeResult, Series
from remediation.verdicts import record
from remediation.verification import CannotRun, claim, execute_prometheus, execute_shell, run_now, tick, trial
from tests import factories
from tests.remediation.engine import begin, state_of
from tests.servers import Prometheus, free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def member() -> User:
    return factories.user()


def prometheus_check(url: str, promql: str, *, state: str = "fix_claimed", **fields) -> VerificationCheck:
    """The one active check of an item, due now: `promql` must be below 5."""
    item = factories.item(state=state)
    item.verification_checks.update(is_paused=True)
    source = factories.data_source(base_url=url)
    fields = {"promql": promql, "threshold": 5.0, "next_run_at": timezone.now()} | fields
    return factories.check(item, data_source=source, **fields)


def shell_check(pipeline: list[list[str]], **fields) -> VerificationCheck:
    item = factories.item(state="fix_claimed")
    item.verification_checks.update(is_paused=True)
    fields = {"shell_expectation": "success", "pattern": "", "next_run_at": timezone.now()} | fields
    return factories.check(item, kind="shell", pipeline=pipeline, **fields)


def last_run(check: VerificationCheck) -> CheckRun:
    return CheckRun.objects.filter(verification_check=check).latest("pk")


def test_check_goes_through_the_whole_engine(prometheus: Prometheus):
    prometheus.show('pool_waiting{service="order"}', 3)
    check = prometheus_check(prometheus.url, "pool_waiting", passes_needed=1)

    assert tick() == ["prometheus"]
    executed = execute_prometheus()

    assert (executed.stored, executed.refused, executed.is_work_left) == (1, 0, False)
    stored = last_run(check)
    assert (stored.outcome, stored.value, stored.expression, stored.sandbox) == (
        "pass",
        3.0,
        "pool_waiting",
        "",
    )
    assert [(one["labels"]["service"], one["value"]) for one in stored.series] == [("order", "3")]
    assert state_of(check.item) == "verified"


def test_many_checks_of_many_sources_each_get_their_own_result(prometheus: Prometheus):
    nowhere = f"http://127.0.0.1:{free_port()}"
    good = [prometheus_check(prometheus.url, f"{number}", timeout_seconds=5) for number in range(8)]
    # Another address of the same server is another source.
    other = [prometheus_check(f"{prometheus.url}/", f"vector({number})") for number in range(8)]
    bad = prometheus_check(prometheus.url, "sum(")
    down = [prometheus_check(nowhere, "up") for _ in range(40)]

    tick()
    executed = execute_prometheus()

    assert executed.stored == 57
    assert [last_run(check).outcome for check in good] == ["pass"] * 5 + ["fail"] * 3
    assert [last_run(check).value for check in other] == [float(number) for number in range(8)]
    assert last_run(bad).error_code == "bad_data"
    assert {last_run(check).error_code for check in down} <= {"unreachable", "source_down"}


def test_nothing_is_left_behind_when_the_time_is_up(prometheus: Prometheus):
    for number in range(5):
        prometheus_check(prometheus.url, f"{number}")
    tick()

    executed = execute_prometheus(budget_seconds=0)

    assert (executed.stored, executed.is_work_left) == (0, True)
    assert len(claim(kind="prometheus", limit=10)) == 5


def test_full_first_claim_calls_for_help(prometheus: Prometheus, monkeypatch):
    monkeypatch.setattr(desks, "HELD", 4)
    calls = []
    for _ in range(12):
        prometheus_check(prometheus.url, "1")
    tick()

    executed = execute_prometheus(call_help=lambda: calls.append(1))

    assert (executed.stored, calls) == (12, [1])


def test_result_that_the_database_refuses_costs_the_others_nothing():
    good, bad = (prometheus_check("http://prometheus", "up") for _ in range(2))
    results = [
        (begin(bad), ProbeResult("pass", sandbox="x" * 21)),
        (begin(good), ProbeResult("pass", series=[Series({"a": "b"}, "1")])),
    ]

    recorded = verification._recorded(results)

    assert (recorded.stored, recorded.refused) == (2, 0)
    assert (last_run(good).outcome, last_run(bad).outcome, last_run(bad).error_code) == (
        "pass",
        "error",
        "not_storable",
    )


def test_command_goes_through_the_whole_engine(settings):
    settings.SHELL_PROBES_ENABLED = True
    check = shell_check(
        [["echo", "web-1 Running"]], shell_expectation="no_match", pattern="Pend+ing", passes_needed=1
    )
    failing = shell_check([["test", "1", "-gt", "2"]])

    assert tick() == ["shell"]
    executed = execute_shell()

    assert (executed.stored, executed.is_work_left) == (2, False)
    stored = last_run(check)
    assert (stored.outcome, stored.output, stored.expression) == (
        "pass",
        "web-1 Running\n",
        "echo 'web-1 Running'",
    )
    assert stored.sandbox in {"bubblewrap", "built_in"}
    assert last_run(failing).outcome == "fail"
    assert state_of(check.item) == "verified"


def test_no_command_runs_while_they_are_switched_off(settings):
    settings.SHELL_PROBES_ENABLED = False
    check = shell_check([["true"]])

    executed = execute_shell()

    stored = last_run(check)
    assert executed.stored == 1
    assert (stored.outcome, stored.error_code, stored.sandbox) == ("error", "probes_off", "")


def test_run_now_queues_one_run(member):
    check = prometheus_check("http://prometheus", "up")
    now = timezone.now()

    first = run_now(check, by=member, now=now)
    second = run_now(check, by=member, now=now + timedelta(seconds=1))

    assert (first.slot, first.finished_at, second.pk) == (now, None, first.pk)


def test_run_now_leaves_the_grid_alone(member):
    offset = int(timezone.now().timestamp() + 120) % 300
    check = prometheus_check("http://prometheus", "up", offset_seconds=offset, interval_seconds=300)
    following = datetime.fromtimestamp((timezone.now().timestamp() - offset) // 300 * 300 + 300 + offset, UTC)
    factories.stand(check, next_run_at=following)

    run_now(check, by=member, now=timezone.now())
    [held] = claim(kind="prometheus", limit=10)
    record([(held, ProbeResult("pass"))])

    check.refresh_from_db()
    assert (check.standing.next_run_at, check.standing.last_outcome) == (following, "pass")


def test_run_now_is_refused_for_viewers_and_for_checks_at_rest(member):
    now = timezone.now()
    check = prometheus_check("http://prometheus", "up")
    paused = prometheus_check("http://prometheus", "up", is_paused=True)
    declined = factories.item(state="wont_do").verification_checks.get()

    with pytest.raises(NotAllowed):
        run_now(check, by=factories.user(role="viewer"), now=now)
    for resting in (paused, declined):
        with pytest.raises(CannotRun):
            run_now(resting, by=member, now=now)
    assert not CheckStanding.objects.filter(asked_run_id__isnull=False).exists()


@pytest.mark.django_db(transaction=True)
def test_run_now_rings_after_the_commit_and_survives_a_dead_broker(member, settings, monkeypatch):
    check = factories.item().verification_checks.get()
    rung, asked = [], CheckStanding.objects.filter(asked_run_id__isnull=False).all
    monkeypatch.setattr(tasks, "ring", lambda kind: rung.append((kind, asked().count())) or 1 / 0)

    with transaction.atomic():
        run_now(check, by=member, now=timezone.now())
        assert rung == []

    assert rung == [("prometheus", 1)]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "redis+socket:///nowhere/redis.sock"])
def test_ring_without_a_broker_returns_soon_and_says_so(settings, caplog, url, monkeypatch):
    from config.celery import app

    monkeypatch.setattr(app.conf, "broker_write_url", url)
    started = time.monotonic()

    tasks.ring("prometheus")

    assert time.monotonic() - started < 2.5
    assert "Nobody was woken for prometheus checks" in caplog.text


def test_celery_keeps_its_connection_to_the_database():
    from config.celery import app

    assert app.conf.get("CELERY_DB_REUSE_MAX") == 1_000_000


def test_trial_shows_the_first_outcome_and_stores_nothing(prometheus: Prometheus):
    prometheus.show('pool_waiting{service="order"}', 7)
    source = factories.data_source(base_url=prometheus.url)

    result = trial(CheckSpec(data_source_id=source.pk, promql="pool_waiting", threshold=5.0))

    assert (result.outcome, result.value) == ("fail", 7.0)
    assert not CheckRun.objects.exists()


@pytest.mark.parametrize(
    ("promql", "position", "words"),
    [
        ("sum(rate(up))", "1:10", "expected type range vector"),
        ("up{", "1:4", "unexpected end of input"),
        ("please look at the dashboard", "1:8", "unexpected identifier"),
        ("up[5m]", "", "a range of values"),
    ],
)
def test_trial_refuses_what_prometheus_refuses(prometheus: Prometheus, promql, position, words):
    source = factories.data_source(base_url=prometheus.url)

    with pytest.raises(Invalid) as refusal:
        trial(CheckSpec(data_source_id=source.pk, promql=promql, threshold=5.0))

    assert refusal.value.field == "promql"
    assert refusal.value.details.get("position", "") == position
    assert words in refusal.value.message
    json.dumps(refusal.value.details)


def test_trial_of_a_source_that_is_down_is_an_error_and_no_refusal():
    source = factories.data_source(base_url=f"http://127.0.0.1:{free_port()}")

    result = trial(CheckSpec(data_source_id=source.pk, promql="up", threshold=5.0))

    assert (result.outcome, result.error_code) == ("error", "unreachable")


def test_trial_of_an_unknown_source_is_refused():
    with pytest.raises(Invalid) as refusal:
        trial(CheckSpec(data_source_id=10**12, promql="up", threshold=5.0))

    assert refusal.value.field == "data_source_id"


def test_trial_starts_no_program():
    result = trial(CheckSpec(kind="shell", pipeline=[["false"]]))

    assert (result.outcome, result.error_code) == ("no_data", "not_tried")


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_probe_runs():
    """A server that looks into PostgreSQL while it is being asked."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    states = []

    class Spy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
                )
                states.append(cursor.fetchone())
            connection.close()
            body = b'{"status":"success","data":{"resultType":"scalar","result":[0,"1"]}}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Spy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        prometheus_check(f"http://127.0.0.1:{server.server_address[1]}", "1")
        tick()
        assert execute_prometheus().stored == 1
    finally:
        server.shutdown()
        server.server_close()

    assert states == [(0,)]


@pytest.mark.django_db(transaction=True)
def test_command_runs_checks_without_celery(prometheus: Prometheus, settings):
    settings.SHELL_PROBES_ENABLED = True
    check, other = prometheus_check(prometheus.url, "1"), shell_check([["true"]])

    call_command("run_checks", once=True, kind=["prometheus"])
    assert (last_run(check).outcome, other.runs.count()) == ("pass", 0)

    call_command("run_checks", once=True)
    assert last_run(other).outcome == "pass"


def test_unknown_sandbox_setting_does_not_weaken_the_sandbox(settings, monkeypatch):
    settings.SHELL_PROBES_ENABLED, settings.SHELL_PROBE_SANDBOX = True, "whatever"
    monkeypatch.setattr(sandbox, "PATH", "/nowhere")
    sandbox.bubblewrap.cache_clear()
    check = shell_check([["cat", "/etc/passwd"]])
    try:
        tick()
        execute_shell()
    finally:
        sandbox.bubblewrap.cache_clear()

    assert (last_run(check).outcome, last_run(check).error_code) == ("error", "no_sandbox")


def test_trial_refuses_a_range_and_a_text_before_anybody_is_asked(db):
    source = factories.data_source(base_url="http://127.0.0.1:9")

    for expression in ("up[5m]", '"text"'):
        with pytest.raises(Invalid) as refusal:
            trial(CheckSpec(data_source_id=source.pk, promql=expression, threshold=1.0))
        assert refusal.value.field == "promql"


def test_trial_refuses_what_is_no_promql_although_no_server_answers(db):
    source = factories.data_source(base_url="http://127.0.0.1:9")

    with pytest.raises(Invalid) as refusal:
        trial(CheckSpec(data_source_id=source.pk, promql="sum(up", threshold=1.0))

    assert (refusal.value.field, refusal.value.details) == ("promql", {"position": "1:4"})


def test_trial_warns_of_what_is_hardly_meant(db):
    source = factories.data_source(base_url="http://127.0.0.1:9")

    variable, filtered, constant, newer = (
        trial(CheckSpec(data_source_id=source.pk, promql=expression, threshold=1.0)).warnings
        for expression in ('up{job="$job"}', "up > 1", "vector(1)", "holt_winters(up[1h], 0.5, 0.5)")
    )

    assert "$job" in variable[0]
    assert "leaves out" in filtered[0]
    assert "no metric" in constant[0]
    assert "Only the server" in newer[0]
