"""What Prometheus scrapes of Closeloop itself: whether verification keeps up, and with what outcomes.

Guarded by a token of its own (METRICS_TOKEN); without one there is no such page. All figures are counts:
nothing here names an incident, an item or a person.
"""

import hmac
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.conf import settings
from django.db import Error, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import attempts
from remediation import workload
from remediation.models import DataSource

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# A scrape may take ten seconds; a database that stalls shall not hold a web process so long.
_PATIENCE = "5s"
_REFUSED = {
    attempts.LOGINS: "Logins that failed, since Redis began to count.",
    attempts.TOKENS: "Tokens that were refused, since Redis began to count.",
}

Labels = dict[str, str]
Sample = tuple[Labels, float]


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures in Prometheus' text format. 404 without METRICS_TOKEN, 401 without that token."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("No such page.\n", status=404, content_type=_CONTENT_TYPE)
    given = request.headers.get("Authorization", "").encode()
    if not hmac.compare_digest(given, f"Bearer {settings.METRICS_TOKEN}".encode()):
        refusal = HttpResponse("This page needs its token.\n", status=401, content_type=_CONTENT_TYPE)
        refusal["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refusal
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [_PATIENCE])
            text = "".join(_lines(timezone.now()))
    except Error:
        return HttpResponse("The database does not answer.\n", status=503, content_type=_CONTENT_TYPE)
    return HttpResponse(text, content_type=_CONTENT_TYPE)


def _lines(now: datetime) -> Iterator[str]:
    build = {"version": settings.VERSION, "build": settings.BUILD_ID}
    yield from _gauge("closeloop_build_info", "Which version and build answers.", [(build, 1)])
    lag = workload.lag(now)
    yield from _gauge("closeloop_checks_overdue", "Checks that should have begun and have not.", lag.overdue)
    yield from _gauge(
        "closeloop_checks_oldest_overdue_seconds",
        "Since when the oldest of them waits; grows when beat or the workers stop.",
        lag.oldest_seconds,
    )
    lateness = {"0.5": lag.p50_seconds, "0.99": lag.p99_seconds}
    yield from _gauge(
        "closeloop_check_lateness_seconds",
        "From the due moment to the start, over the runs of the last hour.",
        [({"quantile": name}, value) for name, value in lateness.items() if value is not None],
    )
    yield from _queue(now)
    yield from _sources(now)
    for name, number in attempts.totals().items():
        yield from _counter(f"closeloop_{name}_refused_total", _REFUSED[name], number)


def _queue(now: datetime) -> Iterator[str]:
    queued, finished = workload.queued(now), workload.finished(now)
    yield from _gauge(
        "closeloop_runs_waiting",
        "Runs that no worker holds.",
        [({"kind": one.kind}, one.waiting) for one in queued],
    )
    yield from _gauge(
        "closeloop_runs_claimed",
        "Runs that a worker holds.",
        [({"kind": one.kind}, one.claimed) for one in queued],
    )
    yield from _gauge(
        "closeloop_runs_last_hour",
        "Finished runs whose slot lies within the last hour.",
        [({"kind": one.kind, "outcome": one.outcome}, one.number) for one in finished],
    )
    yield from _gauge(
        "closeloop_runs_attempted_again_last_hour",
        "Those of them that were attempted more than once, because a worker ended.",
        sum(one.again for one in finished),
    )


def _sources(now: datetime) -> Iterator[str]:
    silent = DataSource.objects.filter(is_enabled=True, health__opened_at__isnull=False)
    rows = silent.order_by("name").values_list("name", "health__opened_at")
    yield from _gauge(
        "closeloop_data_source_silent_seconds",
        "Data sources that do not answer, and for how long.",
        [({"source": name}, (now - since).total_seconds()) for name, since in rows],
    )


def _gauge(name: str, says: str, value: float | Iterable[Sample]) -> Iterator[str]:
    """A metric family; one without a sample is left out."""
    samples = [({}, value)] if isinstance(value, int | float) else list(value)
    if samples:
        yield f"# HELP {name} {says}\n# TYPE {name} gauge\n"
    for labels, number in samples:
        yield f"{name}{_labels(labels)} {float(number)!r}\n"


def _counter(name: str, says: str, number: int) -> Iterator[str]:
    yield f"# HELP {name} {says}\n# TYPE {name} counter\n{name} {number}\n"


def _labels(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_quoted(text)}"' for name, text in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _quoted(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
