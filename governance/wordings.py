"""What a notice says, in the language of whoever reads it, and where it leads."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from governance.models import Notice

Kind = Notice.Kind


def words(notice: Notice) -> str:
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
        return _("%(id)s is overdue for a week") % values
    return str(notice.get_kind_display())


def subject_id(notice: Notice) -> str:
    """The public id of what it is about."""
    record = notice.incident or notice.item
    return record.public_id if record is not None else ""


def title(notice: Notice) -> str:
    """The title of what it is about; for the eyes of its recipient alone."""
    record = notice.incident or notice.item
    return record.title if record is not None else ""


def path(notice: Notice) -> str:
    """The page it leads to."""
    if notice.item is not None:
        return reverse("web:item", args=[notice.item.public_id])
    page = "web:timeline" if notice.kind == Kind.TIMELINE_REMINDER else "web:incident"
    return reverse(page, args=[subject_id(notice)])
