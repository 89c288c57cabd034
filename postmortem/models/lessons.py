"""What went badly, point by point: each is answered by items, or by a reason why none is needed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models.freezing import OF_REVIEW, frozen
from postmortem.models.reviews import Review
from postmortem.models.trail import recorded


class LessonPoint(models.Model):
    """One point of "what went badly", as the text says it; it comes and goes with the text."""

    review = models.ForeignKey(Review, models.CASCADE, related_name="lesson_points")
    position = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=500)
    declined_because = models.TextField(_("no item, because"), blank=True, max_length=2000)
    declined_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    declined_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("review", "position", "id")
        constraints = (
            models.CheckConstraint(condition=~Q(text=""), name="lesson_point_says_something"),
            models.CheckConstraint(
                condition=Q(declined_because="", declined_by=None, declined_at=None)
                | ~Q(declined_because="") & Q(declined_by__isnull=False, declined_at__isnull=False),
                name="lesson_point_is_declined_with_reason_by_and_at",
            ),
        )
        triggers = (*recorded(), frozen(OF_REVIEW))

    def __str__(self) -> str:
        return self.text[:80]
