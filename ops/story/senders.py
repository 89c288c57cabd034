"""What other systems told the demo: deploys with the verdict of their canary, and alerts."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from decimal import Decimal

from accounts import encryption
from governance import deploys, eventsources, gatewaivers, inbox
from ops.story.people import Cast
from postmortem.models import IncidentService, Service

_HOUR = timedelta(hours=1)

# Before an incident that is still looked into: (hours, the canary's verdict, successes in %)
_BEFORE = [(2.5, "fail", "97.4"), (19.0, "pass", "99.98")]


def tell(cast: Cast, *, now: datetime) -> None:
    """Let pipelines and an Alertmanager tell what they would have told by `now`."""
    _deployed(cast, now=now)
    if encryption.has_keys():
        _alerted(cast, now=now)
    gatewaivers.ask(
        repository="shop/order",
        change_id="!815",
        findings=["POSTMORTEM_NOT_NAMED"],
        reason="The sale begins at noon, and the banner must be right by then.",
        expires_at=now + 30 * _HOUR,
        by=cast.people["wang"],
        now=now - _HOUR,
    )


def _deployed(cast: Cast, *, now: datetime) -> None:
    """What went out before the incidents that are still looked into."""
    links = IncidentService.objects.filter(part="origin", incident__review__archived_at=None)
    for link in links.select_related("incident", "service").order_by("incident__started_at", "pk"):
        for hours, verdict, success in _BEFORE:
            at = link.incident.started_at - hours * _HOUR
            _report(cast, link.service, at, verdict, success, now=now)


def _report(cast: Cast, service: Service, at: datetime, verdict: str, success: str, *, now: datetime) -> None:
    day = (at - now).days + 400
    deploys.report(
        external_id=f"{service.slug}/pipeline/{at:%y%j%H%M}",
        service=service,
        version=f"2.{day // 7}.{day % 7}",
        deployed_at=at,
        verdict=verdict,
        success_percent=Decimal(success),
        latency_ms=142.0,
        url=f"https://ci.example.org/{service.slug}/{at:%y%j%H%M}",
        by=cast.people["lin"],
        now=at,
    )


def _alerted(cast: Cast, *, now: datetime) -> None:
    """An alert of a service that nobody knows, and one that always fires: neither is an incident."""
    source, _secret = eventsources.add(
        kind="alertmanager",
        name="Alertmanager of the shop",
        acts_as=cast.people["lin"],
        by=cast.people["demo"],
        now=now - 900 * _HOUR,
        service_labels=["service", "app"],
        service_names={"order-api": "order"},
    )
    for hours, name, labels in (
        (31, "DiskAlmostFull", {"service": "warehouse", "severity": "critical"}),
        (6, "Watchdog", {"service": "search", "severity": "none"}),
    ):
        body = _message(name, labels, started_at=now - hours * _HOUR)
        inbox.receive(source, {}, body, now=now - hours * _HOUR)


def _message(name: str, labels: dict[str, str], *, started_at: datetime) -> bytes:
    alert = {
        "status": "firing",
        "labels": {"alertname": name} | labels,
        "annotations": {"summary": f"{name} fires"},
        "startsAt": started_at.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org/graph",
        "fingerprint": hashlib.sha256(name.encode()).hexdigest()[:16],
    }
    return json.dumps(
        {
            "version": "4",
            "groupKey": f'{{}}:{{alertname="{name}"}}',
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "closeloop",
            "groupLabels": {"alertname": name},
            "commonLabels": alert["labels"],
            "commonAnnotations": alert["annotations"],
            "externalURL": "http://alertmanager.example.org:9093",
            "alerts": [alert],
        }
    ).encode()
