"""The catalogue of cause classes, and what people said about causes that look alike."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models.reviews import RootCause
from postmortem.models.trail import recorded

# The names and descriptions that migration "usual_cause_classes" inserts, so that a reader may see them in
# their own language. Those that a governor wrote stand as they are.
gettext_noop("Capacity")
gettext_noop("Demand met a limit that was too low, or nobody knew of.")
gettext_noop("Connection or thread pool exhausted")
gettext_noop("CPU or memory exhausted")
gettext_noop("Disk or database space exhausted")
gettext_noop("Quota or rate limit reached")
gettext_noop("Traffic beyond what was planned")
gettext_noop("Configuration change")
gettext_noop("A setting was wrong, missing or different from place to place.")
gettext_noop("Wrong value")
gettext_noop("Environments that differ")
gettext_noop("Feature flag")
gettext_noop("Missing timeout or limit")
gettext_noop("Code defect")
gettext_noop("The program did what it was written to do, and that was wrong.")
gettext_noop("Logic error")
gettext_noop("Race or deadlock")
gettext_noop("Resource leak")
gettext_noop("Unhandled input or edge case")
gettext_noop("Date, time or calendar")
gettext_noop("Dependency or third party")
gettext_noop("Something that others build or run failed or changed.")
gettext_noop("Outage of a provider")
gettext_noop("Incompatible change upstream")
gettext_noop("Version of a library or runtime")
gettext_noop("Subscription, billing or account")
gettext_noop("Deployment and release")
gettext_noop("The way to production let it through, or made it worse.")
gettext_noop("Released without the test that would have shown it")
gettext_noop("Rollback impossible or too slow")
gettext_noop("Order of deployment steps")
gettext_noop("Wrong artefact or version")
gettext_noop("Data and schema")
gettext_noop("Stored data, its shape, or the way it is read.")
gettext_noop("Schema migration")
gettext_noop("Corrupt, missing or duplicate data")
gettext_noop("Slow query or missing index")
gettext_noop("Replication or backup")
gettext_noop("Network and DNS")
gettext_noop("Names, routes and the wires between.")
gettext_noop("Name resolution")
gettext_noop("Routing, firewall or load balancer")
gettext_noop("Packet loss or partition")
gettext_noop("Certificates and secrets")
gettext_noop("Something that proves who one is ran out or was lost.")
gettext_noop("Certificate expired")
gettext_noop("Secret or token expired")
gettext_noop("Rotation of keys")
gettext_noop("Hardware and infrastructure")
gettext_noop("Machines, clusters and the place they stand in.")
gettext_noop("Machine or disk failure")
gettext_noop("Scheduling or orchestration")
gettext_noop("Outage of a zone or region")
gettext_noop("Monitoring and alerting gap")
gettext_noop("It was not seen, or not in time.")
gettext_noop("No alert for it")
gettext_noop("Alert lost in noise")
gettext_noop("Not measured")
gettext_noop("Access and security")
gettext_noop("Who may do what, and who did what they may not.")
gettext_noop("Missing or wrong permission")
gettext_noop("Attack or abuse")
gettext_noop("Known vulnerability")
gettext_noop("Process and documentation")
gettext_noop("How the work is agreed, handed over and written down.")
gettext_noop("Runbook missing or outdated")
gettext_noop("Change without review")
gettext_noop("Unclear ownership or handover")
gettext_noop("Design for people")
gettext_noop("The system made the mistake easy; never a person.")
gettext_noop("Misleading display or command")
gettext_noop("Dangerous step without a guard")
gettext_noop("Too much to watch or remember at once")


class CauseClass(models.Model):
    """One kind of cause in a tree that governors edit; a cause names its class so that it is found again."""

    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent")
    )
    slug = models.SlugField(
        _("slug"),
        max_length=60,
        unique=True,
        help_text=_("The name programs use, for example “capacity-pool”; it stays."),
    )
    name = models.CharField(_("name"), max_length=80)
    description = models.CharField(_("description"), max_length=300, blank=True)
    is_retired = models.BooleanField(
        _("retired"), default=False, help_text=_("Causes keep it; no other cause is given it any more.")
    )

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "cause classes"
        constraints = (
            models.UniqueConstraint(
                fields=["parent", "name"],
                nulls_distinct=False,
                name="cause_class_names_differ_among_siblings",
            ),
        )
        triggers = (
            *recorded(),
            pgtrigger.Trigger(
                name="no_cycles",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("parent_id"),  # type: ignore[no-untyped-call]
                when=pgtrigger.Before,
                # One move at a time: two at once could make a ring that neither of them sees.
                func="""
                    PERFORM pg_advisory_xact_lock(hashtext('postmortem_causeclass'));
                    IF EXISTS (
                        WITH RECURSIVE above AS (
                            SELECT NEW.parent_id AS id
                            UNION
                            SELECT c.parent_id FROM postmortem_causeclass c JOIN above USING (id)
                        )
                        SELECT FROM above WHERE id = NEW.id
                    ) THEN
                        RAISE EXCEPTION 'cause class % would be its own ancestor', NEW.id
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'cause_classes_are_a_tree';
                    END IF;
                    RETURN NEW;
                """,
            ),
        )

    def __str__(self) -> str:
        return self.words

    @property
    def words(self) -> str:
        """The name for the reader: a shipped one is translated, one that a governor wrote stands."""
        return gettext(self.name)

    @property
    def description_words(self) -> str:
        return gettext(self.description) if self.description else ""


class Recurrence(models.Model):
    """A person's word on whether a cause is an earlier one come back. Beside the archive, not part of it."""

    class Verdict(models.TextChoices):
        CONFIRMED = "confirmed", _("Confirmed")
        REJECTED = "rejected", _("Rejected")

    cause = models.ForeignKey(RootCause, models.CASCADE, related_name="recurrences")
    earlier = models.ForeignKey(RootCause, models.CASCADE, related_name="came_back_as")
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    judged_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    judged_at = models.DateTimeField()

    class Meta:
        ordering = ("-judged_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=["cause", "earlier"], name="recurrence_is_judged_once"),
            models.CheckConstraint(condition=~Q(cause=F("earlier")), name="cause_does_not_repeat_itself"),
        )
        triggers = (*recorded(),)

    def __str__(self) -> str:
        return f"{self.cause_id} {self.verdict} {self.earlier_id}"
