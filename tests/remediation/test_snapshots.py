"""A metric over a window, fetched once from a real Prometheus."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from postmortem.causes import StepSigned
from postmortem.errors import Invalid, NotAllowed
from postmortem.models import MetricSnapshot
from remediation import snapshots
from remediation.probes import ranges
from remediation.probes.ranges import RangeQuery, RangeResult
from remediation.snapshots import NothingMeasured, SourceUnavailable
from tests import factories
from tests.factories import DAY, NOW
from tests.servers import Prometheus, free_port

pytestmark = pytest.mark.django_db

MATRIX = b'{"status": "success", "data": {"resultType": "matrix", "result": [%s]}}'
ANSWER = RangeResult([({"service": "order"}, [(1_795_000_000.0, "200")])], 0, [])


@pytest.fixture
def review():
    return factories.review(is_open=True)


def take(review, source=None, **fields):
    sound = {
        "source": source or factories.data_source(),
        "promql": "threads_connected",
        "window_start": NOW - DAY,
        "window_end": NOW - DAY + timedelta(minutes=10),
        "title": "Threads connected",
        "by": review.owner,
        "now": NOW,
    }
    return snapshots.take(review, **sound | fields)


def recently() -> dict[str, datetime]:
    now = datetime.now(UTC)
    return {"window_start": now - timedelta(minutes=2), "window_end": now, "now": now}


def test_a_real_answer_is_kept_with_its_points(review, prometheus: Prometheus):
    prometheus.show('threads_connected{pod="a"}', 180)
    prometheus.show('threads_connected{pod="b"}', 20)
    time.sleep(1.1)
    source = factories.data_source("Prometheus of the cell", base_url=prometheus.url)

    kept = take(review, source, **recently(), step_seconds=1, value=200.0, unit="threads")

    kept.refresh_from_db()
    assert (kept.is_fetched, kept.source_name, kept.promql) == (
        True,
        "Prometheus of the cell",
        "threads_connected",
    )
    by_pod = {one["labels"]["pod"]: one["points"] for one in kept.series}
    assert {pod: {value for _at, value in points} for pod, points in by_pod.items()} == {
        "a": {"180"},
        "b": {"20"},
    }
    assert all(points[0][0] < points[-1][0] for points in by_pod.values())


def test_wrong_promql_is_refused_with_the_reason_of_prometheus(review, prometheus: Prometheus):
    source = factories.data_source(base_url=prometheus.url)

    with pytest.raises(Invalid) as refusal:
        take(review, source, **recently(), promql="sum(rate(threads_connected[5m])")

    assert refusal.value.field == "promql"
    assert "unclosed left parenthesis" in refusal.value.message
    assert refusal.value.details["position"] == "1:32"
    assert not MetricSnapshot.objects.exists()


def test_a_range_vector_is_refused_as_prometheus_does(review, prometheus: Prometheus):
    source = factories.data_source(base_url=prometheus.url)

    with pytest.raises(Invalid) as refusal:
        take(review, source, **recently(), promql="threads_connected[5m]")

    assert refusal.value.field == "promql"


def test_a_metric_that_is_not_there_is_said_to_be_so(review, prometheus: Prometheus):
    source = factories.data_source(base_url=prometheus.url)

    with pytest.raises(NothingMeasured):
        take(review, source, **recently(), promql="no_such_metric")


def test_a_long_expression_is_posted(review, prometheus: Prometheus):
    prometheus.show("threads_long", 1)
    time.sleep(1.1)  # a step of the window has to lie after the first sample
    source = factories.data_source(base_url=prometheus.url)

    kept = take(review, source, **recently(), step_seconds=1, promql="threads_long" + " + 0" * 1000)

    assert kept.series


def test_more_series_than_are_kept_are_counted(prometheus: Prometheus):
    for number in range(22):
        prometheus.show(f'many_series{{n="{number}"}}', number)
    now = int(time.time()) + 1

    result = ranges.ask_once(
        RangeQuery(prometheus.url, "many_series", now - 60, now, 1, 5.0), allow_loopback=True
    )

    assert (len(result.series), result.hidden_series) == (20, 2)


def test_a_source_that_cannot_be_reached_says_why(review):
    source = factories.data_source(base_url=f"http://127.0.0.1:{free_port()}")

    with pytest.raises(SourceUnavailable) as refusal:
        take(review, source)

    assert refusal.value.code == "source_unavailable"
    assert refusal.value.details == {"reason": "unreachable"}
    assert not MetricSnapshot.objects.exists()


def test_a_guarded_address_is_not_asked(review):
    source = factories.data_source(base_url="http://169.254.169.254")

    with pytest.raises(SourceUnavailable) as refusal:
        take(review, source)

    assert refusal.value.details == {"reason": "address_refused"}


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_the_source_is_asked(review):
    seen = []

    def ask(query: RangeQuery) -> RangeResult:
        seen.append((connection.in_atomic_block, query.step_seconds))
        return ANSWER

    take(review, ask=ask)

    assert seen == [(False, 5)]
    assert MetricSnapshot.objects.count() == 1


def test_what_would_be_refused_anyway_asks_nobody(review):
    def ask(_query: RangeQuery) -> RangeResult:
        raise AssertionError("asked")

    with pytest.raises(NotAllowed):
        take(review, by=factories.user(role="viewer"), ask=ask)
    for step in review.steps.all()[:2]:
        factories.signed(step)
    with pytest.raises(StepSigned):
        take(review, ask=ask)


def test_a_step_that_is_signed_during_the_fetch_stays_as_it_was_signed(review):
    def ask(_query: RangeQuery) -> RangeResult:
        for step in review.steps.all()[:2]:
            factories.signed(step)
        return ANSWER

    with pytest.raises(StepSigned):
        take(review, ask=ask)

    assert not MetricSnapshot.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"promql": " "}, "promql"),
        ({"promql": "看一下监控"}, "promql"),
        ({"promql": "x" * 10_001}, "promql"),
        ({"source": None}, "source"),
        ({"window_end": NOW - 2 * DAY}, "window_end"),
        ({"window_end": NOW + DAY}, "window_end"),
        ({"window_start": NOW - 40 * DAY}, "window_end"),
        ({"step_seconds": 0}, "step_seconds"),
        ({"step_seconds": 1, "window_end": NOW - DAY + timedelta(hours=1)}, "step_seconds"),
    ],
)
def test_a_bad_value_is_refused_before_anything_is_asked(review, fields, field):
    def ask(_query: RangeQuery) -> RangeResult:
        raise AssertionError("asked")

    sound = {
        "source": factories.data_source(),
        "promql": "threads_connected",
        "window_start": NOW - DAY,
        "window_end": NOW - DAY + timedelta(minutes=10),
    }
    with pytest.raises(Invalid) as refusal:
        snapshots.fetch(**sound | fields, now=NOW, ask=ask)

    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("window", "step"),
    [(timedelta(minutes=1), 1), (timedelta(hours=1), 15), (timedelta(days=1), 600), (31 * DAY, 14400)],
)
def test_the_step_gives_a_smooth_line_within_bounds(review, window, step):
    asked = []

    def ask(query: RangeQuery) -> RangeResult:
        asked.append(query)
        return ANSWER

    take(review, window_start=NOW - window, window_end=NOW, ask=ask)

    (query,) = asked
    assert query.step_seconds == step
    assert (query.end - query.start) / query.step_seconds <= 240


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (302, b"", "redirect"),
        (502, b"<html>", "http_status"),
        (200, b"<html>", "bad_answer"),
        (200, b'{"status": "success"}', "bad_answer"),
        (200, b'{"status": "success", "data": {"resultType": "vector", "result": []}}', "result_type"),
        (200, MATRIX % b'{"metric": {}, "histograms": []}', "result_type"),
        (200, MATRIX % b'{"metric": {}, "values": [[1, "x"]]}', "bad_answer"),
        (422, b'{"status": "error", "errorType": "bad_data", "error": "no"}', "bad_data"),
        (200, b"[" * 50_000, "bad_answer"),
    ],
)
def test_an_answer_that_is_none_is_an_error_and_never_a_failure(status, body, code):
    assert ranges.read(status, body).error_code == code
