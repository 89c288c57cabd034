"""Remediation items, the moves they made, and the days promised for them."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from postmortem.models import (
    MAX_TEXT,
    Incident,
    LessonPoint,
    Review,
    RootCause,
    Service,
    Severity,
    append_only,
    recorded,
)
from postmortem.searching import Words
from remediation.models.calendars import WorkingCalendar

# A promise further off than two years is none.
MAX_DAYS = 730
ITEM_WORDS = Words("public_id", "title", "description")

# One table of moves for the acts, the pages and the database trigger.
MOVES: tuple[tuple[str, str], ...] = (
    ("open", "in_progress"),
    ("in_progress", "fix_claimed"),
    ("fix_claimed", "verifying"),
    ("verifying", "verified"),
    ("verifying", "fix_claimed"),  # a fail breaks the row of passes
    ("fix_claimed", "in_progress"),  # the claim is withdrawn
    ("verifying", "in_progress"),
    ("fix_claimed", "verified"),  # when one pass is enough
    ("verified", "regressed"),
    ("regressed", "in_progress"),
    ("open", "wont_do"),
    ("in_progress", "wont_do"),
    ("fix_claimed", "wont_do"),
    ("verifying", "wont_do"),
    ("regressed", "wont_do"),
    ("wont_do", "open"),
)


class SlaPolicy(models.Model):
    """Days promised for an item; the first row in `position` order that fits an item decides.

    What a row does not name may be anything. An item keeps the row and its version as "sla-3v2", so a later
    edit moves no deadline. With a calendar the days are its working days.
    """

    position = models.PositiveSmallIntegerField(_("position"))
    severity = models.ForeignKey(
        Severity, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("severity")
    )
    category = models.CharField(_("category"), max_length=16, blank=True)
    kind = models.CharField(_("kind"), max_length=10, blank=True)
    service = models.ForeignKey(
        Service, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("service")
    )
    team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("team")
    )
    days = models.PositiveSmallIntegerField(
        _("days"), validators=[MinValueValidator(1), MaxValueValidator(MAX_DAYS)]
    )
    calendar = models.ForeignKey(
        WorkingCalendar,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="policies",
        verbose_name=_("working calendar"),
    )
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ("position",)
        verbose_name_plural = "SLA policies"
        constraints = (
            # Looked at when the act ends, so that two rows may change places.
            models.UniqueConstraint(
                fields=["position"],
                name="sla_policy_position_is_unique",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(condition=Q(days__gte=1), name="sla_policy_promises_a_day_at_least"),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return f"sla-{self.pk}v{self.version}"


class RemediationItem(models.Model):
    """One promised change with one owner, one deadline and at least one verification check."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        IN_PROGRESS = "in_progress", _("In progress")
        FIX_CLAIMED = "fix_claimed", _("Fix claimed")
        VERIFYING = "verifying", _("Verifying")
        VERIFIED = "verified", _("Verified")
        REGRESSED = "regressed", _("Regressed")
        WONT_DO = "wont_do", _("Won't do")

    class Kind(models.TextChoices):
        PREVENT = "prevent", _("Prevent")
        DETECT = "detect", _("Detect")
        MITIGATE = "mitigate", _("Mitigate")

    class Category(models.TextChoices):
        TECHNICAL_DEBT = "technical_debt", _("Technical debt")
        PROCESS_DEFECT = "process_defect", _("Process defect")
        MISSING_TOOL = "missing_tool", _("Missing tool")

    class Origin(models.TextChoices):
        REVIEW = "review", _("From a review")
        PROACTIVE = "proactive", _("Proactive")

    public_id = models.CharField(max_length=16, unique=True)
    title = models.CharField(_("title"), max_length=200)
    description = models.TextField(_("description"), blank=True, max_length=MAX_TEXT)
    # Of the words that `items.edit` corrects.
    version = models.PositiveIntegerField(default=1)
    review = models.ForeignKey(Review, models.PROTECT, null=True, blank=True, related_name="items")
    causes: models.ManyToManyField[RootCause, models.Model] = models.ManyToManyField(
        RootCause, blank=True, related_name="items", verbose_name=_("causes")
    )
    lessons: models.ManyToManyField[LessonPoint, models.Model] = models.ManyToManyField(
        LessonPoint, blank=True, related_name="items", verbose_name=_("lessons")
    )
    owner = models.ForeignKey(User, models.PROTECT, related_name="owned_items", verbose_name=_("owner"))
    team = models.ForeignKey(Team, models.PROTECT, related_name="items", verbose_name=_("team"))
    service = models.ForeignKey(Service, models.PROTECT, related_name="items", verbose_name=_("service"))
    severity = models.ForeignKey(Severity, models.PROTECT, related_name="items", verbose_name=_("severity"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    category = models.CharField(_("category"), max_length=16, choices=Category)
    origin = models.CharField(_("origin"), max_length=10, choices=Origin, default=Origin.REVIEW)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.OPEN)
    agreed_at = models.DateTimeField()
    agreed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    due_at = models.DateTimeField(_("due"))
    policy_version = models.CharField(max_length=40)
    tracker_url = models.URLField(_("tracker link"), blank=True, max_length=500)
    fix_claimed_at = models.DateTimeField(null=True, blank=True)
    fix_claimed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    fix_url = models.URLField(_("link to the change"), blank=True, max_length=500)
    never_red_reason = models.TextField(
        _("why the check was never seen failing"), blank=True, max_length=2000
    )
    first_verified_at = models.DateTimeField(null=True, blank=True)
    # Of the program that filed it, and a hash of what it filed: the same again is the same item.
    external_key = models.CharField(_("external key"), blank=True, max_length=200)
    external_digest = models.CharField(blank=True, max_length=64, editable=False)
    wont_do_reason = models.TextField(blank=True, max_length=2000)
    wont_do_approved_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ("due_at", "id")
        indexes = (
            models.Index(fields=["due_at", "id"], name="item_by_deadline"),
            models.Index(fields=["service", "state"], name="item_by_service"),
            # A month of the report and of the trends.
            models.Index(fields=["agreed_at"], name="item_by_agreement"),
            models.Index(
                fields=["first_verified_at"],
                condition=Q(first_verified_at__isnull=False),
                name="item_by_verification",
            ),
            # A page of one state, and a column of the board.
            models.Index(fields=["state", "due_at", "id"], include=["review"], name="item_by_state"),
            # Most items are settled some day; a page of what is not must not walk past them.
            models.Index(
                fields=["due_at", "id"],
                include=["state", "first_verified_at", "review"],
                condition=Q(state__in=["open", "in_progress", "fix_claimed", "verifying", "regressed"]),
                name="item_unfinished_by_deadline",
            ),
            GinIndex(ITEM_WORDS, name="item_by_words"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(due_at__gt=F("agreed_at")), name="item_is_due_after_it_was_agreed"
            ),
            models.CheckConstraint(condition=~Q(title=""), name="item_has_a_title"),
            models.UniqueConstraint(
                fields=["external_key"], condition=~Q(external_key=""), name="item_external_key_is_unique"
            ),
            models.CheckConstraint(
                condition=~Q(state="wont_do") | ~Q(wont_do_reason="") & Q(wont_do_approved_by__isnull=False),
                name="item_wont_do_has_reason_and_approver",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["fix_claimed", "verifying", "verified"])
                | Q(fix_claimed_at__isnull=False, fix_claimed_by__isnull=False),
                name="item_claimed_has_at_and_by",
            ),
            models.CheckConstraint(
                condition=~Q(state="verified") | Q(first_verified_at__isnull=False),
                name="item_verified_has_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(origin="proactive") | Q(review__isnull=False), name="item_from_a_review_names_it"
            ),
        )
        triggers = (
            *recorded(),
            pgtrigger.FSM(name="moves", field="state", transitions=list(MOVES)),
            pgtrigger.Trigger(
                name="has_a_check",
                operation=pgtrigger.Insert,
                when=pgtrigger.After,
                timing=pgtrigger.Deferred,
                func="""
                    IF NOT EXISTS (SELECT FROM remediation_verificationcheck WHERE item_id = NEW.id) THEN
                        RAISE EXCEPTION 'item % has no verification check', NEW.public_id
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'item_has_a_check';
                    END IF;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="owner_is_active",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("owner_id"),  # type: ignore[no-untyped-call]
                when=pgtrigger.Before,
                func="""
                    -- Whoever left keeps what they owned until someone takes it over.
                    IF TG_OP = 'UPDATE' AND NEW.owner_id = OLD.owner_id THEN
                        RETURN NEW;
                    END IF;
                    IF NOT EXISTS (
                        SELECT FROM accounts_user WHERE id = NEW.owner_id AND is_active AND NOT is_service
                    ) THEN
                        RAISE EXCEPTION 'the owner of % is not active', NEW.public_id
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'item_owner_is_active';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="later_deadline_needs_a_waiver",
                operation=pgtrigger.UpdateOf("due_at"),  # type: ignore[no-untyped-call]
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__due_at__gt=pgtrigger.F("old__due_at")),
                func="""
                    IF NOT EXISTS (
                        SELECT FROM remediation_deadlinewaiver w
                        WHERE w.item_id = NEW.id AND w.answer = 'granted'
                          AND w.previous_due_at = OLD.due_at AND w.due_at = NEW.due_at
                    ) THEN
                        RAISE EXCEPTION 'the deadline of % becomes later without a waiver', NEW.public_id
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'item_deadline_needs_a_waiver';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="tells_its_checks_the_service",
                operation=pgtrigger.UpdateOf("service_id"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                condition=pgtrigger.AnyChange("service_id"),
                func="""
                    UPDATE remediation_verificationcheck SET service_id = NEW.service_id
                    WHERE item_id = NEW.id;
                    RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="tells_how_its_checks_stand",
                operation=pgtrigger.UpdateOf("team_id", "service_id", "state"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                func="""
                    IF (NEW.team_id, NEW.service_id, NEW.state = 'wont_do')
                        <> (OLD.team_id, OLD.service_id, OLD.state = 'wont_do')
                    THEN
                        -- All of them first, in the order in which results are stored; the trigger that
                        -- tells them the service comes after this one.
                        PERFORM FROM remediation_checkstanding s
                        JOIN remediation_verificationcheck c ON c.id = s.verification_check_id
                        WHERE c.item_id = NEW.id ORDER BY c.id FOR NO KEY UPDATE OF s;
                        UPDATE remediation_checkstanding s SET
                            team_id = NEW.team_id, is_resting = c.is_paused OR NEW.state = 'wont_do'
                        FROM remediation_verificationcheck c
                        WHERE c.item_id = NEW.id AND s.verification_check_id = c.id;
                    END IF;
                    RETURN NULL;
                """,
            ),
        )

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_ownerless(self) -> bool:
        """Its owner was deactivated: someone must take it over (R4)."""
        return not self.owner.is_active


