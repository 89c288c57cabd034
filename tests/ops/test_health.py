import json
import socket
import threading
import time

import pytest
from django.db import connection
from django.test import RequestFactory

from ops import broker, health
from ops.processes import wait_until

pytestmark = pytest.mark.django_db


def ask(method: str = "get"):
    began = time.monotonic()
    response = health.healthz(getattr(RequestFactory(), method)("/healthz"))
    return response, time.monotonic() - began


def settled(**checks: str):
    """The first answer in which the named checks stand so.

    On a busy machine the first answers may be "timeout"; what counts is what it settles on.
    """
    answers = []

    def is_settled() -> bool:
        answers.append(ask()[0])
        return checks.items() <= body_of(answers[-1])["checks"].items()

    assert wait_until(is_settled, seconds=5), answers[-1].content
    return answers[-1]


def body_of(response):
    return json.loads(response.content)


def test_healthz_answers_ok():
    response = settled(db="ok", redis="ok")

    assert response.status_code == 200
    assert body_of(response)["status"] == "ok"
    assert body_of(response)["checks"] == {"db": "ok", "redis": "ok"}
    assert body_of(response)["uptime_sec"] >= 0
    assert "no-cache" in response["Cache-Control"]


def test_healthz_answers_in_time_when_the_database_stalls(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        monkeypatch.setitem(connection.settings_dict, "PORT", str(silent.getsockname()[1]))
        responses = [ask() for _ in range(3)]

    for response, _ in responses:
        assert response.status_code == 503
        assert body_of(response)["status"] == "unavailable"
        assert body_of(response)["checks"]["db"] == "timeout"
    assert min(seconds for _, seconds in responses) < 0.2


def test_healthz_says_failed_when_nobody_listens(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")

    assert settled(db="failed").status_code == 503


def test_healthz_is_degraded_without_redis(settings):
    settings.REDIS_URL = "redis+socket:///nowhere?virtual_host=0"

    response = settled(db="ok", redis="failed")

    assert response.status_code == 200
    assert body_of(response)["status"] == "degraded"


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_healthz_only_reads(method):
    response, _ = ask(method)

    assert response.status_code == 405


def test_question_has_one_asking_at_a_time():
    asked = []
    go_on = threading.Event()

    def hang():
        asked.append(1)
        go_on.wait(5)

    question = health.Question(hang)
    verdicts = [question.put().verdict(deadline=time.monotonic() + 0.02) for _ in range(5)]
    go_on.set()
    last = question.put().verdict(deadline=time.monotonic() + 2)

    assert verdicts == ["timeout"] * 5
    assert last == "ok"
    assert len(asked) == 1


def test_version_names_version_and_build(settings):
    response = health.version(RequestFactory().get("/version"))

    assert body_of(response) == {"version": settings.VERSION, "build": settings.BUILD_ID}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis+socket:///run/my%20dir/v.sock?virtual_host=3", {"path": "/run/my dir/v.sock", "db": 3}),
        ("redis+socket:///run/v.sock", {"path": "/run/v.sock", "db": 0}),
        ("redis://cache.example:6380/2", {"host": "cache.example", "port": 6380, "db": 2}),
    ],
)
def test_broker_reads_the_urls_that_celery_reads(url, expected):
    client = broker.connect(url, timeout_seconds=1)

    assert expected.items() <= client.connection_pool.connection_kwargs.items()
