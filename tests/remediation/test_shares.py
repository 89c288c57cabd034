"""Shares of data sources: all tasks together keep a source's limit."""

import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from postmortem.errors import Invalid
from remediation import sources, verification
from remediation.models import CheckRun, SourceShare
from remediation.shares import Shares
from tests import factories

pytestmark = pytest.mark.django_db


def sizes(*, at_once: int, holders: int) -> list[int]:
    source = factories.data_source(queries_at_once=at_once)
    tasks = [Shares() for _ in range(holders)]
    for task in tasks:
        task.take([source.pk])
    return [task.size(source.pk, at_once) for task in tasks]


@pytest.mark.parametrize(
    ("at_once", "expected"), [(1, [1, 0, 0]), (2, [1, 1, 0]), (5, [3, 2, 0]), (16, [8, 8, 0])]
)
def test_two_tasks_divide_a_source_between_them(at_once, expected):
    assert sizes(at_once=at_once, holders=3) == expected


def test_task_that_is_alone_may_take_both():
    source, task = factories.data_source(), Shares()
    task.take([source.pk])
    task.take([source.pk])

    assert task.size(source.pk, source.queries_at_once) == source.queries_at_once


def test_released_share_is_free_and_a_killed_holder_s_after_its_lease():
    source = factories.data_source(queries_at_once=1)
    first, second, third = Shares(), Shares(), Shares()
    first.take([source.pk])
    first.release()
    second.take([source.pk])
    third.take([source.pk])
    assert (second.size(source.pk, 1), third.size(source.pk, 1)) == (1, 0)

    SourceShare.objects.update(until=timezone.now() - timedelta(seconds=1))
    third.take([source.pk])
    second.renew()

    assert (second.size(source.pk, 1), third.size(source.pk, 1)) == (0, 1)


def test_renewed_share_stays():
    source, task = factories.data_source(queries_at_once=1), Shares()
    task.take([source.pk])
    SourceShare.objects.update(until=timezone.now() + timedelta(seconds=1))

    task.renew()

    assert SourceShare.objects.get().until > timezone.now() + timedelta(seconds=5)


@pytest.mark.parametrize("number", [0, 65, -1, 10**9])
def test_limit_out_of_bounds_is_refused_by_its_field(number):
    ada, source = factories.user(role="administrator"), factories.data_source()

    with pytest.raises(Invalid) as refusal:
        sources.edit(source, queries_at_once=number, by=ada, now=factories.NOW)

    assert refusal.value.field == "queries_at_once"


def test_database_refuses_a_limit_out_of_bounds():
    with pytest.raises(IntegrityError, match="source_is_asked_a_bounded_number_at_once"):
        factories.data_source(queries_at_once=65)


class Counting(ThreadingHTTPServer):
    """Answers as Prometheus does after a moment, and knows how many it had to answer at the same time."""

    daemon_threads = True

    def __init__(self) -> None:
        self.now = self.most = 0
        lock, counting = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with lock:
                    counting.now += 1
                    counting.most = max(counting.most, counting.now)
                time.sleep(0.02)
                with lock:
                    counting.now -= 1
                body = b'{"status":"success","data":{"resultType":"scalar","result":[0,"1"]}}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.mark.django_db(transaction=True)
def test_three_tasks_together_keep_a_source_s_limit():
    server = Counting()
    source = factories.data_source(base_url=f"http://127.0.0.1:{server.server_address[1]}", queries_at_once=5)
    item = factories.item(checks=120)
    item.verification_checks.update(data_source=source, threshold=5.0)
    verification.tick()

    def work() -> None:
        try:
            verification.execute_prometheus()
        finally:
            connection.close()

    tasks = [threading.Thread(target=work) for _ in range(3)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    verification.execute_prometheus()
    server.shutdown()
    server.server_close()

    assert set(CheckRun.objects.values_list("outcome", "attempt")) == {("pass", 1)}
    assert CheckRun.objects.count() == 120
    assert 2 <= server.most <= 5
    assert not SourceShare.objects.filter(until__gt=timezone.now()).exists()
