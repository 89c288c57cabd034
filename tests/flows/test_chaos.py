"""Nothing is lost and nothing is doubled while programs are killed, flushed, frozen and cut off.

Also the test that gates an upgrade of Celery and kombu: docs/adr/0004 says what became of 5.7.0.
"""

import os
import random
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
from django.db.models import Max, Q
from django.db.models.functions import Now

from ops import embedded, places
from ops.broker import connect
from ops.processes import Child
from remediation import runs
from remediation.models import CheckRun, CheckStanding, SourceHealth, VerificationCheck
from tests import factories
from tests.servers import Process, StartProcess, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.flow]

PROMETHEUS_CHECKS = 16
SHELL_CHECKS = 4
FAR_AWAY = datetime.fromisoformat("2100-01-01T00:00:00Z")
PAUSE_SECONDS = 0.1  # how long the server thinks about a query: long enough to be killed in the middle


class SlowServer:
    """Answers queries as Prometheus would, slowly, and counts them; each check asks a query of its own."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.in_flight = self.most_in_flight = 0
        # While it is clear, queries come in and no answer goes out.
        self.lives = threading.Event()
        self.lives.set()
        lock, server = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                [query] = parse_qs(urlsplit(self.path).query)["query"]
                with lock:
                    server.asked[query] += 1
                    server.in_flight += 1
                    server.most_in_flight = max(server.most_in_flight, server.in_flight)
                time.sleep(PAUSE_SECONDS)
                server.lives.wait()
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
        self.lives.set()
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
    """Makes checks due over and over, each as soon as its last run is over; a thread of its own."""

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
                # While a worker holds one, that moment is the end of its lease.
                "UPDATE remediation_checkstanding SET next_run_at = clock_timestamp()"
                " WHERE verification_check_id IN ("
                "  SELECT verification_check_id FROM remediation_checkstanding"
                "  WHERE lease_token IS NULL AND next_run_at > clock_timestamp()"
                "  ORDER BY verification_check_id FOR NO KEY UPDATE"
                " ) RETURNING verification_check_id, next_run_at"
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
    common = {"interval_seconds": 30 * 86400}
    for number, check in enumerate(item.verification_checks.all()):
        values = {"promql": f"check_{number}", "data_source": source, "threshold": 5.0, "timeout_seconds": 3}
        VerificationCheck.objects.filter(pk=check.pk).update(**values, **common)
    for _ in range(SHELL_CHECKS):
        shell = {"pipeline": [["printf", "quiet"]], "shell_expectation": "no_match", "pattern": "loud"}
        factories.check(item, kind="shell", timeout_seconds=3, **shell, **common)
    factories.stand(item.verification_checks.all(), next_run_at=FAR_AWAY)


def kill_in_the_middle(worker: Process, slow_server: SlowServer) -> None:
    everybody_has_recovered()
    wait_until(lambda: slow_server.in_flight > 0, what="a query in flight")
    worker.kill()


def everybody_has_recovered() -> None:
    """Three deaths in a row are meant to end a run; each death here shall meet others."""
    held = list(CheckStanding.objects.filter(attempt__gt=0).values_list("run_id", flat=True))
    wait_until(
        lambda: CheckRun.objects.filter(pk__in=held).count() == len(held),
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
        is_accounted = accounted_for() == len(arming.slots)
        unfinished = CheckStanding.objects.filter(Q(run_id__isnull=False) | Q(next_run_at__lte=Now()))
        return is_accounted and not unfinished.exists()

    wait_until(is_done, seconds=seconds, what="the end of every run")


def accounted_for() -> int:
    """Due moments that have a run, or are counted in one."""
    return sum(1 + skipped for skipped in CheckRun.objects.values_list("skipped_slots", flat=True))


@pytest.mark.django_db(transaction=True)
def test_source_that_dies_and_returns_holds_up_nobody(
    slow_server: SlowServer, celery_worker: StartProcess, beat: StartProcess
):
    """Two workers, two sources; one of them falls silent for some seconds, in the middle of queries."""
    make_checks(slow_server)
    dying = SlowServer()
    source = factories.data_source("Dying", base_url=dying.url)
    item = factories.item(checks=30, state="in_progress")
    item.verification_checks.update(
        data_source=source, threshold=5.0, timeout_seconds=1, interval_seconds=30 * 86400
    )
    factories.stand(item.verification_checks.all(), next_run_at=FAR_AWAY)
    env = {"CHECK_TICK_SECONDS": "1", "SHELL_PROBES_ENABLED": "1"}
    for _ in range(2):
        celery_worker("checks,probes,default", **env)
    beat(**env)
    of_dying = CheckRun.objects.filter(verification_check__item=item)
    arming = Arming(every_seconds=0.7)
    try:
        wait_until(lambda: of_dying.filter(outcome="pass").count() > 60, seconds=60, what="some passes")
        dying.lives.clear()
        wait_until(lambda: of_dying.filter(error_code="source_down").count() > 60, seconds=60, what="errors")
        asked = sum(dying.asked.values())
        seen = of_dying.count()
        wait_until(lambda: of_dying.count() > seen + 60, seconds=60, what="more errors")
        trials = sum(dying.asked.values()) - asked
        dying.lives.set()
        # Those who asked while it was silent have long gone.
        wait_until(lambda: dying.in_flight == 0, what="the end of what nobody waits for")
        dying.most_in_flight = 0
        back = CheckRun.objects.latest("pk").pk
        wait_until(
            lambda: of_dying.filter(pk__gt=back, outcome="pass").count() > 60, seconds=90, what="passes again"
        )
        arming.stop()
        everything_is_done(arming, seconds=runs.LEASE_MARGIN_SECONDS + 15)
        # A slow answer may have opened it once more; with nobody asking, its trials alone find that it lives.
        wait_until(
            lambda: not SourceHealth.objects.exclude(opened_at=None).exists(),
            seconds=60,
            what="a closed circuit",
        )
    finally:
        arming.stop()
        dying.close()

    # One run or one count for each due moment, and nothing of the other source was touched.
    assert accounted_for() == len(arming.slots)
    others = CheckRun.objects.exclude(verification_check__item=item)
    assert set(others.values_list("outcome", "error_code")) == {("pass", "")}
    assert set(of_dying.values_list("error_code", flat=True)) <= {"", "timeout", "unreachable", "source_down"}
    # While it was silent only single trials were sent, and no herd came when it was back.
    assert trials <= 5
    assert dying.most_in_flight <= source.queries_at_once


if "CHAOS_MINUTES" in os.environ:
    # The long form, for `make chaos` alone.
    @pytest.mark.django_db(transaction=True)
    def test_no_check_is_lost_in_a_long_story(
        slow_server: SlowServer, broker: Broker, celery_worker: StartProcess, beat: StartProcess, capsys
    ):
        """Misfortune after misfortune, drawn from CHAOS_SEED, for CHAOS_MINUTES."""
        make_checks(slow_server)
        env = {"REDIS_URL": broker.url, "SHELL_PROBES_ENABLED": "1", "CHECK_TICK_SECONDS": "1"}
        env["PGAPPNAME"] = "worker"

        def start_worker() -> Process:
            return celery_worker("checks,probes,default", **env)

        workers, beats, kills = [start_worker(), start_worker()], [beat(**env), beat(**env)], [0]
        lots = random.Random(int(os.environ.get("CHAOS_SEED", "1")))

        def replace_worker() -> None:
            worker = workers.pop(lots.randrange(len(workers)))
            kill_in_the_middle(worker, slow_server)
            kills[0] += 1
            workers.append(start_worker())

        def replace_beat() -> None:
            beats.pop(lots.randrange(len(beats))).kill()
            beats.append(beat(**env))

        def restart_broker() -> None:
            broker.child.kill()
            time.sleep(lots.uniform(0, 3))
            broker.start()

        def cut() -> None:
            cut_database_connections()
            kills[0] += 1

        story = [replace_worker, replace_beat, restart_broker, broker.flush, cut]
        story.append(lambda: broker.freeze(seconds=lots.uniform(1, 5)))
        began = time.monotonic()
        arming = Arming(every_seconds=0.7)
        try:
            while time.monotonic() - began < 60 * float(os.environ["CHAOS_MINUTES"]):
                time.sleep(lots.uniform(0.5, 3))
                lots.choice(story)()
            time.sleep(4)
        finally:
            arming.stop()
        everything_is_done(arming, seconds=runs.LEASE_MARGIN_SECONDS + 15)

        report(arming, time.monotonic() - began, capsys)
        nothing_was_lost(arming)
        nothing_was_doubled(slow_server, kills=kills[0])
        assert all(worker.popen.poll() is None for worker in workers)


def nothing_was_lost(arming: Arming) -> None:
    slots = set(CheckRun.objects.values_list("verification_check_id", "slot"))
    assert slots <= arming.slots
    assert accounted_for() == len(arming.slots)
    assert set(CheckRun.objects.values_list("outcome", "error_code")) == {("pass", "")}
    last = dict(CheckRun.objects.values_list("verification_check_id").annotate(last=Max("slot")))
    assert len(last) == PROMETHEUS_CHECKS + SHELL_CHECKS


def nothing_was_doubled(slow_server: SlowServer, *, kills: int = 3) -> None:
    """No run was asked more often than it was attempted, and counted more than once not at all."""
    attempts: Counter[str] = Counter()
    prometheus = CheckRun.objects.filter(kind="prometheus")
    for promql, attempt in prometheus.values_list("verification_check__promql", "attempt"):
        attempts[promql] += attempt
    assert all(slow_server.asked[promql] <= attempts[promql] for promql in attempts)
    # Each of those that died, workers and connections, held at most one run of each check.
    assert prometheus.filter(attempt__gt=1).count() <= kills * PROMETHEUS_CHECKS
    streaks = CheckStanding.objects.values_list("pk", "streak")
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
