"""Severities as rows of policy: what the organisation promises for each; governors decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail, values
from postmortem.errors import Invalid
from postmortem.models import Severity

FACTS = frozenset(
    {
        "name",
        "requires_postmortem",
        "review_hours",
        "counts_in_figures",
        "facilitator_apart",
        "approvals_needed",
        "approver_role",
    }
)
APPROVERS = (User.Role.FACILITATOR, User.Role.GOVERNOR, User.Role.ADMINISTRATOR)
MAX_REVIEW_HOURS = 24 * 90


def edit(
    severity: Severity,
    *,
    by: User,
    now: datetime,
    declares_regressions: bool | None = None,
    **fields: Any,
) -> Severity:
    """Change what is promised for a severity; it holds from now on, for open incidents too.

    Args:
        declares_regressions: whether an item that regresses from now on declares an incident (R11).
        fields: any of `FACTS`.

    Raises:
        Invalid: a value breaks a rule.
        NotAllowed: not a governor; nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("severities.edit", by=by):
        severity = Severity.objects.select_for_update().get(pk=severity.pk)
        values.fill(severity, fields, allowed=FACTS)
        if declares_regressions is not None and declares_regressions != severity.declares_regressions:
            severity.regressions_declare_from = now if declares_regressions else None
        values.check(severity)
        if severity.review_hours > MAX_REVIEW_HOURS:
            raise Invalid(
                _("%(count)d hours are the most.") % {"count": MAX_REVIEW_HOURS}, field="review_hours"
            )
        if severity.approver_role not in APPROVERS:
            raise Invalid(
                _("Choose one of: %(choices)s.") % {"choices": ", ".join(APPROVERS)}, field="approver_role"
            )
        severity.save()
    return severity