class ItemTransition(models.Model):
    """One move of an item between states; added, never edited. Judgements as of a past moment read these."""

    item = models.ForeignKey(RemediationItem, models.PROTECT, related_name="transitions")
    at = models.DateTimeField()
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12, choices=RemediationItem.State)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    run = models.ForeignKey("CheckRun", models.PROTECT, null=True, related_name="transitions")
    reason = models.TextField(blank=True, max_length=2000)

    class Meta:
        ordering = ("at", "id")
        indexes = (
            models.Index(fields=["item", "at", "id"], name="transition_by_item"),
            # What has moved since a month ended: the rows of its report are asked for that.
            models.Index(fields=["at"], include=["item"], name="transition_by_moment"),
        )
        constraints = (
            models.CheckConstraint(
                # A hand never closes: only a check run verifies, and only a check run finds a regression.
                condition=~Q(to_state__in=["verifying", "verified", "regressed"])
                | Q(run__isnull=False, by=None),
                name="only_a_check_run_verifies",
            ),
        )
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.item_id}: {self.from_state} -> {self.to_state}"


class RegressionIncident(models.Model):
    """The incident that stands for a regression; added, never edited."""

    transition = models.OneToOneField(ItemTransition, models.PROTECT, related_name="regression")
    incident = models.ForeignKey(Incident, models.PROTECT, related_name="regressions")

    class Meta:
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.transition_id} {self.incident_id}"
