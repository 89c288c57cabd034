"""The merged timeline: what everybody filed in one order of time, its gaps, and where accounts differ.

Computed, never stored: it holds what this viewer may read at this moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from accounts.models import User
from postmortem import access
from postmortem.models import Entry, Incident

# So long without anything is worth a line of its own.
GAP = timedelta(minutes=15)
# People write minutes; less than one is no disagreement.
TOLERANCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Wanted:
    """What of the merged timeline is wanted; what is not given narrows nothing."""

    person: int | None = None
    kind: str = ""
    marker: str = ""
    is_starred: bool = False

    def q(self) -> Q:
        found = Q()
        if self.person is not None:
            found &= Q(timeline__participant__user=self.person)
        if self.kind:
            found &= Q(kind=self.kind)
        if self.marker:
            found &= Q(marker=self.marker)
        if self.is_starred:
            found &= Q(is_starred=True)
        return found


@dataclass(frozen=True)
class Event:
    """An entry, or a milestone as it is recorded of an incident.

    Attributes:
        milestone: "started" to "resolved"; "" for an entry.
        gap: the time since the event before, where it is long enough to say so.
    """

    at: datetime
    incident: Incident
    entry: Entry | None = None
    milestone: str = ""
    gap: timedelta | None = None


@dataclass(frozen=True)
class Claim:
    """What one person says about a milestone, and how far that is from what is recorded."""

    entry: Entry
    difference: timedelta | None


@dataclass(frozen=True)
class Disagreement:
    """A milestone that is given different moments: by people, or by one and by the record."""

    incident: Incident
    milestone: str
    recorded_at: datetime | None
    claims: list[Claim] = field(default_factory=list)

    @property
    def words(self) -> str:
        """What the milestone is called."""
        return str(Entry.Milestone(self.milestone).label)


def of(incidents: Sequence[Incident], *, viewer: User, wanted: Wanted | None = None) -> QuerySet[Entry]:
    """The entries of these incidents that the viewer may read, in time order, with all that is shown of them.

    Args:
        wanted: narrows them.
    """
    return (
        Entry.objects.filter(
            access.entry_q(viewer), (wanted or Wanted()).q(), timeline__participant__incident__in=incidents
        )
        .select_related("timeline__participant__user", "timeline__participant__incident")
        .prefetch_related("evidence")
        .order_by("happened_at", "id")
    )


def people(incidents: Sequence[Incident], *, viewer: User) -> list[User]:
    """Whose entries the viewer may read, by name."""
    entries = Entry.objects.filter(access.entry_q(viewer), timeline__participant__incident__in=incidents)
    return list(
        User.objects.filter(pk__in=entries.values("timeline__participant__user")).order_by("name", "id")
    )


def events(incidents: Sequence[Incident], entries: Sequence[Entry]) -> list[Event]:
    """Entries and recorded milestones in one order of time; at the same moment the milestone comes first.

    A gap is told from one event to the next, so it is the time in which nothing of what is shown happened.
    """
    by_id = {incident.pk: incident for incident in incidents}
    found = [
        Event(at, incident, milestone=name.removesuffix("_at"))
        for incident in incidents
        for name in Incident.MILESTONES
        if (at := getattr(incident, name)) is not None
    ]
    found += [
        Event(entry.happened_at, by_id[entry.timeline.participant.incident_id], entry=entry)
        for entry in entries
    ]
    found.sort(key=lambda event: (event.at, event.entry is not None, event.entry.pk if event.entry else 0))
    return [_with_gap(event, found[place - 1] if place else None) for place, event in enumerate(found)]


def _with_gap(event: Event, before: Event | None) -> Event:
    if before is None or event.at - before.at < GAP:
        return event
    return Event(event.at, event.incident, event.entry, event.milestone, gap=event.at - before.at)


def disagreements(incidents: Sequence[Incident], *, viewer: User) -> list[Disagreement]:
    """The milestones about which the accounts that the viewer may read differ by a minute or more.

    A milestone that is said and not recorded is told too: somebody knows when it was.
    """
    claims: dict[tuple[int, str], list[Entry]] = {}
    for entry in of(incidents, viewer=viewer).exclude(milestone=""):
        claims.setdefault((entry.timeline.participant.incident_id, entry.milestone), []).append(entry)
    found = []
    for incident in incidents:
        for name in Incident.MILESTONES:
            milestone = name.removesuffix("_at")
            said = claims.get((incident.pk, milestone), [])
            recorded = getattr(incident, name)
            moments = [entry.happened_at for entry in said] + ([recorded] if recorded else [])
            is_unrecorded = bool(said) and recorded is None
            if said and (is_unrecorded or max(moments) - min(moments) >= TOLERANCE):
                told = [Claim(entry, entry.happened_at - recorded if recorded else None) for entry in said]
                found.append(Disagreement(incident, milestone, recorded, told))
    return found
