"""What a team added to the rules of wording, or allowed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from postmortem.models.trail import recorded


class WordingTerm(models.Model):
    """A phrase that blocks a signature in a team's reviews, or one that passes there; literal, no pattern."""

    team = models.ForeignKey(
        Team, models.CASCADE, null=True, blank=True, related_name="wording_terms", verbose_name=_("team")
    )
    phrase = models.CharField(_("phrase"), max_length=80)
    is_allowed = models.BooleanField(_("allowed"), default=False)
    why = models.CharField(_("why"), max_length=200)
    suggestion = models.CharField(_("suggestion"), max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("phrase", "id")
        constraints = (
            models.UniqueConstraint(
                "team", Lower("phrase"), nulls_distinct=False, name="wording_term_is_unique_in_its_team"
            ),
            models.CheckConstraint(condition=~Q(phrase=""), name="wording_term_has_a_phrase"),
            models.CheckConstraint(condition=~Q(why=""), name="wording_term_has_a_reason"),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return self.phrase
