"""An incident's milestones as a picture, and the four durations between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from postmortem.models import Incident

# A phase is drawn at least this wide, in hundredths of the whole: a minute of an hour must still be seen.
_LEAST_WIDTH = 3.0

LABELS: dict[str, Promise] = {
    "started_at": _("Impact started"),
    "detected_at": _("Detected"),
    "acknowledged_at": _("Acknowledged"),
    "mitigated_at": _("Mitigated"),
    "resolved_at": _("Resolved"),
}
_TONES = {"started_at": "bad", "detected_at": "warn", "acknowledged_at": "info", "mitigated_at": "good"}
_PHASES: dict[str, Promise] = {
    "started_at": _("not noticed yet"),
    "detected_at": _("noticed, nobody on it"),
    "acknowledged_at": _("being worked on"),
    "mitigated_at": _("harm reduced, not over"),
}


@dataclass(frozen=True)
class Milestone:
    """One of the five moments; `after_start` is None while it has not come."""

    name: str
    label: str | Promise
    at: datetime | None
    after_start: timedelta | None


@dataclass(frozen=True)
class Phase:
    """The time between two milestones that are known; `x` and `width` are hundredths of the picture."""

    label: str | Promise
    tone: str
    x: float
    width: float
    lasted: timedelta
    is_running: bool


@dataclass(frozen=True)
class Figure:
    """One duration between two milestones, with its formula."""

    short: str
    name: str | Promise
    formula: str | Promise
    value: timedelta | None


def milestones(incident: Incident) -> list[Milestone]:
    """The five moments in their order."""
    found = []
    for name, label in LABELS.items():
        at = getattr(incident, name)
        found.append(Milestone(name, label, at, at - incident.started_at if at else None))
    return found


def phases(incident: Incident, *, now: datetime) -> list[Phase]:
    """What the incident went through, to be drawn to scale; the last phase runs on until it is resolved."""
    spans = list(_spans(incident, now))
    total = sum((end - start).total_seconds() for _name, start, end, _running in spans)
    if total <= 0:
        return []
    widths = [
        max(_LEAST_WIDTH, 100 * (end - start).total_seconds() / total)
        for _name, start, end, _running in spans
    ]
    scale = 100 / sum(widths)
    drawn, x = [], 0.0
    for (name, start, end, is_running), width in zip(spans, widths, strict=True):
        drawn.append(
            Phase(_PHASES[name], _TONES[name], round(x, 2), round(width * scale, 2), end - start, is_running)
        )
        x += width * scale
    return drawn


def figures(incident: Incident) -> list[Figure]:
    """TTD, TTA, TTM and TTR; None where a milestone is missing (specification, section 6)."""
    started, detected = incident.started_at, incident.detected_at
    return [
        Figure("TTD", _("Time to detect"), _("detected − started"), _between(started, detected)),
        Figure(
            "TTA",
            _("Time to acknowledge"),
            _("acknowledged − detected"),
            _between(detected, incident.acknowledged_at),
        ),
        Figure(
            "TTM", _("Time to mitigate"), _("mitigated − started"), _between(started, incident.mitigated_at)
        ),
        Figure("TTR", _("Time to restore"), _("resolved − started"), _between(started, incident.resolved_at)),
    ]


def _spans(incident: Incident, now: datetime) -> Iterator[tuple[str, datetime, datetime, bool]]:
    known = [(name, at) for name in Incident.MILESTONES if (at := getattr(incident, name)) is not None]
    for (name, start), (_next, end) in pairwise(known):
        if end > start:
            yield name, start, end, False
    last, at = known[-1]
    if last != "resolved_at" and not incident.dismissed_as and now > at:
        yield last, at, now, True


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    return end - start if start and end else None
