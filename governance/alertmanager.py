"""Pure: what an Alertmanager says in a webhook, version 4 of its payload.

Source: Alertmanager's documentation of <webhook_config>.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from governance import payloads
from governance.payloads import Unreadable

MAX_ALERTS = 5000


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a message.

    Attributes:
        fingerprint: of its labels; the same for every episode of it.
        starts_at: when this episode began.
        ends_at: when it ended; None while it fires, and where the message does not say.
    """

    fingerprint: str
    is_firing: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")


@dataclass(frozen=True, slots=True)
class Message:
    """One notification about one group of alerts.

    Attributes:
        truncated: how many alerts were left out of `alerts`; of these nothing is known.
    """

    group_key: str
    alerts: Sequence[Alert]
    truncated: int
    group_labels: Mapping[str, str] = field(default_factory=dict)
    common_annotations: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""

    @property
    def title(self) -> str:
        """What the group is about, in at most 200 characters."""
        first = self.alerts[0]
        name = self.group_labels.get("alertname") or first.name
        said = self.common_annotations.get("summary") or first.annotations.get("summary", "")
        words = " ".join(f"{name}: {said}".strip(": ").split()) or "Alert"
        return words if len(words) <= 200 else words[:199] + "…"


def read(body: bytes) -> Message:
    """Read a message.

    Raises:
        Unreadable: it is not what version 4 of the payload says.
    """
    said = payloads.read(body)
    version = payloads.text(said, "version", default="4")
    if version != "4":
        raise Unreadable(f"version must be “4”, and it is “{version[:20]}”.")
    status = payloads.text(said, "status", default="")
    alerts = said.get("alerts")
    if not isinstance(alerts, list) or not alerts:
        raise Unreadable("alerts must be a list with at least one alert.")
    if len(alerts) > MAX_ALERTS:
        raise Unreadable(f"alerts may have at most {MAX_ALERTS} entries.")
    read = [_alert(one, place, status) for place, one in enumerate(alerts)]
    group_labels = payloads.texts(said, "groupLabels")
    return Message(
        # Programs that imitate Alertmanager may leave it out.
        group_key=payloads.text(said, "groupKey", default="") or _group_key(group_labels or read[0].labels),
        alerts=read,
        truncated=payloads.number(said, "truncatedAlerts", default=0),
        group_labels=group_labels,
        common_annotations=payloads.texts(said, "commonAnnotations"),
        external_url=payloads.text(said, "externalURL", default=""),
    )


def _alert(said: Any, place: int, status_of_group: str) -> Alert:
    where = f"alerts.{place}."
    if not isinstance(said, dict):
        raise Unreadable(f"alerts.{place} must be an object.")
    status = payloads.text(said, "status", default=status_of_group, where=where)
    if status not in {"firing", "resolved"}:
        raise Unreadable(f"{where}status must be “firing” or “resolved”.")
    labels = payloads.texts(said, "labels", where=where)
    starts_at = payloads.moment(said, "startsAt", where=where)
    if starts_at is None:
        raise Unreadable(f"{where}startsAt must be a moment such as 2026-11-20T14:03:00Z.")
    is_firing = status == "firing"
    ends_at = None if is_firing else payloads.moment(said, "endsAt", where=where)
    return Alert(
        # Old Alertmanagers send none; the labels are what it would be made of.
        fingerprint=payloads.text(said, "fingerprint", default="", where=where) or _fingerprint(labels),
        is_firing=is_firing,
        labels=labels,
        annotations=payloads.texts(said, "annotations", where=where),
        starts_at=starts_at,
        ends_at=ends_at if ends_at is None or ends_at >= starts_at else starts_at,
    )


def _group_key(labels: Mapping[str, str]) -> str:
    pairs = ", ".join(f"{name}={json.dumps(labels[name], ensure_ascii=False)}" for name in sorted(labels))
    return f"{{}}:{{{pairs}}}"


def _fingerprint(labels: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:32]
