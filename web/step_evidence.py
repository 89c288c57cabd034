"""What stands beside the texts of each step: the facts that bear on it, typed and in order."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.models import User
from governance import nearby
from postmortem import access, changes
from postmortem.models import Change, ChangeSearch, Entry, Incident, MetricSnapshot, Review, ReviewStep
from web.charts import LINES_TOLD_APART, Course, courses, figure
from web.vague import Snippet

STARRED_SHOWN = 20
NEARBY_SHOWN = 10


@dataclass
class Starred:
    """A starred entry of a filed timeline."""

    entry: Entry
    incident: Incident


@dataclass
class SeriesRow:
    """One series of a measurement in figures; `line` is its stroke in the chart."""

    line: int
    labels: str
    lowest: str
    highest: str
    highest_at: datetime | None
    last: str
    count: int


@dataclass
class Measured:
    """A measurement as the page shows it."""

    snapshot: MetricSnapshot
    chart: SafeString
    rows: list[SeriesRow]
    value: str


@dataclass
class ChangeRow:
    """A change, how far from the beginning of the impact it happened, and what of its reason is vague."""

    change: Change
    distance: timedelta
    is_before: bool
    vague: list[Snippet] = field(default_factory=list)


@dataclass
class ChangeGroup:
    """The changes around one incident: before its impact began, and after."""

    incident: Incident
    before: list[ChangeRow] = field(default_factory=list)
    after: list[ChangeRow] = field(default_factory=list)

    @property
    def rows(self) -> list[ChangeRow]:
        return [*self.before, *self.after]

    @property
    def is_cleared(self) -> bool:
        return all(row.change.verdict == Change.Verdict.CLEARED for row in self.rows)


@dataclass
class NearbyGroup:
    """Deploys within a time before an incident that are offered as its changes, the newest first."""

    incident: Incident
    offered: Sequence[nearby.Offered]
    has_more: bool
    window: timedelta


def starred(incidents: Sequence[Incident], user: User) -> list[Starred]:
    """The starred entries of the filed timelines that the reader may see, the earliest first."""
    by_id = {incident.pk: incident for incident in incidents}
    rows = (
        Entry.objects.filter(
            access.incident_q(user, "timeline__participant__incident__"),
            timeline__participant__incident__in=by_id,
            timeline__filed_at__isnull=False,
            is_starred=True,
        )
        .select_related("timeline__participant__user")
        .order_by("happened_at", "id")[:STARRED_SHOWN]
    )
    return [Starred(entry, by_id[entry.timeline.participant.incident_id]) for entry in rows]


def measurements(record: Review, incidents: Sequence[Incident]) -> list[Measured]:
    """The measurements of step 2, the first taken first."""
    rows = MetricSnapshot.objects.filter(step__review=record).select_related("added_by").order_by("id")
    return [measured(row, incidents) for row in rows]


def measured(snapshot: MetricSnapshot, incidents: Sequence[Incident]) -> Measured:
    """A measurement with its chart, the impact of the incidents shaded, and its figures; asks nobody."""
    lines = [_course(one["points"]) for one in snapshot.series or ()]
    chart = courses(
        lines,
        start=snapshot.window_start,
        end=snapshot.window_end,
        gap=timedelta(seconds=1.5 * (snapshot.step_seconds or 1)),
        shaded=[
            (
                one.started_at,
                one.mitigated_at or one.resolved_at or snapshot.window_end,
                _("Impact of %(id)s") % {"id": one},
            )
            for one in incidents
        ],
        label=snapshot.title,
    )
    return Measured(
        snapshot,
        chart,
        [
            _series_row(index, one["labels"], line)
            for index, (one, line) in enumerate(zip(snapshot.series or (), lines, strict=True))
        ],
        figure(snapshot.value) if snapshot.value is not None else "",
    )


def change_groups(record: Review, incidents: Sequence[Incident]) -> list[ChangeGroup]:
    """The changes around each incident that has some, in order of time."""
    groups = {incident.pk: ChangeGroup(incident) for incident in incidents}
    for change in changes.of(record):
        _put(change, groups[change.incident_id])
    return [group for group in groups.values() if group.before or group.after]


def changes_around(incident: Incident, *, may_edit: bool) -> dict[str, Any]:
    """What the page of an incident shows of its changes, before there is a review and after.

    Args:
        incident: with `shows_review`, see `incident_list.knowing_their_review`.
        may_edit: whether its reader may edit the incident; a signature on the step of the changes, or the
            archive, ends it.
    """
    group = ChangeGroup(incident)
    for change in changes.around(incident):
        _put(change, group)
    step = None
    # A review about a second incident that is restricted may be hidden, and what it says with it.
    if incident.review_id is not None and incident.shows_review:
        steps = ReviewStep.objects.select_related("change_search__stated_by")
        step = steps.get(review=incident.review_id, kind=ReviewStep.Kind.CHANGE_CORRELATION)
        step.review = incident.review
    search = getattr(step, "change_search", None)
    if search is not None:
        search.step = step
    is_over = incident.dismissed_as or (incident.review is not None and incident.review.is_archived)
    may_settle = may_edit and not is_over and not (step is not None and step.is_signed)
    return {
        "nearby": nearby_deploys([incident], is_shown=bool(may_settle)),
        "change_group": group,
        "change_count": len(group.before) + len(group.after),
        "change_step": step,
        "change_search": search,
        "may_settle_changes": may_settle,
    }


def nearby_deploys(incidents: Sequence[Incident], *, is_shown: bool) -> list[NearbyGroup]:
    """Deploys before the incidents that may be added as changes; none where nothing may be added."""
    if not is_shown:
        return []
    found = nearby.of_each(incidents, most=NEARBY_SHOWN + 1)
    return [
        NearbyGroup(
            incident,
            found[incident.pk][:NEARBY_SHOWN],
            len(found[incident.pk]) > NEARBY_SHOWN,
            nearby.window(),
        )
        for incident in incidents
        if incident.pk in found
    ]


def _put(change: Change, group: ChangeGroup) -> None:
    distance = change.happened_at - group.incident.started_at
    is_before = distance < timedelta(0)
    (group.before if is_before else group.after).append(ChangeRow(change, abs(distance), is_before))


def change_search(record: Review) -> ChangeSearch | None:
    """The statement that no change was found, if there is one."""
    stated = ChangeSearch.objects.filter(step__review=record)
    return stated.select_related("stated_by", "step__review").first()


def labels_text(labels: dict[str, str]) -> str:
    """A series as Prometheus writes it: `up{job="order"}`."""
    inside = ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items()) if name != "__name__")
    return f"{labels.get('__name__', '')}{{{inside}}}"


def _course(points: Sequence[Sequence[object]]) -> Course:
    return Course([(datetime.fromtimestamp(float(at), UTC), float(value)) for at, value in points])


def _series_row(index: int, labels: dict[str, str], line: Course) -> SeriesRow:
    finite = [(value, at) for at, value in line.points if value is not None and math.isfinite(value)]
    highest = max(finite, default=None)
    return SeriesRow(
        line=min(index, LINES_TOLD_APART) + 1,
        labels=labels_text(labels),
        lowest=figure(min(finite)[0] if finite else None),
        highest=figure(highest[0] if highest else None),
        highest_at=highest[1] if highest else None,
        last=figure(line.points[-1][1] if line.points else None),
        count=len(line.points),
    )
