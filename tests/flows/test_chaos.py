"""Nothing is lost and nothing is doubled while programs are killed, flushed, frozen and cut off.

Also the test that gates an upgrade of Celery and kombu: docs/adr/0004 says what became of 5.7.0.
"""

import os
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.db.models import Max

from ops import embedded, places
from ops.broker import connect
from ops.processes import Child
from remediation import runs
from remediation.models import CheckRun, VerificationCheck
from tests import factories
from tests.servers import Process, StartProcess, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.flow]

PROMETHEUS_CHECKS = 16
SHELL_CHECKS = 4
PAUSE_SECONDS = 0.1  # how long the server thinks about a query: long enough to be killed in the middle


class SlowServer:
    """Answers queries as Prometheus would, slowly, and counts them; each check asks a query of its own."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.in_flight = 0
        lock, server = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                [query] = parse_qs(urlsplit(self.path).query)["query"]
                with lock:
                    server.asked[query] += 1
                    server.in_flight += 1
                time.sleep(PAUSE_SECONDS)
                with lock:
                    server.in_flight -= 1
                body = b'{"status":"success","data":{"resultType":"scalar","result":[0,"1"]}}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

            def handle(self) -> None:
                with suppress(ConnectionError):  # a worker was killed
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Broker:
    """A Valkey of this test alone, which may be treated badly."""

    def __init__(self, folder: Path) -> None:
        self._server = embedded.Valkey(places.choose_place(folder / "servers"), folder / "valkey.log")
        self.start()

    @property
    def url(self) -> str:
        return self._server.url

    def start(self) -> None:
        self._server.prepare()
        self.child = Child(self._server.program())
        embedded.await_ready(self._server, self.child, seconds=30)

    def flush(self) -> None:
        with connect(self.url, timeout_seconds=5) as client:
            client.flushall()

    def freeze(self, *, seconds: float) -> None:
        os.kill(self.child.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.child.pid, signal.SIGCONT)


@pytest.fixture
def slow_server() -> Iterator[SlowServer]:
    server = SlowServer()
    yield server
    server.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    folder = Path(tempfile.mkdtemp(prefix="closeloop-chaos-"))
    folder.chmod(0o711)
    server = Broker(folder)
    yield server
    server.child.kill()
    shutil.rmtree(folder, ignore_errors=True)


class Arming:
    """Makes checks due over and over, each as soon as its last due moment was queued; a thread of its own."""

    def __init__(self, every_seconds: float) -> None:
        self.slots: set[tuple[int, datetime]] = set()
        self._problem: BaseException | None = None
        self._every = every_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        try:
            while not self._stop.wait(self._every):
                self._arm()
        except BaseException as problem:  # noqa: BLE001
            self._problem = problem
        finally:
            connection.close()

    def _arm(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE remediation_verificationcheck SET next_run_at = clock_timestamp() WHERE id IN ("
                " SELECT id FROM remediation_verificationcheck WHERE next_run_at > clock_timestamp()"
                " ORDER BY id FOR NO KEY UPDATE) RETURNING id, next_run_at"
            )
            self.slots.update(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
def test_no_check_is_lost_and_none_is_doubled(
    slow_server: SlowServer, broker: Broker, celery_worker: StartProcess, beat: StartProcess, capsys
):
    make_checks(slow_server)
    env = {
        "REDIS_URL": broker.url,
        "SHELL_PROBES_ENABLED": "1",
        "CHECK_TICK_SECONDS": "1",
        "PGAPPNAME": "worker",
    }

    def start_worker() -> Process:
        return celery_worker("checks,probes,default", **env)

    workers = [start_worker(), start_worker()]
    beats = [beat(**env), beat(**env)]
    story: list[Callable[[], object]] = [
        lambda: kill_in_the_middle(workers[0], slow_server),
        lambda: workers.append(start_worker()),
        broker.flush,
        beats[0].kill,
        broker.child.kill,
        broker.start,
        lambda: kill_in_the_middle(workers[1], slow_server),
        lambda: workers.append(start_worker()),
        lambda: broker.freeze(seconds=5),
        cut_database_connections,
        lambda: beats.append(beat(**env)),
    ]
    began = time.monotonic()
    arming = Arming(every_seconds=0.7)
    try:
        for happens in story:
            time.sleep(1.5)
            happens()
        time.sleep(4)
    finally:
        arming.stop()
    everything_is_done(arming, seconds=runs.LEASE_MARGIN_SECONDS + 15)

    report(arming, time.monotonic() - began, capsys)
    nothing_was_lost(arming)
    nothing_was_doubled(slow_server)
    assert all(worker.popen.poll() is None for worker in workers[2:])


def make_checks(slow_server: SlowServer) -> None:
    source = factories.data_source(base_url=slow_server.url)
    item = factories.item(checks=PROMETHEUS_CHECKS, state="in_progress")
    # So long that the grid stays out of it: the test decides when a check is due.
    common = {"interval_seconds": 30 * 86400, "next_run_at": datetime.fromisoformat("2100-01-01T00:00:00Z")}
    for number, check in enumerate(item.verification_checks.all()):
        values = {"promql": f"check_{number}", "data_source": source, "threshold": 5.0, "timeout_seconds": 3}
        VerificationCheck.objects.filter(pk=check.pk).update(**values, **common)
    for _ in range(SHELL_CHECKS):
        shell = {"pipeline": [["printf", "quiet"]], "shell_expectation": "no_match", "pattern": "loud"}
        factories.check(item, kind="shell", timeout_seconds=3, **shell, **common)


def kill_in_the_middle(worker: Process, slow_server: SlowServer) -> None:
    everybody_has_recovered()
    wait_until(lambda: slow_server.in_flight > 0, what="a query in flight")
    worker.kill()


def everybody_has_recovered() -> None:
    """Three deaths in a row are meant to end a run; each death here shall meet others."""
    held = list(CheckRun.objects.filter(finished_at=None, attempt__gt=0).values_list("pk", flat=True))
    wait_until(
        lambda: not CheckRun.objects.filter(pk__in=held, finished_at=None).exists(),
        seconds=30,
        what="the end of what was held by a worker that died",
    )


def cut_database_connections() -> None:
    """What a restart of PostgreSQL does to those who are connected."""
    everybody_has_recovered()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'worker'"
        )
        assert cursor.rowcount > 0


def everything_is_done(arming: Arming, *, seconds: float) -> None:
    def is_done() -> bool:
        is_waiting = CheckRun.objects.filter(finished_at=None).exists()
        return not is_waiting and accounted_for() == len(arming.slots)

    wait_until(is_done, seconds=seconds, what="the end of every run")


def accounted_for() -> int:
    """Due moments that have a run, or are counted in one."""
    return sum(1 + skipped for skipped in CheckRun.objects.values_list("skipped_slots", flat=True))


def nothing_was_lost(arming: Arming) -> None:
    slots = set(CheckRun.objects.values_list("verification_check_id", "slot"))
    assert slots <= arming.slots
    assert accounted_for() == len(arming.slots)
    assert set(CheckRun.objects.values_list("outcome", "error_code")) == {("pass", "")}
    last = dict(CheckRun.objects.values_list("verification_check_id").annotate(last=Max("slot")))
    assert len(last) == PROMETHEUS_CHECKS + SHELL_CHECKS


def nothing_was_doubled(slow_server: SlowServer) -> None:
    """No run was asked more often than it was attempted, and counted more than once not at all."""
    attempts: Counter[str] = Counter()
    prometheus = CheckRun.objects.filter(kind="prometheus")
    for promql, attempt in prometheus.values_list("verification_check__promql", "attempt"):
        attempts[promql] += attempt
    assert all(slow_server.asked[promql] <= attempts[promql] for promql in attempts)
    # Only two workers and the connections died; each held at most one run of each check.
    assert prometheus.filter(attempt__gt=1).count() <= 3 * PROMETHEUS_CHECKS
    streaks = VerificationCheck.objects.values_list("pk", "streak")
    # Within a slot of the grid the same answer counts once (docs/adr/0023), however often it was asked.
    runs = CheckRun.objects.select_related("verification_check")
    slots = {
        (check.pk, (run.slot.timestamp() - check.offset_seconds) // check.interval_seconds)
        for run in runs
        if (check := run.verification_check)
    }
    counts = Counter(check for check, _slot in slots)
    assert dict(streaks) == dict(counts)


def report(arming: Arming, seconds: float, capsys) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sum(skipped_slots), count(*) FILTER (WHERE attempt > 1),"
            " percentile_cont(ARRAY[0.5, 0.95, 1])"
            "  WITHIN GROUP (ORDER BY extract(epoch FROM started_at - slot))"
            " FROM remediation_checkrun"
        )
        count, skipped, repeated, (p50, p95, worst) = cursor.fetchone()
    with capsys.disabled():
        print(  # noqa: T201
            f"\nchaos: {seconds:.0f} s, {len(arming.slots)} due moments, {count} runs, {skipped} coalesced,"
            f" {repeated} attempted again; lateness p50 {p50:.1f} s, p95 {p95:.1f} s, worst {worst:.1f} s"
        )
