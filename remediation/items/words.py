"""What an item says: it may be corrected without touching the promise."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail, values
from remediation.items import proofs
from remediation.items.agreeing import NeedsWaiver, due_date, exact
from remediation.items.locking import State, locked, refuse_unless
from remediation.models import RemediationItem

# What may be corrected without touching the promise.
WORDS = frozenset({"title", "description", "tracker_url"})
# What sorts it: the kind at any time, the category until the fix is claimed.
SORTS = frozenset({"kind", "category"})


def edit(
    item: RemediationItem, *, by: User, now: datetime, version: int | None = None, **fields: Any
) -> RemediationItem:
    """Correct what an item says; its owner, team, deadline and checks have acts of their own.

    Another category is another policy: the deadline becomes what that policy would have given when the item
    was agreed, where that is earlier. It never becomes later, which is for a waiver.

    Args:
        fields: any of `WORDS` and `SORTS`.
        version: of the item as the writer read it; None saves over whatever there is.

    Raises:
        EditConflict: somebody saved meanwhile.
        WrongState: another category, though the fix is claimed or the item settled.
        NeedsWaiver: by the other category it would be overdue already.
        Invalid, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("items.edit", by=by):
        item = locked(item)
        if fields.keys() <= WORDS | SORTS:
            values.refuse_older(item, fields, version)
        category = item.category
        values.fill(item, fields, allowed=WORDS | SORTS)
        values.check(item)
        changed = sorted(fields)
        if item.category != category:
            changed += _recategorise(item, now=now)
            proofs.need_exam(item, now=now)
        item.version += 1
        item.save(update_fields=[*changed, "version"])
    return item


def _recategorise(item: RemediationItem, *, now: datetime) -> list[str]:
    """Bring the deadline in line with another category; the columns that change."""
    refuse_unless(item, State.OPEN, State.IN_PROGRESS, State.REGRESSED)
    latest, policy_version = due_date(
        severity=item.severity,
        category=item.category,
        kind=item.kind,
        service=item.service,
        team=item.team,
        now=item.agreed_at,
    )
    if latest >= item.due_at:
        return []
    if latest <= now < item.due_at:
        raise NeedsWaiver(
            _("In this category it was due on %(latest)s already; later needs a waiver.")
            % {"latest": exact(latest)},
            field="category",
            details={"latest": latest.isoformat()},
        )
    item.due_at, item.policy_version = latest, policy_version
    return ["due_at", "policy_version"]
