"""Who hears of a deadline, and when: rows that governors order."""

from __future__ import annotations

from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from postmortem.models import recorded

MOST_DAYS = 90


class EscalationStep(models.Model):
    """At one moment before or after a deadline some people are told."""

    class Subject(models.TextChoices):
        REVIEW = "review", _("Review")
        ITEM = "item", _("Item")

    class Moment(models.TextChoices):
        AT_RISK = "at_risk", _("when four fifths of the time have passed")
        BEFORE = "before", _("days before the deadline")
        AFTER = "after", _("days after the deadline")

    class Audience(models.TextChoices):
        OWNER = "owner", _("who answers for it")
        MANAGER = "manager", _("the manager of the team")
        GOVERNORS = "governors", _("all governors")

    subject = models.CharField(_("of what"), max_length=8, choices=Subject)
    moment = models.CharField(_("when"), max_length=8, choices=Moment)
    days = models.PositiveSmallIntegerField(_("days"), default=0, validators=[MaxValueValidator(MOST_DAYS)])
    audience = models.CharField(_("who is told"), max_length=10, choices=Audience)
    # What came due before is not told by this step.
    valid_from = models.DateTimeField()

    class Meta:
        ordering = ("subject", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["subject", "moment", "days", "audience"], name="escalation_step_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(moment="at_risk", days=0)
                | Q(moment="before", days__gte=1, days__lte=MOST_DAYS)
                | Q(moment="after", days__lte=MOST_DAYS),
                name="escalation_step_has_days_that_make_sense",
            ),
            models.CheckConstraint(
                condition=Q(subject__in=["review", "item"], audience__in=["owner", "manager", "governors"]),
                name="escalation_step_names_what_and_whom",
            ),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return f"{self.subject} {self.moment} {self.days} {self.audience}"
