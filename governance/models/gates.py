"""The gate's policy: rows in order, each version of each kept for ever."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from postmortem.models import never_truncated, recorded

LONGEST_PATTERN = 200
# The place of the row for all repositories: what stands after it would never decide.
LAST = 32_767


def _patterns(words: Any) -> ArrayField[list[str], list[str]]:
    pattern = models.CharField(max_length=LONGEST_PATTERN)
    return ArrayField(pattern, verbose_name=words, default=list, blank=True)


class GatePolicy(models.Model):
    """One version of one row; the first row in `position` order that fits a repository decides.

    An edit ends a version and begins the next, so that a decision keeps what it was judged by, and an answer
    for a past day uses the rows of then. One row, without repositories, fits every repository.
    """

    class Mode(models.TextChoices):
        OFF = "off", pgettext_lazy("of the gate", "Off")
        WARN = "warn", pgettext_lazy("of the gate", "Warn")
        DRY_RUN = "dry-run", pgettext_lazy("of the gate", "Dry run")
        STRICT = "strict", pgettext_lazy("of the gate", "Strict")

    class Freeze(models.TextChoices):
        NEVER = "never", _("Never")
        SERVICES = "services", _("While a P0 item of a touched service is overdue")
        EVERYWHERE = "everywhere", _("While any P0 item is overdue")

    # The row, whichever version of it; what people and programs name.
    key = models.PositiveIntegerField()
    version = models.PositiveIntegerField(default=1)
    name = models.CharField(_("name"), max_length=80)
    position = models.PositiveSmallIntegerField()
    repositories = _patterns(_("repositories"))
    mode = models.CharField(_("mode"), max_length=8, choices=Mode, default=Mode.STRICT)
    branches = _patterns(_("target branches"))
    covered_paths = _patterns(_("covered paths"))
    excused_paths = _patterns(_("excused paths"))
    covered_labels = _patterns(_("covered labels"))
    excused_labels = _patterns(_("excused labels"))
    # Not those that count: a rule that is added later counts until somebody says otherwise.
    not_counting = ArrayField(
        models.CharField(max_length=24),
        verbose_name=_("findings that do not count"),
        default=list,
        blank=True,
    )
    asks_audit = models.BooleanField(_("findings of the touched services count"), default=False)
    freeze = models.CharField(_("freeze"), max_length=10, choices=Freeze, default=Freeze.NEVER)
    most_uses = models.PositiveSmallIntegerField(
        _("most uses of one postmortem"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
    )
    fails_open = models.BooleanField(_("merges go on when the gate does not answer"), default=False)
    waivers_alone = models.BooleanField(_("one governor alone may grant a waiver"), default=False)
    began_at = models.DateTimeField()
    # None for what a new installation begins with.
    began_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("position", "id")
        verbose_name_plural = "gate policies"
        indexes = (
            # An audit asks for the newest of these in its one statement.
            models.Index(
                fields=["-began_at", "-id"], condition=Q(repositories=[]), name="gate_policy_default_newest"
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=["key", "version"], name="gate_policy_version_is_unique"),
            models.UniqueConstraint(
                fields=["key"], condition=Q(ended_at=None), name="gate_policy_has_one_present_version"
            ),
            models.UniqueConstraint(
                fields=["name"], condition=Q(ended_at=None), name="gate_policy_present_name_is_unique"
            ),
            models.UniqueConstraint(
                fields=["position"], condition=Q(ended_at=None), name="gate_policy_present_position_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(repositories=[], position=LAST) | ~Q(repositories=[]) & Q(position__lt=LAST),
                name="gate_policy_for_all_is_last",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("began_at")),
                name="gate_policy_ends_after_it_began",
            ),
            models.CheckConstraint(
                condition=Q(mode__in=["off", "warn", "dry-run", "strict"]), name="gate_policy_mode_is_known"
            ),
            models.CheckConstraint(
                condition=Q(freeze__in=["never", "services", "everywhere"]),
                name="gate_policy_freeze_is_known",
            ),
            models.CheckConstraint(
                condition=Q(most_uses=None) | Q(most_uses__gte=1), name="gate_policy_allows_a_use_at_least"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="gate_policy_has_a_name"),
        )
        triggers = (
            *recorded(),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="written", exclude=["ended_at"]),
            pgtrigger.Protect(
                name="ended_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__ended_at__isnull=False),
            ),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"gate-{self.key}v{self.version}"

    @property
    def is_for_all(self) -> bool:
        """Whether it fits every repository; one present row does."""
        return not self.repositories
