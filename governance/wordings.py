"""What a notice says, in the language of whoever reads it, and where it leads."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from governance.models import ChannelMessage, GateWaiver, GovernanceReport, Notice, TeamChannel

Kind = Notice.Kind
# About what may still go well.
CALM = frozenset({Kind.REVIEW_AT_RISK, Kind.TIMELINE_REMINDER, Kind.ITEM_AT_RISK, Kind.REPORT_PUBLISHED})
Told = Notice | ChannelMessage


def words(notice: Told) -> str:
    """What it says, with its incident or item as it is now."""
    values = {"id": subject_id(notice), "name": notice.by or ""}
    if notice.kind == Kind.REVIEW_AT_RISK:
        return _("The time to review %(id)s runs out") % values
    if notice.kind == Kind.REVIEW_BREACHED:
        return _("The review of %(id)s was not done in time") % values
    if notice.kind == Kind.TIMELINE_REMINDER:
        return _("%(name)s asks for your timeline of %(id)s") % values
    if notice.kind == Kind.ITEM_AT_RISK:
        return _("The time for %(id)s runs out") % values
    if notice.kind == Kind.ITEM_BREACHED:
        return _("%(id)s was not verified in time") % values
    if notice.kind == Kind.ITEM_ESCALATED:
        return _("%(id)s is overdue and goes to the committee") % values
    if notice.kind == Kind.ITEM_REGRESSED:
        return _("%(id)s was verified and fails again") % values
    if notice.kind == Kind.ITEM_OWNERLESS:
        return _("%(id)s has lost its owner") % values
    if notice.kind == Kind.CHANNEL_PAUSED:
        return _("The channel “%(id)s” is paused: its messages do not arrive") % values
    if notice.kind == Kind.REPORT_PUBLISHED:
        return _("The governance report of %(id)s is published") % values
    return _words_of_waiver(notice) or str(Kind(notice.kind).label)


def _words_of_waiver(notice: Told) -> str:
    values = {"id": subject_id(notice), "name": notice.by or ""}
    if notice.kind == Kind.WAIVER_ASKED:
        return _("%(name)s asks to waive the gate: %(id)s") % values
    if notice.kind == Kind.WAIVED_ALONE:
        return _("%(name)s waived the gate alone: %(id)s") % values
    return ""


def subject_id(notice: Told) -> str:
    """The public id of what it is about, the name of the channel, what a waiver is for, or a month."""
    if (channel := _channel(notice)) is not None:
        return channel.name
    if (waiver := _waiver(notice)) is not None:
        return waiver.scope
    if (report := _report(notice)) is not None:
        return str(report)
    record = notice.incident or notice.item
    return record.public_id if record is not None else ""


def title(notice: Told) -> str:
    """The title of what it is about; for the eyes of its recipient alone."""
    if (channel := _channel(notice)) is not None:
        return str(channel.team)
    if (waiver := _waiver(notice)) is not None:
        return waiver.reason
    record = notice.incident or notice.item
    return record.title if record is not None else ""


def path(notice: Told) -> str:
    """The page it leads to."""
    if (channel := _channel(notice)) is not None:
        return reverse("web:channel", args=[channel.pk])
    if (waiver := _waiver(notice)) is not None:
        return reverse("web:gate_waiver", args=[waiver.pk])
    if (report := _report(notice)) is not None:
        return reverse("web:report", args=[str(report)])
    if notice.item is not None:
        return reverse("web:item", args=[notice.item.public_id])
    page = "web:timeline" if notice.kind == Kind.TIMELINE_REMINDER else "web:incident"
    return reverse(page, args=[subject_id(notice)])


def _channel(notice: Told) -> TeamChannel | None:
    # A message also has a channel: the one it goes into.
    return notice.team_channel if isinstance(notice, Notice) else None


def _waiver(notice: Told) -> GateWaiver | None:
    return notice.waiver if isinstance(notice, Notice) else None


def _report(notice: Told) -> GovernanceReport | None:
    return notice.report if isinstance(notice, Notice) else None
