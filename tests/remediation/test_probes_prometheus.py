"""The Prometheus probe: against the real program, and against servers that behave as no Prometheus should."""

import errno
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from remediation.probes import reasons
from remediation.probes.crew import Crew
from remediation.probes.prometheus import Query, ask_once, complaint, read, trouble
from remediation.probes.result import Expectation, Series
from tests.servers import Prometheus, free_port

BELOW_FIVE = Expectation("all", "<", 5.0)

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], str]]:
    """Starts web servers that answer each request as told; the address of each."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()


def reply(body: bytes, *, status: int = 200, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def vector(*values: str, **more: object) -> bytes:
    result = [{"metric": {"n": str(n)}, "value": [0, value]} for n, value in enumerate(values)]
    return json.dumps(
        {"status": "success", "data": {"resultType": "vector", "result": result}} | more
    ).encode()


def ask(url: str, promql: str = "up", *, expectation: Expectation = BELOW_FIVE, seconds: float = 3):
    return ask_once(Query(url, promql, expectation, seconds), allow_loopback=True)


def test_vector_of_a_real_prometheus_is_judged(prometheus: Prometheus):
    prometheus.show('judged_waiting{service="order"}', 3)

    result = ask(prometheus.url, "judged_waiting")

    assert (result.outcome, result.value, result.expression, result.error) == (
        "pass",
        3.0,
        "judged_waiting",
        "",
    )
    assert [(series.labels["service"], series.value) for series in result.series] == [("order", "3")]


def test_scalar_of_a_real_prometheus_is_judged(prometheus: Prometheus):
    assert ask(prometheus.url, "3 + 4").outcome == "fail"


def test_absent_metric_of_a_real_prometheus_is_no_data(prometheus: Prometheus):
    result = ask(prometheus.url, "no_such_metric")

    assert (result.outcome, result.value, result.series) == ("no_data", None, [])


@pytest.fixture(scope="module")
def evaluated(prometheus: Prometheus) -> Prometheus:
    """With a few series of which the right answers are plain."""
    prometheus.show('evaluated_pool{cell="a"}', 180)
    prometheus.show('evaluated_pool{cell="b"}', 20)
    prometheus.show("evaluated_idle", 0)
    return prometheus


@pytest.mark.parametrize(
    ("promql", "expectation", "outcome", "value"),
    [
        ("evaluated_pool", Expectation("all", "<=", 180), "pass", 180),
        ("evaluated_pool", Expectation("all", "<", 180), "fail", 180),
        ("evaluated_pool", Expectation("any", "<", 180), "pass", 20),
        ("evaluated_pool", Expectation("none", ">", 180), "pass", 180),
        ("evaluated_pool", Expectation("count", "==", 2), "pass", 2),
        ("sum(evaluated_pool)", Expectation("all", "==", 200), "pass", 200),
        ("evaluated_pool > 100", Expectation("count", "==", 1), "pass", 1),
        ("evaluated_pool > 1000", Expectation("all", ">", 0), "no_data", None),
        ("evaluated_pool > 1000", Expectation("all", ">", 0, no_data_rule="pass"), "pass", None),
        ("evaluated_pool > 1000", Expectation("count", "==", 0, no_data_rule="fail"), "fail", None),
        ("absent(evaluated_pool)", Expectation("all", "==", 1), "no_data", None),
        ("absent(evaluated_gone)", Expectation("all", "==", 1), "pass", 1),
        ("evaluated_idle / evaluated_idle", Expectation("all", "!=", 7), "fail", None),
        ("evaluated_idle / evaluated_idle", Expectation("none", ">", 7), "fail", None),
        (
            "evaluated_idle / evaluated_idle",
            Expectation("all", ">", 0, nan_rule="leave_out"),
            "no_data",
            None,
        ),
        ("1 / evaluated_idle", Expectation("all", ">", 1e300), "pass", None),
        ("2 ^ 10", Expectation("all", "==", 1024), "pass", 1024),
        ("-0.2e-6", Expectation("all", "==", -0.2e-6), "pass", -0.2e-6),
        ("scalar(evaluated_pool)", Expectation("all", ">", 0), "fail", None),
        ("evaluated_pool + on() evaluated_pool", Expectation("all", ">", 0), "error", None),
        ("-{__name__=~'evaluated_pool|evaluated_idle'}", Expectation("count", ">", 0), "pass", 3),
    ],
    ids=range(21),
)
def test_answer_of_a_real_prometheus_is_judged(evaluated: Prometheus, promql, expectation, outcome, value):
    result = ask_once(Query(evaluated.url, promql, expectation, 5.0), allow_loopback=True)

    assert (result.outcome, result.value) == (outcome, value), result.error


@pytest.mark.parametrize("promql", ["up[5m]", '"text"'])
def test_range_and_text_of_a_real_prometheus_are_errors(prometheus: Prometheus, promql):
    assert ask(prometheus.url, promql).error_code == "result_type"


def test_wrong_expression_is_an_error_with_the_words_of_a_real_prometheus(prometheus: Prometheus):
    result = ask(prometheus.url, "sum(rate(up))")

    assert (result.outcome, result.error_code) == ("error", "bad_data")
    reason = 'expected type range vector in call to function "rate", got instant vector'
    assert complaint(result.error) == (reason, "1:10")


def test_long_expression_reaches_a_real_prometheus(prometheus: Prometheus):
    assert (
        ask(prometheus.url, " + ".join(["1"] * 2000), expectation=Expectation("all", "==", 2000.0)).outcome
        == "pass"
    )


def test_warnings_and_infos_are_kept(serve):
    url = serve(reply(vector("1", warnings=["one store is down"], infos=["not a counter"])))

    assert ask(url).warnings == ["one store is down", "not a counter"]


def test_histogram_is_an_error(serve):
    result = [{"metric": {}, "histogram": [0, {"count": "1", "sum": "1", "buckets": []}]}]
    url = serve(
        reply(json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode())
    )

    assert ask(url).error_code == "result_type"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (503, b'{"status":"error","errorType":"timeout","error":"query timed out"}', "timeout"),
        (422, b'{"status":"error","errorType":"execution","error":"many-to-many"}', "execution"),
        (500, b'{"status":"error","errorType":"new","error":"?"}', "prometheus_error"),
        (302, b"", "redirect"),
        (401, b"<html>Log in", "http_status"),
        (200, b"<html>Log in", "bad_answer"),
        (200, b"", "bad_answer"),
        (200, b"[1, 2]", "bad_answer"),
        (200, b'{"status":"success"}', "bad_answer"),
        (200, b'{"status":"success","data":{"resultType":"vector","result":[{"metric":{}}]}}', "result_type"),
        (200, b'{"status":"success","data":{"resultType":"vector","result":[5]}}', "bad_answer"),
        (200, b"[" * 100_000, "bad_answer"),
        (200, vector("many"), "bad_answer"),
        (200, vector(5), "bad_answer"),
    ],
)
def test_answer_that_is_no_vector_is_an_error_by_its_kind(status, body, code):
    result = read(status, body, Query("http://prometheus", "up", BELOW_FIVE, 3))

    assert (result.outcome, result.error_code, result.expression) == ("error", code, "up")


def test_redirect_is_not_followed(serve, prometheus: Prometheus):
    url = serve(reply(b"", status=307, Location=f"{prometheus.url}/api/v1/query?query=1"))

    assert ask(url).error_code == "redirect"


def test_compressed_bodies_are_not_asked_for(serve):
    seen = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.append((request.path, request.headers["Accept-Encoding"]))
        reply(vector("1"))(request)

    assert ask(f"{serve(answer)}/prefix/", 'a{b="c d"}').outcome == "pass"
    assert seen == [("/prefix/api/v1/query?query=a%7Bb%3D%22c+d%22%7D&timeout=3s", "identity")]


@pytest.mark.parametrize("length", [{}, {"Content_Length": str(3 * 1024 * 1024)}])
def test_huge_answer_is_cut_off(serve, length):
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        for name, value in ({"Connection": "close"} | length).items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        try:
            for _ in range(64):
                request.wfile.write(b" " * 65536)
        except OSError:
            pass

    assert ask(serve(answer)).error_code == "too_large"


def test_silent_server_is_a_timeout(serve):
    started = time.monotonic()

    result = ask(serve(lambda request: time.sleep(5)), seconds=0.3)

    assert result.error_code == "timeout"
    assert time.monotonic() - started < 2


def test_closed_port_is_unreachable_and_says_so_in_words():
    port = free_port()

    found = ask(f"http://127.0.0.1:{port}")

    assert (found.error_code, found.error) == ("unreachable", f"127.0.0.1:{port}: {reasons.REFUSED}")


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (
            OSError(errno.EHOSTUNREACH, "Connect call failed ('10.0.0.9', 9090)"),
            f"prom.example:9090: {reasons.NO_WAY}",
        ),
        (
            socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
            f"prom.example:9090: {reasons.NAME_NOT_FOUND}",
        ),
    ],
)
def test_no_connection_is_explained_without_words_of_python(problem, said):
    found = trouble(problem, base_url="http://prom.example:9090/x", timeout_seconds=3)

    assert found == ("unreachable", said)


def test_server_without_tls_is_no_encrypted_connection(serve):
    url = serve(lambda request: request.send_response(200))

    found = ask(url.replace("http:", "https:"))

    place = url.removeprefix("http://").rstrip("/")
    assert found.error_code == "unreachable"
    assert found.error == f"{place}: {reasons.NO_ENCRYPTION}"


def test_connection_that_breaks_is_unreachable(serve):
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"{")
        request.connection.shutdown(socket.SHUT_RDWR)

    assert ask(serve(answer)).error_code == "unreachable"


@pytest.mark.parametrize("address", ["prometheus", "ftp://prometheus", "http://"])
def test_address_that_is_none_is_an_error(address):
    assert ask(address).error_code == "bad_address"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_is_refused_unless_allowed(prometheus: Prometheus, host):
    url = prometheus.url.replace("127.0.0.1", host)

    result = ask_once(Query(url, "up", BELOW_FIVE, 3), allow_loopback=False)

    assert (result.outcome, result.error_code) == ("error", "address_refused")


def test_metadata_address_is_refused_without_a_connection():
    result = ask("http://169.254.169.254")

    assert result.error_code == "address_refused"
    assert "link-local" in result.error


def test_credentials_of_the_address_never_stand_in_the_error():
    result = ask(f"http://user:hunter2@127.0.0.1:{free_port()}")

    assert "hunter2" not in f"{result}"


def gather(crew: Crew[int], *, seconds: float = 10) -> dict[int, str]:
    """Everything the crew finds: ticket -> outcome or error code."""
    found: dict[int, str] = {}
    deadline = time.monotonic() + seconds
    while crew.pending and time.monotonic() < deadline:
        for ticket, result in crew.finished(within=0.05):
            found[ticket] = "not sent" if result is None else result.error_code or result.outcome
    return found


def test_crew_answers_every_ticket_once(prometheus: Prometheus):
    with Crew[int](allow_loopback=True, enough=20) as crew:
        for number in range(100):
            crew.submit(number, Query(prometheus.url, f"{number}", BELOW_FIVE, 3), start_within=10)
        found = gather(crew)

    assert found == {number: "pass" if number < 5 else "fail" for number in range(100)}


def test_crew_does_not_let_a_silent_source_hold_up_another(prometheus: Prometheus, serve):
    silent = serve(lambda request: time.sleep(3))
    with Crew[int](allow_loopback=True) as crew:
        for number in range(100):
            crew.submit(number, Query(silent, "up", BELOW_FIVE, 1.0), start_within=10)
        for number in range(100, 200):
            crew.submit(number, Query(prometheus.url, "1", BELOW_FIVE, 3), start_within=10)
        first = [ticket for ticket, _ in crew.finished(within=0.8)]
        started = time.monotonic()
        rest = gather(crew)

    assert sorted(first) == list(range(100, 200))
    assert len(rest) == 100
    # Those in flight when it began to look down ran into their own time limit.
    assert list(rest.values()).count("timeout") < 32
    assert set(rest.values()) == {"source_down", "timeout"}
    assert time.monotonic() - started < 3


def test_crew_asks_a_closed_port_only_a_few_times():
    nowhere = f"http://127.0.0.1:{free_port()}"
    with Crew[int](allow_loopback=True) as crew:
        for number in range(500):
            crew.submit(number, Query(nowhere, "up", BELOW_FIVE, 3), start_within=10)
        found = list(gather(crew).values())

    assert len(found) == 500
    assert found.count("unreachable") <= 32
    assert found.count("unreachable") + found.count("source_down") == 500


def test_crew_gives_back_what_it_has_not_sent(serve):
    silent = serve(lambda request: time.sleep(2))
    with Crew[int](allow_loopback=True) as crew:
        for number in range(20):
            crew.submit(number, Query(silent, "up", BELOW_FIVE, 1.0), start_within=10)
        crew.finished(within=0.2)
        crowded, back = crew.crowded(at=4), crew.give_back()
        sent = gather(crew)

    # A source that has not answered yet gets four at a time.
    assert crowded == [Query(silent, "up", BELOW_FIVE, 1.0).key]
    assert back == list(range(4, 20))
    assert sorted(sent) == list(range(4))


def test_crew_keeps_to_the_limit_of_a_source(serve):
    lock, now, most = threading.Lock(), [0], [0]

    def answer(request: BaseHTTPRequestHandler) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        reply(vector("1"))(request)

    query = Query(serve(answer), "up", BELOW_FIVE, 3)
    with Crew[int](allow_loopback=True) as crew:
        for number in range(40):
            crew.submit(number, query, start_within=10)
        crew.limit(query.key, 3)
        found = gather(crew)

    assert (len(found), set(found.values()), most[0]) == (40, {"pass"}, 3)


def test_crew_sends_nothing_to_a_source_without_a_share(serve):
    query = Query(serve(reply(vector("1"))), "up", BELOW_FIVE, 3)
    with Crew[int](allow_loopback=True) as crew:
        crew.submit(1, query, start_within=0.1)
        crew.limit(query.key, 0)
        assert gather(crew) == {1: "not sent"}


def test_answered_trial_lets_a_crew_ask_again_a_source_that_looked_down(serve):
    is_dead = [True]

    def answer(request: BaseHTTPRequestHandler) -> None:
        if is_dead[0]:
            request.connection.shutdown(socket.SHUT_RDWR)
        else:
            reply(vector("1"))(request)

    query = Query(serve(answer), "up", BELOW_FIVE, 3)
    with Crew[int](allow_loopback=True) as crew:
        for number in range(20):
            crew.submit(number, query, start_within=10)
        assert set(gather(crew).values()) == {"unreachable", "source_down"}
        is_dead[0] = False
        crew.submit(100, query, start_within=10)
        assert gather(crew) == {100: "source_down"}
        crew.submit(101, query, start_within=10, is_trial=True)
        assert gather(crew) == {101: "pass"}
        crew.submit(102, query, start_within=10)
        assert gather(crew) == {102: "pass"}


def test_what_waits_longer_than_it_may_is_not_sent_although_its_source_hangs(serve):
    silent = serve(lambda request: time.sleep(2))
    with Crew[int](allow_loopback=True) as crew:
        for number in range(5):
            crew.submit(number, Query(silent, "up", BELOW_FIVE, 1.0), start_within=0.2)
        first = dict(crew.finished(within=0.3)) | dict(crew.finished(within=0.05))
        gather(crew)

    assert first == {4: None}


def test_crew_does_not_send_what_should_have_begun_before(prometheus: Prometheus):
    with Crew[int](allow_loopback=True) as crew:
        crew.submit(1, Query(prometheus.url, "1", BELOW_FIVE, 3), start_within=-1)
        assert gather(crew) == {1: "not sent"}


def test_kept_series_are_those_that_were_answered(serve):
    result = ask(serve(reply(vector(*map(str, range(30))))))

    assert (result.outcome, result.value) == ("fail", 5.0)
    assert result.series[:2] == [Series({"n": "0"}, "0"), Series({"n": "1"}, "1")]
    assert len(result.series) == 20
