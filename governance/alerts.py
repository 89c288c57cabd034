"""Alerts become incidents: a group of an Alertmanager declares one, its end resolves it.

What a message adds to what is known is decided by `episodes`; here it is applied to the incident.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import User
from governance import alertmanager, episodes
from governance.alertmanager import Alert, Message
from governance.episodes import Episode
from governance.models import AlertGroup, EventSource, InboundEvent
from postmortem import incidents, secrets, trail, values
from postmortem.errors import Archived, DomainError, Invalid
from postmortem.models import Incident, IncidentService, Service, Severity

# An episode that ended this long ago is forgotten: no message about it can be on its way.
FORGOTTEN_AFTER = timedelta(days=30)
_SHOWN = 20


class ServiceUnknown(DomainError):
    """No alert of a group names a service that exists, so nobody can be told whose incident it is."""

    code = "service_unknown"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a message came to.

    Attributes:
        outcome: declared, resolved, resumed, changed, unchanged, ignored or not_counted.
        note: what a person should know of it, or "".
    """

    outcome: str
    incident: Incident | None = None
    note: str = ""


def take(event: InboundEvent, *, now: datetime) -> Taken:
    """Apply one message, in one transaction; the same message again changes nothing, nor does an old one.

    Raises:
        alertmanager.Unreadable: the message is not what its schema says.
        ServiceUnknown: an incident should be declared and no alert names a service.
        DomainError: the incident refuses, for example a moment in the future. Nothing was written.

    Source: specification, R17 and section 8.
    """
    message = alertmanager.read(bytes(event.body or b""))
    source = event.source
    counted = [alert for alert in message.alerts if not _is_ignored(source, alert)]
    if not counted:
        return Taken("not_counted", note="The severity of every alert says that it is no incident.")
    with trail.act("alerts.take", by=source.acts_as):
        group = _locked(source, message.group_key)
        return _Applied(source, group, message, counted, heard_at=event.received_at, now=now).result()


def service_of(source: EventSource, alert: Alert) -> Service | None:
    """The service that an alert's labels name; None for one that does not exist."""
    for label in source.service_labels:
        if said := alert.labels.get(label, ""):
            name = source.service_names.get(said, said)
            if service := Service.objects.filter(slug=name[:80]).first():
                return service
    return source.fallback_service


def severity_of(source: EventSource, alert: Alert) -> Severity | None:
    """The severity of an alert; the source's own where the label says nothing known."""
    code = source.severities.get(alert.labels.get(source.severity_label, ""), "")
    return Severity.objects.filter(code=code).first() or source.fallback_severity


def _is_ignored(source: EventSource, alert: Alert) -> bool:
    return bool(source.severities.get(alert.labels.get(source.severity_label, ""), None) == "")


def _locked(source: EventSource, group_key: str) -> AlertGroup:
    digest = hashlib.sha256(group_key.encode()).hexdigest()
    AlertGroup.objects.bulk_create(
        [AlertGroup(source=source, group_key=group_key, key_digest=digest)], ignore_conflicts=True
    )
    return (
        AlertGroup.objects.select_for_update(of=("self",))
        .select_related("incident")
        .get(source=source, key_digest=digest)
    )


