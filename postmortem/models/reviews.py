"""Reviews: four steps, causes, the executable checklist."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.lookups import LessThanOrEqual
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from postmortem.models.freezing import OF_REVIEW, archived_by_a_revision, frozen
from postmortem.models.trail import MAX_TEXT, recorded
from postmortem.searching import Words

REVIEW_WORDS = Words("public_id", "title", "went_well", "went_badly", "luck")
STEP_WORDS = Words("finding", "evidence")
CAUSE_WORDS = Words("statement", "evidence")

# A whole imported document, with room for the headings that are added to it.
MAX_NOTES = 1024 * 1024


class Review(models.Model):
    """The four-step work on one or more incidents; once archived it is a postmortem."""

    public_id = models.CharField(max_length=16, unique=True)
    title = models.CharField(_("title"), max_length=200)
    owner = models.ForeignKey(User, models.PROTECT, related_name="owned_reviews", verbose_name=_("owner"))
    facilitator = models.ForeignKey(
        User, models.PROTECT, related_name="facilitated_reviews", verbose_name=_("facilitator")
    )
    teams_present: models.ManyToManyField[Team, models.Model] = models.ManyToManyField(
        Team, related_name="+", blank=True, verbose_name=_("teams present")
    )
    went_well = models.TextField(_("what went well"), blank=True, max_length=MAX_TEXT)
    went_well_html = models.TextField(blank=True, default="", editable=False)
    went_badly = models.TextField(_("what went badly"), blank=True, max_length=MAX_TEXT)
    went_badly_html = models.TextField(blank=True, default="", editable=False)
    luck = models.TextField(_("where luck played in"), blank=True, max_length=MAX_TEXT)
    luck_html = models.TextField(blank=True, default="", editable=False)
    # What belongs nowhere else, such as the rest of an imported document. Longer than other texts, and shown
    # as it stands where it cannot be rendered.
    notes = models.TextField(_("notes"), blank=True, default="", max_length=MAX_NOTES)
    notes_html = models.TextField(blank=True, default="", editable=False)
    version = models.PositiveIntegerField(default=1)
    # Of the title and the people; `version` is that of the lessons, which other people write.
    facts_version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True, blank=True)
    # The latest revision's, while none of its reopenings ended it; the promise was kept by the first one.
    archived_at = models.DateTimeField(null=True, blank=True)
    first_archived_at = models.DateTimeField(null=True, blank=True)
    archived_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    content_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            GinIndex(REVIEW_WORDS, name="review_by_words"),
            models.Index(fields=["-created_at", "-id"], name="review_newest_first"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(archived_at=None, archived_by=None, content_hash="")
                | Q(archived_at__isnull=False, archived_by__isnull=False, opened_at__isnull=False)
                & ~Q(content_hash=""),
                name="review_archived_at_by_and_hash_go_together",
            ),
        )
        triggers = (*recorded(), archived_by_a_revision())

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None


class PresentTeam(Review.teams_present.through):  # type: ignore[misc, name-defined]
    """A team that was present: the table between, so that the trail records who came and went."""

    class Meta:
        proxy = True
        triggers = (*recorded(), frozen(OF_REVIEW))


class ReviewStep(models.Model):
    """One of the four steps of a review: a finding, the evidence for it, and a signature."""

    class Kind(models.TextChoices):
        PHENOMENON = "phenomenon", _("Phenomenon")
        METRIC_ANOMALY = "metric_anomaly", _("Metric anomaly")
        CHANGE_CORRELATION = "change_correlation", _("Change correlation")
        ROOT_CAUSE = "root_cause", _("Root-cause verification")

    review = models.ForeignKey(Review, models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20, choices=Kind)
    finding = models.TextField(_("finding"), blank=True, max_length=MAX_TEXT)
    finding_html = models.TextField(blank=True)
    evidence = models.TextField(_("evidence"), blank=True, max_length=MAX_TEXT)
    evidence_html = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1)
    signed_at = models.DateTimeField(null=True, blank=True)
    signed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="signed_steps")
    is_stale = models.BooleanField(
        default=False, help_text="An earlier step was reopened after this one was signed."
    )
    reopened_because = models.TextField(
        blank=True,
        max_length=2000,
        help_text="The reason given when it was last reopened; the trail keeps them all.",
    )

    class Meta:
        ordering = ("review", "position")
        indexes = (GinIndex(STEP_WORDS, name="step_by_words"),)
        constraints = (
            models.UniqueConstraint(fields=["review", "kind"], name="review_has_each_step_once"),
            models.UniqueConstraint(fields=["review", "position"], name="review_steps_have_an_order"),
            models.CheckConstraint(
                condition=Q(position__gte=1, position__lte=4), name="review_step_is_one_of_four"
            ),
            models.CheckConstraint(
                condition=Q(signed_at=None, signed_by=None)
                | Q(signed_at__isnull=False, signed_by__isnull=False),
                name="step_signed_at_and_by_go_together",
            ),
        )
        triggers = (*recorded(), frozen(OF_REVIEW))

    def __str__(self) -> str:
        return f"{self.review_id} {self.kind}"

    @property
    def is_signed(self) -> bool:
        """Signed, and nothing earlier was reopened since."""
        return self.signed_at is not None and not self.is_stale


class RootCause(models.Model):
    """What had to be so, what set it off, or what made it worse; never a person."""

    class Part(models.TextChoices):
        ROOT = "root", _("Root cause")
        TRIGGER = "trigger", _("Trigger")
        CONTRIBUTING = "contributing", _("Contributing factor")

    class State(models.TextChoices):
        HYPOTHESIS = "hypothesis", _("Hypothesis")
        VERIFIED = "verified", _("Verified")
        REFUTED = "refuted", _("Refuted")

    review = models.ForeignKey(Review, models.CASCADE, related_name="causes")
    part = models.CharField(_("part"), max_length=12, choices=Part)
    is_primary = models.BooleanField(_("primary"), default=False)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.HYPOTHESIS)
    statement = models.TextField(_("statement"), max_length=4000)
    evidence = models.TextField(_("evidence"), blank=True, max_length=MAX_TEXT)
    evidence_html = models.TextField(blank=True, default="", editable=False)
    cause_class = models.ForeignKey(
        "CauseClass", models.PROTECT, null=True, blank=True, related_name="causes", verbose_name=_("class")
    )
    # The chain from the statement down: [{"why", "evidence"}], the first one answers the statement.
    whys = models.JSONField(_("why-chain"), default=list, blank=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-is_primary", "id")
        indexes = (GinIndex(CAUSE_WORDS, name="cause_by_words"),)
        constraints = (
            models.UniqueConstraint(
                fields=["review"], condition=Q(is_primary=True), name="review_has_one_primary_cause"
            ),
            models.CheckConstraint(
                condition=Q(is_primary=False) | Q(part="root"), name="primary_cause_is_a_root_cause"
            ),
            models.CheckConstraint(
                condition=Q(state="hypothesis") | ~Q(evidence=""), name="settled_cause_has_evidence"
            ),
            models.CheckConstraint(condition=~Q(statement=""), name="cause_says_something"),
            models.CheckConstraint(
                condition=LessThanOrEqual(
                    Func(F("whys"), function="jsonb_array_length", output_field=models.IntegerField()), 10
                ),
                name="why_chain_is_a_short_list",
            ),
        )
        triggers = (*recorded(), frozen(OF_REVIEW))

    def __str__(self) -> str:
        return self.statement[:80]


class ChecklistEntry(models.Model):
    """One question of the executable checklist, with the expectation that makes it pass (R6)."""

    class Kind(models.TextChoices):
        COMMAND = "command", _("Command")
        PROMQL = "promql", _("Prometheus query")

    class Expectation(models.TextChoices):
        MATCH = "match", _("Some line matches")
        NO_MATCH = "no_match", _("No line matches")
        SUCCESS = "success", _("Exit status 0")

    class Comparator(models.TextChoices):
        LT = "<", "<"
        LE = "<=", "≤"
        EQ = "==", "="
        NE = "!=", "≠"
        GE = ">=", "≥"
        GT = ">", ">"

    review = models.ForeignKey(Review, models.CASCADE, related_name="checklist")
    position = models.PositiveSmallIntegerField()
    title = models.CharField(_("title"), max_length=200)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.COMMAND)
    # A pipeline: a list of argument lists, for example [["kubectl", "get", "pods"], ["grep", "Pending"]].
    pipeline = models.JSONField(_("command"), null=True, blank=True)
    expectation = models.CharField(_("expectation"), max_length=10, choices=Expectation, blank=True)
    # Looked for in the output. Without one, what the last command lets through is what matches.
    pattern = models.CharField(_("pattern"), max_length=200, blank=True)
    promql = models.TextField(_("PromQL"), blank=True, max_length=10_000)
    comparator = models.CharField(_("comparator"), max_length=2, choices=Comparator, blank=True)
    threshold = models.FloatField(_("threshold"), null=True, blank=True)
    # By name: a postmortem outlives the servers of its day.
    source_name = models.CharField(_("data source"), max_length=80, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ("review", "position")
        verbose_name_plural = "checklist entries"
        constraints = (
            # Deferred, so that entries can change places in one act.
            models.UniqueConstraint(
                fields=["review", "position"],
                name="checklist_entries_have_an_order",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(
                condition=Q(kind="command", pipeline__isnull=False, promql="", comparator="", threshold=None)
                & ~Q(expectation="")
                | Q(kind="promql", pipeline=None, expectation="", pattern="", threshold__isnull=False)
                & ~Q(promql="")
                & ~Q(comparator="")
                & ~Q(source_name=""),
                name="checklist_entry_is_complete",
            ),
        )
        triggers = (*recorded(), frozen(OF_REVIEW))

    def __str__(self) -> str:
        return self.title
