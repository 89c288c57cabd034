"""What proves that a process changed: a revised SOP, and an exam that everybody on the roster passes (R9)."""

from __future__ import annotations

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Membership, Team, User
from postmortem.models import append_only, never_truncated, recorded
from remediation.models.items import RemediationItem


class SopRevision(models.Model):
    """A revision of the operating procedure, as a person recorded it; added, never edited."""

    item = models.ForeignKey(RemediationItem, models.PROTECT, related_name="sop_revisions")
    number = models.PositiveIntegerField()
    url = models.URLField(_("link to the procedure"), max_length=500)
    revision = models.CharField(_("revision"), max_length=80)
    note = models.TextField(_("what changed"), blank=True, max_length=2000)
    recorded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=["item", "number"], name="sop_revision_number_is_unique"),
            models.CheckConstraint(
                condition=~Q(url="") & ~Q(revision=""), name="sop_revision_has_link_and_revision"
            ),
        )
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.item_id}: {self.revision}"


class Exam(models.Model):
    """Questions about a changed process, and the team whose members answer them.

    `questions` is a list of {"text", "kind": "single" or "multiple", "options": [text], "right": [index]}.
    Another version is another exam: who passed the one before has not passed it.
    """

    item = models.OneToOneField(RemediationItem, models.PROTECT, related_name="exam")
    title = models.CharField(_("title"), max_length=200)
    team = models.ForeignKey(Team, models.PROTECT, related_name="+", verbose_name=_("team"))
    questions = models.JSONField()
    passing_percent = models.PositiveSmallIntegerField(
        _("passing mark, percent"), default=80, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    attempts_allowed = models.PositiveSmallIntegerField(
        _("attempts"), default=3, validators=[MaxValueValidator(100)], help_text=_("0 is any number.")
    )
    version = models.PositiveIntegerField(default=1)
    written_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    written_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(passing_percent__gte=1, passing_percent__lte=100),
                name="exam_passing_mark_is_in_bounds",
            ),
            models.CheckConstraint(condition=~Q(title=""), name="exam_has_a_title"),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return self.title


class RosterEntry(models.Model):
    """One person who has to pass an exam, for as long as they are in its team; triggers keep it so."""

    class Joined(models.TextChoices):
        MEMBER = "member", _("in the team when the exam was written")
        JOINED = "joined", _("joined the team")
        RETURNED = "returned", _("is active again")

    class Left(models.TextChoices):
        LEFT = "left", _("left the team")
        DEACTIVATED = "deactivated", _("was deactivated")
        OTHER_TEAM = "other_team", _("the exam is for another team now")

    exam = models.ForeignKey(Exam, models.PROTECT, related_name="roster")
    person = models.ForeignKey(User, models.PROTECT, related_name="+")
    joined_at = models.DateTimeField()
    joined_because = models.CharField(max_length=12, choices=Joined)
    left_at = models.DateTimeField(null=True)
    left_because = models.CharField(max_length=12, choices=Left, blank=True)
    extra_attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("joined_at", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["exam", "person"], condition=Q(left_at=None), name="one_place_on_the_roster"
            ),
            models.CheckConstraint(
                condition=Q(left_at=None, left_because="") | Q(left_at__isnull=False) & ~Q(left_because=""),
                name="roster_left_at_and_because_go_together",
            ),
        )
        triggers = (
            *recorded(),
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            never_truncated(),
        )

    def __str__(self) -> str:
        return f"{self.person_id} / {self.exam_id}"


class ExamAttempt(models.Model):
    """One person's answers to one version of an exam, marked; added, never edited."""

    exam = models.ForeignKey(Exam, models.PROTECT, related_name="attempts")
    exam_version = models.PositiveIntegerField()
    person = models.ForeignKey(User, models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()
    taken_at = models.DateTimeField()
    answers = models.JSONField()
    right = models.PositiveSmallIntegerField()
    total = models.PositiveSmallIntegerField()
    is_passed = models.BooleanField()

    class Meta:
        ordering = ("-taken_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=["exam", "exam_version", "person", "number"], name="attempt_number_is_unique"
            ),
            models.CheckConstraint(
                condition=Q(right__lte=models.F("total")), name="attempt_is_marked_soundly"
            ),
        )
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.person_id}: {self.right}/{self.total}"


_LEAVES = """
    UPDATE remediation_rosterentry r SET left_at = clock_timestamp(), left_because = '{why}'
    FROM remediation_exam e WHERE e.id = r.exam_id AND r.left_at IS NULL AND {which};
"""
_JOINS = """
    INSERT INTO remediation_rosterentry
        (exam_id, person_id, joined_at, joined_because, left_because, extra_attempts)
    SELECT e.id, {person}, clock_timestamp(), '{why}', '', 0 FROM remediation_exam e
    {which} ON CONFLICT DO NOTHING;
"""


class TeamPlace(Membership):
    """Who joins a team joins the rosters of its exams, and who leaves it leaves them."""

    class Meta:
        proxy = True
        triggers = (
            pgtrigger.Trigger(
                name="keeps_rosters",
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                when=pgtrigger.After,
                func="IF TG_OP <> 'INSERT' THEN"
                + _LEAVES.format(why="left", which="e.team_id = OLD.team_id AND r.person_id = OLD.user_id")
                + "END IF; IF TG_OP <> 'DELETE' THEN"
                + _JOINS.format(
                    person="NEW.user_id",
                    why="joined",
                    which="JOIN accounts_user u ON u.id = NEW.user_id AND u.is_active"
                    " WHERE e.team_id = NEW.team_id",
                )
                + "END IF; RETURN NULL;",
            ),
        )


class Examinee(User):
    """Who is deactivated leaves the rosters; who is active again is back on those of their teams."""

    class Meta:
        proxy = True
        triggers = (
            pgtrigger.Trigger(
                name="keeps_rosters",
                operation=pgtrigger.UpdateOf("is_active"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                condition=pgtrigger.AnyChange("is_active"),
                func="IF NOT NEW.is_active THEN"
                + _LEAVES.format(why="deactivated", which="r.person_id = NEW.id")
                + "ELSE"
                + _JOINS.format(
                    person="NEW.id",
                    why="returned",
                    which="JOIN accounts_membership m ON m.team_id = e.team_id AND m.user_id = NEW.id",
                )
                + "END IF; RETURN NULL;",
            ),
        )
