"""Open, write and file a personal timeline; the merged view of those that were filed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, moments, secrets, trail, values, vault
from postmortem.errors import DomainError, Invalid, NotAllowed
from postmortem.incidents import refuse_archived
from postmortem.models import Entry, Incident, Participant, Timeline

MAX_ENTRIES = 1000

parse_moment = moments.parse

# What a person may state about an entry.
FACTS = frozenset({"text", "happened_at", "zone", "kind", "marker", "milestone", "is_starred"})


class EmptyTimeline(DomainError):
    """A timeline without an entry cannot be filed; it may be excused."""

    code = "empty_timeline"


class TimelineFiled(DomainError):
    """The timeline is filed: it can no longer change."""

    code = "timeline_filed"


class AlreadyExcused(DomainError):
    """The timeline is excused already; the first reason stands."""

    code = "already_excused"


def of(incident: Incident, user: User) -> Timeline | None:
    """This person's own timeline of the incident; None when they took no part or have not begun."""
    return (
        Timeline.objects.select_related("participant__user", "participant__incident")
        .filter(participant__incident=incident, participant__user=user)
        .first()
    )


def open_for(participant: Participant) -> Timeline:
    """The timeline of a participant, begun when there is none.

    Raises:
        Archived: there is none, and none can begin any more.
    """
    with trail.act("timelines.open", by=participant.user):
        found = Timeline.objects.filter(participant=participant).first()
        if found is not None:
            return found
        refuse_archived(participant.incident)
        return Timeline.objects.get_or_create(participant=participant)[0]


def add(
    timeline: Timeline,
    *,
    text: str,
    happened_at: datetime,
    zone: str,
    kind: str,
    by: User,
    now: datetime,
    marker: str = "",
    milestone: str = "",
    is_starred: bool = False,
) -> Entry:
    """Write one event on one's own timeline; secrets in the text are masked before it is stored.

    Args:
        happened_at: aware; at most five minutes ahead of `now`.
        zone: the IANA zone in which the moment was written.

    Raises:
        Invalid: a value breaks a rule.
        NotAllowed: somebody else's timeline.
        TimelineFiled, Archived: nothing was written.
    """
    with trail.act("timelines.add", by=by):
        timeline = own_unfiled(timeline, by=by)
        if timeline.entries.count() >= MAX_ENTRIES:
            raise Invalid(_("%(count)d entries are the most.") % {"count": MAX_ENTRIES}, field="text")
        entry = Entry(timeline=timeline, created_at=now)
        facts = {"text": text, "happened_at": happened_at, "zone": zone, "kind": kind, "marker": marker}
        _state(entry, facts | {"milestone": milestone, "is_starred": is_starred}, now=now)
        entry.save(force_insert=True)
    return entry


def add_many(
    timeline: Timeline, *, entries: Sequence[Mapping[str, Any]], by: User, now: datetime
) -> list[Entry]:
    """Write several events at once, all or none; for what was pasted.

    Args:
        entries: for each what `add` takes: text, happened_at, zone, kind; marker, milestone, is_starred if
            they are not the usual ones.

    Raises:
        Invalid: details["row"] is the first event, counted from 0, with a value that breaks a rule; `field`
            has its place before the name, such as "entries.3.text".
        NotAllowed, TimelineFiled, Archived: nothing was written.
    """
    if not entries:
        raise Invalid(_("There is nothing to store."), field="entries")
    with trail.act("timelines.add_many", by=by):
        timeline = own_unfiled(timeline, by=by)
        if timeline.entries.count() + len(entries) > MAX_ENTRIES:
            raise Invalid(_("%(count)d entries are the most.") % {"count": MAX_ENTRIES}, field="entries")
        rows = []
        given: dict[str, int] = {}
        for number, facts in enumerate(entries):
            entry = Entry(timeline=timeline, created_at=now)
            try:
                _state(entry, dict(facts), now=now)
                if entry.milestone and given.setdefault(entry.milestone, number) != number:
                    raise Invalid(
                        _("Another of these lines gives this milestone a moment."), field="milestone"
                    )
            except Invalid as refusal:
                refusal.field = f"entries.{number}.{refusal.field}"
                refusal.details = {"row": number}
                raise
            rows.append(entry)
        return Entry.objects.bulk_create(rows)


def read_line(line: str, *, participant: Participant, zone: tzinfo, now: datetime) -> moments.Line:
    """One event as its author types it: "14:03 restarted order-api".

    What "+5m" counts from is the entry written last, or the start of the incident.

    Raises:
        Invalid: `field` is "happened_at" (no moment at the beginning, or one that can be read in two ways)
            or "text" (nothing behind it).
    """
    last = Entry.objects.filter(timeline__participant=participant).order_by("-id").first()
    reference = last.happened_at if last is not None else participant.incident.started_at
    found = moments.read_line(values.text(line, field="text"), reference=reference, zone=zone, now=now)
    if found is None:
        raise Invalid(
            _("Begin with the moment: 14:03, 14:03:20, +5m, yesterday 23:10, 2026-11-20 14:03."),
            field="happened_at",
        )
    if not found.text:
        raise Invalid(_("Write what happened then."), field="text")
    return found