class _Applied:
    """One message applied to its group."""

    def __init__(
        self,
        source: EventSource,
        group: AlertGroup,
        message: Message,
        counted: Sequence[Alert],
        *,
        heard_at: datetime,
        now: datetime,
    ) -> None:
        self.source, self.group, self.message, self.counted, self.now = source, group, message, counted, now
        self.by: User = source.acts_as
        self.known = {name: Episode.of_json(kept) for name, kept in group.alerts.items()}
        fresh = episodes.after(self.known, counted, heard_at=heard_at)
        self.news = {
            name: one for name, one in fresh.items() if self.known.get(name) != one and not self._is_past(one)
        }
        self.notes: list[str] = []

    def result(self) -> Taken:
        if not self.news:
            return Taken("unchanged", self.group.incident)
        current = self._current(self.known)
        begun = [one for one in self.news.values() if self._is_new_run(one, current)]
        if begun:
            before = self.group.incident
            self.group.previous_ended_at = episodes.ended_at(current) or (
                before.closed_at if before else None
            )
            self.group.since = min(one.starts_at for one in begun)
            self.group.ended_at = None
            self._declare()
            outcome = "declared"
        else:
            starts = [self.group.since, *(one.starts_at for one in self.news.values())]
            earliest = min(start for start in starts if start is not None)
            self._join(earliest)
            outcome = "changed"
        merged = self.known | self.news
        outcome = self._follow_end(self._current(merged), outcome)
        self._keep(merged)
        return Taken(outcome, self.group.incident, " ".join(self.notes)[:500])

    def _is_past(self, one: Episode) -> bool:
        """Whether an episode belongs to what was over before this incident began."""
        past = self.group.previous_ended_at
        return past is not None and one.starts_at <= past

    def _current(self, known: Mapping[str, Episode]) -> dict[str, Episode]:
        since = self.group.since
        return {name: one for name, one in known.items() if since is not None and one.starts_at >= since}

    def _is_new_run(self, one: Episode, current: Mapping[str, Episode]) -> bool:
        incident = self.group.incident
        if incident is None:
            return True
        if incident.closed_at is not None and one.starts_at not in {
            known.starts_at for known in current.values()
        }:
            return one.ends_at is None or one.ends_at > incident.closed_at
        return not episodes.goes_on(current, one.starts_at)

    def _declare(self) -> None:
        begun = [alert for alert in self.counted if self.news.get(alert.fingerprint)]
        services = self._services(begun)
        if not services:
            labels = ", ".join(self.source.service_labels)
            raise ServiceUnknown(
                f"No alert names a service that exists (labels: {labels}); "
                f"the first one says {_said(begun[0], self.source.service_labels)}."
            )
        since = self.group.since
        assert since is not None  # noqa: S101 # set by the caller
        self._refuse_future("startsAt", since)
        severities = [found for alert in begun if (found := severity_of(self.source, alert))]
        self.group.incident = incidents.declare(
            title=secrets.mask(self.message.title)[0],
            summary=_summary(self.message, begun),
            severity=min(severities, key=lambda one: one.rank),
            started_at=since,
            detected_at=since,
            environment=self.source.environment,
            source=Incident.Source.ALERTMANAGER,
            dedup_key=f"alertmanager/{self.source.key}/{self.group.key_digest[:32]}/{since:%Y%m%dT%H%M%S}",
            services=[
                (service, IncidentService.Part.AFFECTED if place else IncidentService.Part.ORIGIN)
                for place, service in enumerate(services)
            ],
            by=self.by,
            now=self.now,
        )

    def _join(self, earliest: datetime) -> None:
        """An earlier start, a worse severity, another service: what further alerts of the group add."""
        incident = self.group.incident
        assert incident is not None and self.group.since is not None  # noqa: S101, PT018 # a run goes on
        changes: dict[str, Any] = {}
        if earliest < self.group.since:
            if incident.started_at == self.group.since:
                changes["started_at"] = earliest
            if incident.detected_at == self.group.since:
                changes["detected_at"] = earliest
            self.group.since = earliest
        begun = [alert for alert in self.counted if alert.fingerprint in self.news.keys() - self.known.keys()]
        worst = [found for alert in begun if (found := severity_of(self.source, alert))]
        worst = [one for one in worst if one.rank < incident.severity.rank]
        if worst:
            changes["severity"] = min(worst, key=lambda one: one.rank)
        links = list(incident.service_links.select_related("service"))
        known = {link.service_id for link in links}
        if more := [one for one in self._services(begun) if one.pk not in known]:
            changes["services"] = [(link.service, link.part) for link in links] + [
                (one, IncidentService.Part.AFFECTED) for one in more
            ]
        self._edit(changes)

    def _follow_end(self, current: Mapping[str, Episode], outcome: str) -> str:
        """Resolve the incident when all of its alerts ended, and take that back when one goes on."""
        incident = self.group.incident
        assert incident is not None  # noqa: S101 # declared or joined
        end, told = episodes.ended_at(current), self.group.ended_at
        if end is not None and self.message.truncated:
            self.notes.append(
                f"{self.message.truncated} alerts were left out of the message (max_alerts), so nobody knows "
                "whether all have ended: resolve the incident by hand."
            )
            return outcome
        if end == told:
            return outcome
        self.group.ended_at = end
        milestones = ("mitigated_at", "resolved_at")
        if end is None:
            taken_back = {name: None for name in milestones if getattr(incident, name) == told}
            return "resumed" if self._edit(taken_back) else outcome
        # What a person said of the end stands.
        if incident.resolved_at not in {None, told}:
            return outcome
        known = [end, incident.detected_at, incident.acknowledged_at]
        if incident.mitigated_at not in {None, told}:
            known.append(incident.mitigated_at)
        resolved_at = max(moment for moment in known if moment is not None)
        self._refuse_future("endsAt", end)
        changes = {"resolved_at": resolved_at}
        if incident.mitigated_at in {None, told}:
            changes["mitigated_at"] = resolved_at
        return "resolved" if self._edit(changes) and outcome != "declared" else outcome

    def _refuse_future(self, field: str, moment: datetime) -> None:
        """Name the alert that lies in the future; the incident would say of no alert that it does."""
        if moment <= self.now + values.CLOCK_SKEW:
            return
        attribute = {"startsAt": "starts_at", "endsAt": "ends_at"}[field]
        for place, alert in enumerate(self.message.alerts):
            if getattr(alert, attribute) == moment:
                name = f"alerts.{place}.{field}"
                said = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
                words = f"{name} of “{alert.name[:80]}” lies in the future: {said}. Compare the clocks."
                raise Invalid(words, field=name)

    def _edit(self, changes: dict[str, Any]) -> bool:
        incident = self.group.incident
        if incident is None or not changes:
            return False
        if incident.closed_at is not None:
            self.notes.append(f"{incident.public_id} is closed and stays as it is.")
            return False
        try:
            self.group.incident = incidents.edit(incident, by=self.by, now=self.now, **changes)
        except Archived:
            self.notes.append(f"{incident.public_id} is archived and stays as it is.")
            return False
        return True

    def _services(self, alerts: Sequence[Alert]) -> list[Service]:
        """The services of the alerts, the earliest alert's first, each once."""
        found: dict[int, Service] = {}
        unknown = 0
        for alert in sorted(alerts, key=lambda one: one.starts_at):
            service = service_of(self.source, alert)
            if service is None:
                unknown += 1
            else:
                found.setdefault(service.pk, service)
        if unknown and found:
            self.notes.append(f"{unknown} alerts name no service that exists.")
        return list(found.values())

    def _keep(self, merged: Mapping[str, Episode]) -> None:
        old = self.now - FORGOTTEN_AFTER
        self.group.alerts = {
            name: one.as_json() for name, one in merged.items() if one.ends_at is None or one.heard_at > old
        }
        self.group.save()


def _said(alert: Alert, labels: Sequence[str]) -> str:
    said = [f"{label}=“{alert.labels[label][:80]}”" for label in labels if label in alert.labels]
    return ", ".join(said) or "none of these"


def _summary(message: Message, alerts: Sequence[Alert]) -> str:
    """The alerts as they came, as code: nothing that an alert says is markup."""
    lines = [f"group {message.group_key}"]
    for alert in alerts[:_SHOWN]:
        labels = ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
        lines.append(f"{alert.starts_at:%Y-%m-%d %H:%M:%S}Z {labels}")
        lines += [
            f"  {alert.annotations[name]}" for name in ("summary", "description") if name in alert.annotations
        ]
    if len(alerts) > _SHOWN:
        lines.append(f"and {len(alerts) - _SHOWN} more")
    text = "\n".join("    " + " ".join(line.split())[:500] for line in lines)
    return f"Declared by Alertmanager:\n\n{secrets.mask(text)[0]}\n"
