"""What incidents refer to: severities and services."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from postmortem.models.trail import recorded

# The names that migration 0002 inserts, so that a reader may see them in their own language.
gettext_noop("Critical: the business stands still")
gettext_noop("Major: many users are hit")
gettext_noop("Moderate: some users are hit")
gettext_noop("Minor: hardly anybody notices")
gettext_noop("Trivial: no user notices")


class Severity(models.Model):
    """How bad an impact is, and what the organisation promises for it: a row of policy."""

    code = models.CharField(_("code"), max_length=4, unique=True)
    name = models.CharField(_("name"), max_length=80)
    rank = models.PositiveSmallIntegerField(_("rank"), unique=True)
    requires_postmortem = models.BooleanField(_("requires a postmortem"), default=True)
    review_hours = models.PositiveIntegerField(
        _("hours until the review must be done"), validators=[MinValueValidator(1)]
    )
    counts_in_figures = models.BooleanField(_("counts in figures"), default=True)
    facilitator_apart = models.BooleanField(
        _("the facilitator must not be the owner"),
        default=False,
        help_text=_("Shown as missing until it is so."),
    )
    approvals_needed = models.PositiveSmallIntegerField(
        _("approvals before the archive"), default=0, validators=[MaxValueValidator(5)]
    )
    approver_role = models.CharField(
        _("who approves"), max_length=16, choices=User.Role, default=User.Role.GOVERNOR
    )

    # What regresses from then on declares an incident; never: null.
    regressions_declare_from = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("rank",)
        verbose_name_plural = "severities"
        constraints = (
            models.CheckConstraint(
                condition=Q(approver_role__in=["facilitator", "governor", "administrator"]),
                name="severity_is_approved_by_facilitators_or_above",
            ),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return self.code

    @property
    def declares_regressions(self) -> bool:
        """Whether an item of this severity that regresses declares an incident."""
        return self.regressions_declare_from is not None

    @property
    def words(self) -> str:
        """The name for the reader: a shipped one is translated, one that an administrator wrote stands."""
        return gettext(self.name)


class Service(models.Model):
    """The deployable unit that CI names; incidents and verdicts are keyed by it."""

    slug = models.SlugField(
        _("slug"), max_length=80, unique=True, help_text=_("The name CI uses, for example “order”.")
    )
    name = models.CharField(_("name"), max_length=120)
    team = models.ForeignKey(Team, models.PROTECT, related_name="services", verbose_name=_("owning team"))
    tier = models.PositiveSmallIntegerField(
        _("tier"), default=2, validators=[MinValueValidator(1), MaxValueValidator(4)]
    )
    repositories = ArrayField(
        models.CharField(max_length=200), default=list, blank=True, verbose_name=_("repositories")
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("slug",)
        # The gate finds the services of a repository.
        indexes = (GinIndex(fields=["repositories"], name="service_by_repository"),)
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return self.slug