def edit(entry: Entry, *, by: User, now: datetime, **fields: Any) -> Entry:
    """Change an entry of one's own timeline before it is filed.

    Args:
        fields: any of `FACTS`.

    Raises:
        As for `add`.
    """
    with trail.act("timelines.edit", by=by):
        own_unfiled(entry.timeline, by=by)
        entry = Entry.objects.select_for_update().get(pk=entry.pk)
        _state(entry, fields, now=now)
        entry.save()
    return entry


def remove(entry: Entry, *, by: User, now: datetime) -> None:
    """Take an entry off one's own timeline before it is filed; the trail keeps it.

    Raises:
        NotAllowed, TimelineFiled, Archived: nothing was written.
    """
    with trail.act("timelines.remove", by=by):
        own_unfiled(entry.timeline, by=by)
        stored = [
            name
            for pair in entry.evidence.values_list("stored_as", "thumbnail_stored_as")
            for name in pair
            if name
        ]
        Entry.objects.filter(pk=entry.pk).delete()
        transaction.on_commit(lambda: vault.discard(stored))


def file(timeline: Timeline, *, by: User, now: datetime) -> Timeline:
    """Hand in one's own timeline: from now on the others see it and nobody changes it.

    Raises:
        EmptyTimeline: it has no entry.
        NotAllowed, TimelineFiled, Archived: nothing was written.
    """
    with trail.act("timelines.file", by=by):
        timeline = own_unfiled(timeline, by=by)
        if not timeline.entries.exists():
            raise EmptyTimeline(_("Write at least one entry before you file the timeline."))
        timeline.filed_at = now
        timeline.save(update_fields=["filed_at"])
    return timeline


def excuse(participant: Participant, *, reason: str, by: User, now: datetime) -> Timeline:
    """Let the review open without this person's timeline; the reason is kept and shown.

    Raises:
        Invalid: no reason.
        NotAllowed: neither a facilitator nor this review's, or one's own timeline.
        TimelineFiled, AlreadyExcused, Archived: nothing was written.
    """
    review = participant.incident.review
    if review is None or review.facilitator_id != by.pk or not by.is_active:
        access.need(by, User.Role.FACILITATOR)
    if participant.user_id == by.pk:
        raise NotAllowed(_("Nobody excuses their own timeline."))
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    with trail.act("timelines.excuse", by=by):
        timeline = _locked(open_for(participant))
        refuse_archived(participant.incident)
        if timeline.filed_at is not None:
            raise TimelineFiled(_("This timeline is filed; it needs no excuse."))
        if timeline.excused_at is not None:
            raise AlreadyExcused(_("This timeline is excused already."))
        timeline.excused_at, timeline.excused_by, timeline.excuse_reason = now, by, reason
        timeline.save(update_fields=["excused_at", "excused_by", "excuse_reason"])
    return timeline


def merged(incident: Incident, *, viewer: User) -> list[Entry]:
    """Every entry the viewer may read, in time order: of filed timelines, and their own.

    Unfiled entries are sealed to everybody else, administrators included. Each entry says where it comes
    from: `entry.timeline.participant.user` is loaded.
    """
    return list(
        Entry.objects.filter(access.entry_q(viewer), timeline__participant__incident=incident)
        .select_related("timeline__participant__user")
        .prefetch_related("evidence")
        .order_by("happened_at", "id")
    )


def missing(incidents: list[Incident]) -> list[Participant]:
    """The participants whose timelines are neither filed nor excused, with their persons loaded."""
    return list(
        Participant.objects.filter(incident__in=incidents, timeline__filed_at=None, timeline__excused_at=None)
        .select_related("user", "incident")
        .order_by("incident_id", "id")
    )


def _locked(timeline: Timeline) -> Timeline:
    return (
        Timeline.objects.select_for_update(of=("self",))
        .select_related("participant__incident")
        .get(pk=timeline.pk)
    )


def own_unfiled(timeline: Timeline, *, by: User) -> Timeline:
    """Lock a timeline for a change by its author.

    Raises:
        NotAllowed: somebody else's, or a viewer's.
        TimelineFiled, Archived: it can no longer change.
    """
    timeline = _locked(timeline)
    if timeline.participant.user_id != by.pk:
        raise NotAllowed(_("Only its author writes on a personal timeline."))
    access.need(by, User.Role.MEMBER)
    refuse_archived(timeline.participant.incident)
    if timeline.filed_at is not None:
        raise TimelineFiled(_("This timeline is filed and can no longer change."))
    return timeline


def _state(entry: Entry, fields: dict[str, Any], *, now: datetime) -> None:
    values.fill(entry, fields, allowed=FACTS)
    values.text(entry.text, field="text", is_required=True)
    entry.text, _count = secrets.mask(entry.text)
    values.past(entry.happened_at, field="happened_at", now=now)
    values.check(entry)
    if entry.milestone:
        _refuse_second(entry)


def _refuse_second(entry: Entry) -> None:
    same = Entry.objects.filter(timeline=entry.timeline_id, milestone=entry.milestone).exclude(pk=entry.pk)
    if other := same.first():
        raise Invalid(
            _("You gave this milestone a moment already: %(entry)s") % {"entry": other}, field="milestone"
        )
