"""Messages as an Alertmanager sends them, written to version 4 of its payload."""

import json
from datetime import timedelta

from tests.factories import NOW

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
START = NOW - 60 * MINUTE
ZERO = "0001-01-01T00:00:00Z"


def alert(name="a1", *, starts_at=START, ends_at=None, labels=None, annotations=None, **said):
    """One alert of the service "order"; with `ends_at` it is resolved."""
    labels = {"alertname": "PoolFull", "service": "order", "severity": "critical", "pod": name} | (
        labels or {}
    )
    return {
        "status": "resolved" if ends_at else "firing",
        "labels": {key: value for key, value in labels.items() if value is not None},
        "annotations": {"summary": "The pool is full"} if annotations is None else annotations,
        "startsAt": stamp(starts_at),
        "endsAt": stamp(ends_at) if ends_at else ZERO,
        "generatorURL": "http://prometheus.example.org/graph",
        "fingerprint": f"f{name}",
    } | said


def message(*alerts, group='{}:{alertname="PoolFull"}', **said):
    """The body of one notification about a group."""
    alerts = list(alerts) or [alert()]
    is_firing = any(one["status"] == "firing" for one in alerts)
    return json.dumps(
        {
            "version": "4",
            "groupKey": group,
            "truncatedAlerts": 0,
            "status": "firing" if is_firing else "resolved",
            "receiver": "closeloop",
            "groupLabels": {"alertname": "PoolFull"},
            "commonLabels": {"alertname": "PoolFull"},
            "commonAnnotations": {"summary": "The pool is full"},
            "externalURL": "http://alertmanager.example.org:9093",
            "alerts": alerts,
        }
        | said
    ).encode()


def stamp(moment):
    return moment.isoformat().replace("+00:00", "Z")
