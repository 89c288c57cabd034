"""Circuits: a data source that does not answer is left alone by everybody, tried, and taken back."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from postmortem import trail
from remediation import checklists, circuits, runs, sources, verification
from remediation.circuits import Tally, Trial
from remediation.models import CheckRun, CheckStanding, DataSource, SourceHealth, VerificationCheck
from remediation.probes.result import ProbeResult, failed
from tests import factories
from tests.remediation.engine import expire_lease
from tests.servers import Prometheus, free_port

pytestmark = pytest.mark.django_db

REFUSED = ProbeResult("error", error_code="unreachable", error="No connection.", is_silence=True)
SLOW = ProbeResult("error", error_code="timeout", error="No answer within 3 s.", is_silence=True)
ANSWER = ProbeResult("pass", value=1.0)


class Silent:
    """A port that takes connections and never says anything."""

    def __init__(self) -> None:
        self.connections: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                self.connections.append(self._server.accept()[0])
            except OSError:
                return

    def close(self) -> None:
        self._server.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.close()


def tally(*results: ProbeResult) -> Tally:
    told = Tally()
    for result in results:
        told.add(result)
    return told


def opened(url: str = "http://127.0.0.1:9", **fields) -> DataSource:
    """A source that three connections in a row did not reach."""
    source = factories.data_source(base_url=url, **fields)
    circuits.note({source.pk: tally(REFUSED, REFUSED, REFUSED)})
    return source


def checks_of(source: DataSource, count: int, **fields) -> list[VerificationCheck]:
    """Checks that are due now."""
    fields = {"promql": "vector(1)", "threshold": 5.0, "timeout_seconds": 2} | fields
    item = factories.item(checks=0)
    return [
        factories.check(item, data_source=source, next_run_at=timezone.now(), **fields) for _ in range(count)
    ]


def make_due(source: DataSource) -> None:
    CheckStanding.objects.filter(data_source=source).update(next_run_at=timezone.now())


def found(source: DataSource) -> list[tuple[str, str]]:
    runs_of_it = CheckRun.objects.filter(verification_check__data_source=source).order_by("pk")
    return list(runs_of_it.values_list("outcome", "error_code"))


def let_the_trial_be_due() -> None:
    SourceHealth.objects.update(trial_at=timezone.now() - timedelta(seconds=1))


def test_wait_doubles_up_to_five_minutes_and_is_jittered():
    in_the_middle = [circuits.wait_seconds(number, luck=0.5) for number in range(8)]

    assert in_the_middle == [5, 10, 20, 40, 80, 160, 300, 300]
    assert (circuits.wait_seconds(0, luck=0), circuits.wait_seconds(10**6, luck=1)) == (3.75, 375)


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ([], (False, 0)),
        ([REFUSED, SLOW], (False, 10)),
        ([REFUSED, ANSWER], (True, 0)),
        ([REFUSED, ANSWER, SLOW], (True, 4)),
        # Prometheus itself ran out of time: it is there.
        ([failed("timeout", "query timed out")], (True, 0)),
        ([failed("bad_data", "no PromQL")], (True, 0)),
    ],
    ids=["nothing", "silence", "answer", "silence after an answer", "its own timeout", "complaint"],
)
def test_tally_tells_silence_from_answers(results, says):
    told = tally(*results)

    assert (told.has_answered, told.trouble) == says


def test_failures_add_up_over_tasks_until_the_circuit_opens():
    source = factories.data_source()

    assert circuits.note({source.pk: tally(REFUSED)}) == set()
    assert circuits.note({source.pk: tally(SLOW)}) == set()
    assert circuits.note({source.pk: tally(REFUSED)}) == {source.pk}
    assert circuits.note({source.pk: tally(REFUSED)}) == set()

    health = SourceHealth.objects.get()
    assert (health.trouble, health.error, health.failed_trials) == (16, "No connection.", 0)
    assert timedelta(seconds=3) < health.trial_at - health.opened_at < timedelta(seconds=7)


def test_silence_on_a_harmless_query_is_conclusive():
    source, told = factories.data_source(), Tally()
    told.add(SLOW)
    told.add(SLOW, is_trial=True)

    assert circuits.note({source.pk: told}) == {source.pk}


def test_answer_takes_failures_back():
    source = factories.data_source()
    for _ in range(5):
        assert circuits.note({source.pk: tally(REFUSED, REFUSED)}) == set()
        circuits.note({source.pk: tally(ANSWER)})

    assert SourceHealth.objects.get().trouble == 0


def test_opening_and_closing_are_recorded_and_the_counting_is_not():
    source = opened()
    circuits.judge(Trial(source.pk), SLOW)
    circuits.answered(source.pk)

    acts = [(entry.act, entry.operation) for entry in trail.of(SourceHealth.objects.get())]
    assert acts == [("circuits.close", "update"), ("circuits.note", "update"), ("circuits.note", "insert")]


def test_database_refuses_an_open_circuit_without_a_next_trial():
    source = opened()

    with pytest.raises(IntegrityError, match="open_circuit_has_a_next_trial"), transaction.atomic():
        SourceHealth.objects.filter(source=source).update(trial_at=None)


def test_checks_of_an_open_source_end_at_once_one_run_a_slot_and_nothing_is_asked(silent: Silent):
    source = opened(silent.url)
    checks_of(source, 40)
    for _ in range(2):
        make_due(source)
        verification.tick()
        verification.execute_prometheus()

    assert found(source) == [("error", "source_down")] * 80
    assert silent.connections == []
    words = CheckRun.objects.latest("pk").error
    assert words.startswith("Not asked: the data source has not answered since ")
    assert words.endswith("UTC. No connection.")
    slots = CheckRun.objects.values_list("verification_check", "slot")
    assert len(set(slots)) == 80


def test_run_of_an_open_source_counts_nowhere():
    source = opened()
    [check] = checks_of(source, 1)
    verification.tick()
    verification.execute_prometheus()

    check.refresh_from_db()
    assert (
        check.standing.streak,
        check.standing.last_outcome,
        check.standing.last_verdict_at,
    ) == (0, "error", None)


def test_trial_is_one_harmless_query_and_its_answer_closes_the_circuit(prometheus: Prometheus):
    source = opened(prometheus.url)
    [check] = checks_of(source, 1)
    make_due(source)
    let_the_trial_be_due()

    verification.tick()
    verification.execute_prometheus()
    health = SourceHealth.objects.get()
    assert (health.opened_at, health.trial_at, health.trouble) == (None, None, 0)
    assert health.answered_at is not None

    make_due(source)
    verification.tick()
    verification.execute_prometheus()
    assert found(source) == [("error", "source_down"), ("pass", "")]
    # What was due meanwhile is not made up for: the next slot is the one of the grid.
    assert runs.waiting_kinds() == []
    check.refresh_from_db()
    assert check.standing.next_run_at > timezone.now()


def test_trial_calls_a_worker_although_no_run_waits():
    opened()
    assert verification.tick() == []

    let_the_trial_be_due()

    assert verification.tick() == ["prometheus"]


def test_failed_trials_come_further_apart(silent: Silent):
    source = opened(silent.url)
    for number in range(1, 4):
        let_the_trial_be_due()
        [(trial, _row)] = circuits.take_trials()
        assert circuits.take_trials() == []
        circuits.judge(trial, SLOW)
        health = SourceHealth.objects.get(source=source)
        least = timedelta(seconds=0.75 * 5 * 2**number - 1)
        assert health.failed_trials == number
        assert health.trial_at - timezone.now() > least
        assert health.error == SLOW.error


def test_trial_of_a_killed_worker_is_due_again_when_its_lease_ends():
    opened()
    let_the_trial_be_due()
    circuits.take_trials()

    assert circuits.take_trials() == []
    let_the_trial_be_due()
    assert len(circuits.take_trials()) == 1


def test_trial_that_was_not_sent_is_due_again():
    source = opened()
    let_the_trial_be_due()
    circuits.take_trials()

    circuits.put_off([Trial(source.pk)])

    assert circuits.is_trial_due()


def test_source_that_is_switched_off_is_not_tried():
    opened(is_enabled=False)
    let_the_trial_be_due()

    assert (circuits.is_trial_due(), circuits.take_trials()) == (False, [])


def test_answer_to_a_query_that_was_on_its_way_closes_the_circuit_too():
    source = opened()

    circuits.note({source.pk: tally(ANSWER)})

    assert SourceHealth.objects.get().opened_at is None


def test_another_address_begins_anew_and_another_name_does_not():
    ada, source = factories.user(role="administrator"), opened()

    sources.edit(source, name="New", by=ada, now=factories.NOW)
    assert SourceHealth.objects.get().opened_at is not None
    sources.edit(source, base_url="http://10.0.0.7:9090", by=ada, now=factories.NOW)

    assert not SourceHealth.objects.exists()


def test_trying_a_source_by_hand_closes_its_circuit(prometheus: Prometheus):
    ada = factories.user(role="administrator")
    alive, dead = opened(prometheus.url, name="Alive"), opened(name="Dead")

    verification.test_source(alive, by=ada)
    verification.test_source(dead, by=ada)

    assert list(SourceHealth.objects.exclude(opened_at=None).values_list("source", flat=True)) == [dead.pk]


def test_results_about_a_source_that_is_gone_are_harmless():
    circuits.note({10**12: tally(REFUSED)})
    circuits.judge(Trial(10**12), SLOW)
    circuits.answered(10**12)

    assert not SourceHealth.objects.exists()


def test_dead_sources_hold_up_nobody(prometheus: Prometheus, silent: Silent):
    """One that hangs, one that is closed, and a sound one, each with more checks than may be in flight."""
    hanging = factories.data_source("Hanging", base_url=silent.url)
    closed = factories.data_source("Closed", base_url=f"http://127.0.0.1:{free_port()}")
    sound = factories.data_source("Sound", base_url=prometheus.url)
    for source in (hanging, closed, sound):
        checks_of(source, 60, timeout_seconds=3)

    verification.tick()
    executed = verification.execute_prometheus()

    assert executed.stored == 180
    assert found(sound) == [("pass", "")] * 60
    assert {code for _outcome, code in found(hanging)} == {"timeout", "source_down"}
    assert {code for _outcome, code in found(closed)} == {"unreachable", "source_down"}
    done = CheckRun.objects.order_by("finished_at", "pk").values_list(
        "verification_check__data_source__name", flat=True
    )
    # Every sound one was through before the first of those that hang ran into its time limit.
    last_sound = max(number for number, name in enumerate(done) if name == "Sound")
    first_hanging = min(number for number, name in enumerate(done) if name == "Hanging")
    assert last_sound < first_hanging
    # A dead port costs four connections and one that asks whether it is only slow, not sixty.
    assert len(silent.connections) == 5
    assert set(SourceHealth.objects.exclude(opened_at=None).values_list("source__name", flat=True)) == {
        "Hanging",
        "Closed",
    }


class Heavy(BaseHTTPRequestHandler):
    """A Prometheus whose heavy queries take longer than anybody waits."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if "heavy" in self.path:
            time.sleep(3)
            return
        body = b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"1"]}]}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def test_source_that_is_only_slow_is_asked_on():
    """Six queries in a row take too long, and more than may be in flight at first: those behind are asked."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Heavy)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    source = factories.data_source(base_url=f"http://127.0.0.1:{server.server_address[1]}")
    item = factories.item(checks=0)
    first = timezone.now() - timedelta(minutes=5)
    common = {"data_source": source, "threshold": 5.0, "timeout_seconds": 1}
    for _ in range(6):
        factories.check(item, promql="heavy", next_run_at=first, **common)
    for _ in range(30):
        factories.check(item, promql="light", next_run_at=timezone.now(), **common)
    try:
        verification.tick()
        verification.execute_prometheus()
    finally:
        server.shutdown()
        server.server_close()

    assert found(source) == [("error", "timeout")] * 6 + [("pass", "")] * 30
    assert not SourceHealth.objects.exclude(opened_at=None).exists()


def test_next_round_waits_for_no_dead_source(prometheus: Prometheus, silent: Silent):
    hanging = opened(silent.url, name="Hanging")
    sound = factories.data_source("Sound", base_url=prometheus.url)
    checks_of(hanging, 30, timeout_seconds=300)
    checks_of(sound, 30)

    verification.tick()
    verification.execute_prometheus()

    assert found(hanging) == [("error", "source_down")] * 30
    assert found(sound) == [("pass", "")] * 30
    assert silent.connections == []


def test_checklist_of_an_open_source_ends_at_once_too():
    opened(name="Prometheus")
    entry = factories.checklist_query(factories.review(is_open=True))
    run = checklists.run_now(entry, by=factories.user(), now=timezone.now())

    verification.execute_prometheus()

    run.refresh_from_db()
    assert (run.outcome, run.error_code) == ("error", "source_down")


def test_lost_runs_of_an_open_source_are_ended_by_the_sweep():
    [check] = checks_of(opened(), 1)
    for _ in range(runs.MAX_ATTEMPTS):
        [held] = runs.claim(kind="prometheus", limit=10)
        expire_lease(held.run_id)

    assert verification.sweep().stored == 1
    assert CheckRun.objects.get(verification_check=check).error_code == "lost"
