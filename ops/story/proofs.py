"""What the reviews of the demo measured, and what had changed before: typed evidence of steps 2 and 3."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from ops.story.pool import POOL
from ops.story.tls import TLS
from ops.story.told import Told
from postmortem import changes, measurements
from postmortem.measurements import Fetched, Line
from postmortem.models import Incident, Review, Service

_STEP = 15


@dataclass(frozen=True)
class Curve:
    """A value that is usual, then rises to a peak for some seconds after the start; with a slow wave on it."""

    labels: dict[str, str]
    usual: float
    peak: float
    from_second: int
    until_second: int

    def at(self, second: int) -> float:
        wave = 0.03 * self.usual * math.sin(second / 47)
        if not self.from_second <= second < self.until_second:
            return self.usual + wave
        climb = min(1.0, (second - self.from_second) / 40)
        return self.usual + (self.peak - self.usual) * climb


# by title: (what it shows, value, unit, PromQL, curves)
_MEASURED = {
    POOL.title: (
        "Connections reach the limit of 200 within 40 seconds",
        200.0,
        "connections",
        'max by (service) (mysql_global_status_threads_connected{service=~"order|checkout"})',
        [
            Curve({"service": "order"}, 90, 200, 0, 240),
            Curve({"service": "checkout"}, 41, 58, 20, 260),
        ],
    ),
    TLS.title: (
        "Every handshake below TLS 1.2 is refused",
        42.0,
        "% of requests",
        'sum by (code) (rate(gateway_requests_total{service="payment"}[1m]))',
        [
            Curve({"code": "503"}, 0.4, 88, 0, 1020),
            Curve({"code": "200"}, 212, 122, 0, 1020),
        ],
    ),
}

# by title: (seconds from the start, kind, what, service, verdict, reason)
_CHANGED = {
    POOL.title: [
        (-9 * 3600, "flag", "new-checkout on for 5 % of the users", "checkout", "cleared",
         "The flag's own log shows no request in the minutes of the failure."),
        (-40, "other", "Load test raises its concurrency to 247", "order", "culprit",
         "Stopped after 170 s, and the errors ended within a minute; without it the pool stays at 90."),
    ],
    TLS.title: [
        (-3 * 86400, "config", "Certificate of the edge renewed", "gateway", "cleared",
         "Clients with TLS 1.2 were served all the time by the same certificate."),
        (-210, "deploy", "payment 2.18.0, built with Go 1.21", "payment", "culprit",
         "Traffic moved to the older build, and the handshakes succeeded at once."),
    ],
}  # fmt: skip


def add(
    review: Review, told: Told, incident: Incident, *, services: dict[str, Service], by: User, now: datetime
) -> None:
    """Attach what was measured and what had changed, as if it had been fetched at `now`."""
    if told.title in _MEASURED:
        title, value, unit, promql, curves = _MEASURED[told.title]
        fetched = _fetched(promql, curves, incident, now)
        measurements.attach(review, fetched, title=title, value=value, unit=unit, by=by, now=now)
    for seconds, kind, what, service, verdict, reason in _CHANGED.get(told.title, []):
        change = changes.record(
            incident,
            happened_at=incident.started_at + timedelta(seconds=seconds),
            kind=kind,
            title=what,
            service=services[service],
            by=by,
            now=now,
        )
        changes.judge(change, verdict=verdict, reason=reason, by=by, now=now)


def _fetched(promql: str, curves: list[Curve], incident: Incident, now: datetime) -> Fetched:
    around = timedelta(minutes=10)
    start = incident.started_at - around
    end = (incident.resolved_at or incident.started_at) + around
    seconds = range(-600, int((end - incident.started_at).total_seconds()) + 1, _STEP)
    began = incident.started_at.timestamp()
    lines = [
        Line(curve.labels, [(began + second, f"{curve.at(second):.2f}") for second in seconds])
        for curve in curves
    ]
    return Fetched("Prometheus", promql, start, end, _STEP, lines, 0, [], now)
