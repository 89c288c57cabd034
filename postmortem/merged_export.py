"""The merged timeline in a zone of the reader's choice: as rows, a table, a document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import zone_of
from postmortem.durations import duration_words
from postmortem.merged import Disagreement, Event
from postmortem.models import Entry, EvidenceFile, Incident

MINE, UTC_ZONE, WRITTEN = "", "utc", "written"
COLUMNS = (
    "incident", "at_utc", "zone", "local_time", "person", "kind", "marker", "milestone", "starred", "text",
    "files",
)  # fmt: skip
# What Markdown would take for more than text.
_SPECIAL = re.compile(r"([\\`*_\[\]<>~|])|^(\s*)([#+=-]|\d+[.)])", re.MULTILINE)


@dataclass
class Shown:
    """An event in the chosen zone."""

    event: Event
    local: datetime
    zone: str
    is_new_day: bool = False
    files: list[EvidenceFile] = field(default_factory=list)

    @property
    def clock(self) -> str:
        return f"{self.local:%H:%M:%S}"

    @property
    def machine(self) -> str:
        return f"{self.event.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"

    @property
    def day_words(self) -> str:
        return date_format(self.local.date(), _("j M Y"))

    @property
    def milestone_words(self) -> str:
        return str(Entry.Milestone(self.event.milestone).label)


def shown(events: Sequence[Event], *, zone: str, reader_zone: tzinfo) -> Iterator[Shown]:
    """The events in the chosen zone, days marked.

    Args:
        zone: `MINE`, `UTC_ZONE`, or `WRITTEN`: then an entry stands in the zone that it was written in; a
            milestone has none, and stands in the reader's.
    """
    day: date | None = None
    for event in events:
        one = _in_zone(event, zone, reader_zone)
        one.is_new_day, day = one.local.date() != day, one.local.date()
        if event.entry is not None:
            one.files = list(event.entry.evidence.all())
        yield one


def _in_zone(event: Event, zone: str, reader_zone: tzinfo) -> Shown:
    chosen: tzinfo = UTC if zone == UTC_ZONE else reader_zone
    name = "UTC" if zone == UTC_ZONE else str(reader_zone)
    if zone == WRITTEN and event.entry is not None:
        chosen, name = zone_of(event.entry.zone), event.entry.zone
    return Shown(event, event.at.astimezone(chosen), name)


def row(one: Shown) -> list[object]:
    """One line of the table, as `COLUMNS` names them."""
    event, entry = one.event, one.event.entry
    head = [event.incident.public_id, f"{event.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", one.zone]
    local = f"{one.local:%Y-%m-%d %H:%M:%S}"
    if entry is None:
        return [*head, local, "", "milestone", "", event.milestone, "", "", ""]
    return [
        *(*head, local, entry.timeline.participant.user.name, entry.kind, entry.marker, entry.milestone),
        *("yes" if entry.is_starred else "", entry.text, "; ".join(file.label for file in one.files)),
    ]


def markdown(
    title: str, incidents: Sequence[Incident], events: Sequence[Shown], disagreements: Sequence[Disagreement]
) -> str:
    """The whole document; it reads everywhere as it was written here.

    Args:
        title: the first heading, as plain text.
    """
    lines = [f"# {_plain(title)}", ""]
    is_of_many = len(incidents) > 1
    for one in events:
        if one.is_new_day:
            lines += ["", f"## {one.local:%Y-%m-%d}", ""]
        if one.event.gap is not None:
            lines += ["", f"*{_gap(one.event.gap)}*", ""]
        lines += _event(one, is_of_many=is_of_many)
    if disagreements:
        lines += ["", f"## {_('Where accounts differ')}", "", *_differences(disagreements)]
    return "\n".join(lines) + "\n"


def title(public_id: str, name: str) -> str:
    """What the document is called: “Timeline of INC-2026-0001: Orders fail”."""
    return _("Timeline of %(id)s: %(title)s") % {"id": public_id, "title": name}


def _gap(gap: timedelta) -> str:
    return _("%(time)s without an entry") % {"time": duration_words(gap)}


def _event(one: Shown, *, is_of_many: bool) -> Iterator[str]:
    event, entry = one.event, one.event.entry
    when = f"{one.local:%H:%M:%S} {one.zone}"
    where = f" ({event.incident.public_id})" if is_of_many else ""
    if entry is None:
        yield f"- **{when} · {Entry.Milestone(event.milestone).label}**{where}"
        return
    facts = [_plain(str(entry.timeline.participant.user)), str(entry.get_kind_display())]
    facts += [str(entry.get_marker_display())] if entry.marker else []
    facts += [str(entry.get_milestone_display())] if entry.milestone else []
    facts += ["★"] if entry.is_starred else []
    yield f"- **{when}** · {' · '.join(facts)}{where}"
    yield ""
    yield from _text(entry)
    for file in one.files:
        yield f"  - {_('File')}: {_plain(file.label)} (`sha256:{file.sha256}`)"
        yield ""


def _text(entry: Entry) -> Iterator[str]:
    if entry.kind in {Entry.Kind.COMMAND, Entry.Kind.LOG}:
        longest = max((len(run) for run in re.findall(r"`+", entry.text)), default=0)
        fence = "`" * max(3, longest + 1)
        yield f"  {fence}text"
        yield from (f"  {line}" for line in entry.text.splitlines())
        yield f"  {fence}"
    else:
        # Two blanks at the end keep a line break.
        lines = [_plain(line) for line in entry.text.splitlines()]
        yield from (f"  {line}  " for line in lines[:-1])
        yield f"  {lines[-1]}"
    yield ""


def _differences(disagreements: Sequence[Disagreement]) -> Iterator[str]:
    for one in disagreements:
        recorded = f"{one.recorded_at:%Y-%m-%d %H:%M:%S} UTC" if one.recorded_at else _("not recorded")
        yield f"- {one.incident.public_id}, {Entry.Milestone(one.milestone).label}: {recorded}"
        for claim in one.claims:
            difference = f" ({_signed(claim.difference)})" if claim.difference else ""
            who = _plain(str(claim.entry.timeline.participant.user))
            yield f"  - {who}: {claim.entry.happened_at:%Y-%m-%d %H:%M:%S} UTC{difference}"


def _signed(difference: timedelta) -> str:
    words = duration_words(difference)
    return words if words.startswith("−") else f"+{words}"


def _plain(text: str) -> str:
    """Text in which Markdown sees nothing but text."""
    return _SPECIAL.sub(lambda match: f"\\{match[1]}" if match[1] else f"{match[2]}\\{match[3]}", text)
