"""The history of an item's deadline, as its page tells it."""

from datetime import datetime

from remediation.models import DeadlineMark, DeadlineWaiver, RemediationItem


def shown(record: RemediationItem, now: datetime) -> list[DeadlineWaiver | DeadlineMark]:
    """What happened to the deadline, newest first: who asked and answered, and what was missed."""
    asked = list(record.deadline_waivers.select_related("asked_by", "answered_by"))
    for waiver in asked:
        waiver.at, waiver.is_lapsed = waiver.answered_at or waiver.asked_at, waiver.has_lapsed(now)
    marks = list(record.deadline_marks.all())
    for mark in marks:
        # A missed deadline was missed at that very moment; the other is known only by when it was noticed.
        mark.at = mark.noticed_at if mark.kind == DeadlineMark.Kind.AT_RISK else mark.due_at
    return sorted([*asked, *marks], key=lambda row: row.at, reverse=True)
