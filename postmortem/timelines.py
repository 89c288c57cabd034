"""Open, write and file a personal timeline; the merged view of those that were filed."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, secrets, trail, values
from postmortem.errors import DomainError, Invalid, NotAllowed
from postmortem.incidents import refuse_archived
from postmortem.models import Entry, Incident, Participant, Timeline

MAX_ENTRIES = 1000

# What a person may state about an entry.
FACTS = frozenset({"text", "happened_at", "zone", "kind", "marker", "is_starred"})


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
    """The timeline of a participant, begun when there is none."""
    with trail.act("timelines.open", by=participant.user):
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
        timeline = _own_unfiled(timeline, by=by)
        if timeline.entries.count() >= MAX_ENTRIES:
            raise Invalid(_("%(count)d entries are the most.") % {"count": MAX_ENTRIES}, field="text")
        entry = Entry(timeline=timeline, created_at=now)
        facts = {"text": text, "happened_at": happened_at, "zone": zone, "kind": kind, "marker": marker}
        _state(entry, facts | {"is_starred": is_starred}, now=now)
        entry.save(force_insert=True)
    return entry


def edit(entry: Entry, *, by: User, now: datetime, **fields: Any) -> Entry:
    """Change an entry of one's own timeline before it is filed.

    Args:
        fields: any of `FACTS`.

    Raises:
        As for `add`.
    """
    with trail.act("timelines.edit", by=by):
        _own_unfiled(entry.timeline, by=by)
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
        _own_unfiled(entry.timeline, by=by)
        Entry.objects.filter(pk=entry.pk).delete()


def file(timeline: Timeline, *, by: User, now: datetime) -> Timeline:
    """Hand in one's own timeline: from now on the others see it and nobody changes it.

    Raises:
        EmptyTimeline: it has no entry.
        NotAllowed, TimelineFiled, Archived: nothing was written.
    """
    with trail.act("timelines.file", by=by):
        timeline = _own_unfiled(timeline, by=by)
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
        Entry.objects.filter(
            access.incident_q(viewer, "timeline__participant__incident__"),
            Q(timeline__filed_at__isnull=False) | Q(timeline__participant__user=viewer),
            timeline__participant__incident=incident,
        )
        .select_related("timeline__participant__user")
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


def _own_unfiled(timeline: Timeline, *, by: User) -> Timeline:
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


# --- moments as people write them ---------------------------------------------------------------------

_OFFSET = re.compile(r"([+-])\s*(\d{1,5})\s*(s|sec|m|min|h|秒|分钟|分|小时|时)?")
_CLOCK = re.compile(r"(?:(yesterday|today|昨天|昨日|今天|今日)\s*)?(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DATED = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:\s+|\s*T\s*)"
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,6})?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_UNITS = {"s": 1, "sec": 1, "秒": 1, "h": 3600, "小时": 3600, "时": 3600}
_DAYS_BACK = {"yesterday": 1, "昨天": 1, "昨日": 1, "today": 0, "今天": 0, "今日": 0}


def parse_moment(text: str, *, reference: datetime, zone: ZoneInfo, now: datetime | None = None) -> datetime:
    """The moment a person means, as aware UTC.

    Forms: "14:03", "14:03:20", "+5m", "-90s", "+1h", "yesterday 23:10" / "昨天 23:10", "2026-11-20 14:03",
    "2026-11-20T14:03:20+08:00". Full-width characters are fine. An offset counts from `reference`.

    A clock time without a day means the day that brings it nearest to `reference` without lying in the
    future: with the reference at 00:10, "23:50" is the evening before; with the reference at 23:58, "00:03"
    is the day after, if that has been.

    Args:
        reference: what the text is relative to: the start of the incident, the entry before, or the present.
        zone: the writer's zone; it gives clock times and days their meaning.
        now: nothing lies later, five minutes for clocks; by default the reference is the present. "Yesterday"
            counts from here.

    Raises:
        Invalid: not one of the forms, no such day or time, or a clock time that the change to or from summer
            time skips or repeats (then the offset must be given). `field` is "happened_at".
    """
    now = now or reference
    written = unicodedata.normalize("NFKC", text[:100]).strip()
    try:
        if match := _OFFSET.fullmatch(written):
            sign, number, unit = match.groups()
            seconds = int(number) * _UNITS.get(unit or "m", 60)
            return (reference + timedelta(seconds=-seconds if sign == "-" else seconds)).astimezone(UTC)
        if match := _DATED.fullmatch(written):
            return _dated(match, zone)
        if match := _CLOCK.fullmatch(written.lower()):
            return _clock(match, reference=reference, zone=zone, now=now)
    except (ValueError, OverflowError) as error:
        raise Invalid(_("There is no such day or time."), field="happened_at") from error
    raise Invalid(
        _("Write a moment such as 14:03, 14:03:20, +5m, yesterday 23:10 or 2026-11-20 14:03."),
        field="happened_at",
    )


def _dated(match: re.Match[str], zone: ZoneInfo) -> datetime:
    year, month, day, hour, minute = (int(part) for part in match.groups()[:5])
    local = datetime.combine(date(year, month, day), time(hour, minute, int(match[6] or 0)))
    offset = match[7]
    if not offset:
        return _settled(local, zone)
    if offset.upper() in {"Z", "UTC"}:
        return local.replace(tzinfo=UTC)
    return datetime.fromisoformat(f"{local.isoformat()}{offset[:3]}:{offset[-2:]}").astimezone(UTC)


def _clock(match: re.Match[str], *, reference: datetime, zone: ZoneInfo, now: datetime) -> datetime:
    day_word, hour, minute, second = match.groups()
    clock = time(int(hour), int(minute), int(second or 0))
    if day_word:
        today = now.astimezone(zone).date()
        return _settled(datetime.combine(today - timedelta(days=_DAYS_BACK[day_word]), clock), zone)
    day = reference.astimezone(zone).date()
    candidates = [datetime.combine(day + timedelta(days=shift), clock) for shift in (-1, 0, 1)]
    been = [local for local in candidates if local.replace(tzinfo=zone) <= now + values.CLOCK_SKEW]
    if not been:
        raise Invalid(_("This lies in the future."), field="happened_at")
    return _settled(min(been, key=lambda local: abs(local.replace(tzinfo=zone) - reference)), zone)


def _settled(local: datetime, zone: ZoneInfo) -> datetime:
    """The one moment at which the clocks of the zone showed this, as UTC."""
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    was_skipped = first.astimezone(zone).replace(tzinfo=None) != local
    if was_skipped:
        message = _("The clocks were put forward over this time, so it never was.")
    else:
        message = _("The clocks were put back, so this time was twice; add the offset, such as +02:00.")
    raise Invalid(message, field="happened_at")
