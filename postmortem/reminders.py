"""Ask somebody for their timeline, not too often, and keep who asked when."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail
from postmortem.errors import DomainError
from postmortem.incidents import refuse_archived
from postmortem.models import Incident, Participant, Reminder, Timeline
from postmortem.timelines import AlreadyExcused, TimelineFiled


class RemindedLately(DomainError):
    """Somebody asked a short while ago; details["next_at"]: when to ask again."""

    code = "reminded_lately"


def may_remind(incident: Incident, user: User) -> bool:
    """Facilitators by role, and who facilitates or owns the review of this incident."""
    review = incident.review
    leads = review is not None and user.pk in {review.facilitator_id, review.owner_id}
    return user.is_at_least(User.Role.FACILITATOR) or (leads and user.is_active)


def remind(participant: Participant, *, by: User, now: datetime) -> Reminder:
    """Ask a participant who has neither filed nor been excused for their timeline.

    Raises:
        NotAllowed: neither a facilitator nor this review's facilitator or owner.
        RemindedLately: within `TIMELINE_REMINDER_HOURS` of the last reminder, whoever sent it.
        TimelineFiled, AlreadyExcused, Archived: nothing was written.
    """
    if not may_remind(participant.incident, by):
        access.need(by, User.Role.FACILITATOR)
    with trail.act("reminders.remind", by=by):
        # Two may press the button at once: the second must see the first.
        Participant.objects.select_for_update(of=("self",)).get(pk=participant.pk)
        refuse_archived(participant.incident)
        timeline = Timeline.objects.filter(participant=participant).first()
        if timeline is not None and timeline.filed_at is not None:
            raise TimelineFiled(_("This timeline is filed already."))
        if timeline is not None and timeline.excused_at is not None:
            raise AlreadyExcused(_("This timeline is excused already."))
        pause = timedelta(hours=settings.TIMELINE_REMINDER_HOURS)
        last = Reminder.objects.filter(participant=participant).order_by("-sent_at").first()
        if last is not None and last.sent_at + pause > now:
            next_at = last.sent_at + pause
            raise RemindedLately(
                _("%(name)s was reminded less than %(hours)d hours ago.")
                % {"name": participant.user, "hours": settings.TIMELINE_REMINDER_HOURS},
                details={"next_at": next_at.isoformat()},
            )
        return Reminder.objects.create(participant=participant, sent_by=by, sent_at=now)
