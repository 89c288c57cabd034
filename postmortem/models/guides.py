"""Document templates of reviews: the guiding questions and the skeleton of each step."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from postmortem.models.catalogue import Severity
from postmortem.models.reviews import ReviewStep
from postmortem.models.trail import recorded

MAX_QUESTIONS = 20
LONGEST_QUESTION = 300
MAX_SKELETON = 8000


class ReviewTemplate(models.Model):
    """What a review of some severities asks in each step; the one without a severity is for all others.

    Where no row fits, the questions that the program brings along are asked, in the reader's language.
    """

    name = models.CharField(_("name"), max_length=80, unique=True)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        ordering = ("name",)
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return self.name


class TemplateSeverity(models.Model):
    """A severity that a template is for."""

    template = models.ForeignKey(ReviewTemplate, models.CASCADE, related_name="severity_links")
    severity = models.ForeignKey(Severity, models.CASCADE, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["template", "severity"], name="template_names_a_severity_once"),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return f"{self.template_id} {self.severity_id}"


class TemplateStep(models.Model):
    """The questions of one step, and the text that an empty finding begins with."""

    template = models.ForeignKey(ReviewTemplate, models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=20, choices=ReviewStep.Kind)
    questions = models.JSONField(_("guiding questions"), default=list)
    skeleton = models.TextField(_("skeleton"), blank=True, max_length=MAX_SKELETON)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["template", "kind"], name="template_has_each_step_once"),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return f"{self.template_id} {self.kind}"
