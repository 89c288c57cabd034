"""Agree what will be changed, by whom, until when and how it is proven."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Team, User
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid
from postmortem.models import Review, RootCause, Service, Severity
from remediation import policies
from remediation.checkspec import CheckSpec
from remediation.items import proofs
from remediation.items.locking import State, check_owner, check_sees, lock_owner
from remediation.models import ItemTransition, RemediationItem


class NeedsWaiver(DomainError):
    """The deadline is later than policy allows; details: `latest`, ISO 8601."""

    code = "needs_waiver"


def due_date(
    *,
    severity: Severity,
    category: str,
    now: datetime,
    kind: str = "",
    service: Service | None = None,
    team: Team | None = None,
) -> tuple[datetime, str]:
    """When an item agreed now is due, and the policy row that says so, such as "sla-3v1".

    The first row in order that fits decides (`policies.explain` says why).

    Raises:
        Invalid: no row fits; `field` is "due_at".
    """
    found = policies.explain(
        severity=severity, category=category, kind=kind, service=service, team=team, now=now
    )
    if found.due_at is None:
        raise Invalid(_("No SLA policy fits this item; ask a governor to add one."), field="due_at")
    return found.due_at, found.version


def agree(
    *,
    title: str,
    owner: User,
    team: Team,
    service: Service,
    severity: Severity,
    kind: str,
    category: str,
    causes: Sequence[RootCause],
    checks: Sequence[CheckSpec],
    by: User,
    now: datetime,
    review: Review | None = None,
    origin: str = RemediationItem.Origin.REVIEW,
    due_at: datetime | None = None,
    description: str = "",
    tracker_url: str = "",
) -> RemediationItem:
    """Promise a change: one owner, one deadline, at least one check (R4).

    Args:
        causes: of `review`; none for a proactive item.
        checks: what proves the fix; faces try a Prometheus check once before they save it (R5).
        due_at: the policy's when not given.

    An archived review may still get items: the plan may grow, its text may not.

    Raises:
        Invalid: a value breaks a rule; `field` names it.
        CheckMissing: no check.
        NeedsWaiver: `due_at` is later than policy.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    check_owner(owner, field="owner")
    check_sees(owner, review, field="owner")
    _check_kinds({"team": (team, Team), "service": (service, Service), "severity": (severity, Severity)})
    _check_origin(review, origin, causes)
    checks = proofs.with_exam(checks, category=category)
    proofs.refuse_count(checks)
    latest, policy_version = due_date(
        severity=severity, category=category, kind=kind, service=service, team=team, now=now
    )
    item = RemediationItem(
        title=title,
        description=description,
        review=review,
        owner=owner,
        team=team,
        service=service,
        severity=severity,
        kind=kind,
        category=category,
        origin=origin,
        agreed_at=now,
        agreed_by=by,
        due_at=latest if due_at is None else _in_time(due_at, latest, now=now),
        policy_version=policy_version,
        tracker_url=tracker_url,
    )
    return _write(item, causes=causes, checks=checks)


def _write(
    item: RemediationItem, *, causes: Sequence[RootCause], checks: Sequence[CheckSpec]
) -> RemediationItem:
    by, now = item.agreed_by, item.agreed_at
    with trail.act("items.agree", by=by):
        if item.review_id is not None:
            # Whoever archives the review or takes a cause back waits until the item is there.
            Review.objects.select_for_update().get(pk=item.review_id)
        lock_owner(item.owner, field="owner")
        item.public_id = trail.next_public_id("RI", now=now)
        values.check(item)
        item.save(force_insert=True)
        item.causes.set(causes)
        for spec in checks:
            proofs.create_check(item, spec, by=by, now=now)
        ItemTransition.objects.create(item=item, at=now, from_state="", to_state=State.OPEN, by=by)
    return item


def _check_kinds(records: dict[str, tuple[object, type]]) -> None:
    for field, (record, kind) in records.items():
        if not isinstance(record, kind):
            raise Invalid(_("This is needed."), field=field)


def _check_origin(review: Review | None, origin: str, causes: Sequence[RootCause]) -> None:
    values.choice(origin, RemediationItem.Origin, field="origin")
    if origin == RemediationItem.Origin.REVIEW and review is None:
        raise Invalid(_("An item from a review names the review."), field="review")
    if any(review is None or cause.review_id != review.pk for cause in causes):
        raise Invalid(_("These causes belong to another review."), field="causes")


def exact(moment: datetime) -> str:
    """A moment as the pages write it, in the zone that is in force."""
    return date_format(timezone.localtime(moment), _("j M Y, H:i"))


def _in_time(due_at: datetime, latest: datetime, *, now: datetime) -> datetime:
    values.ahead(due_at, field="due_at", now=now)
    if due_at > latest:
        raise NeedsWaiver(
            _("Policy allows until %(latest)s; later needs a waiver.") % {"latest": exact(latest)},
            field="due_at",
            details={"latest": latest.isoformat()},
        )
    return due_at
