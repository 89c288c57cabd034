"""Targets and baselines of figures: rows that governors edit."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import User
from governance.metrics import CATALOGUE
from governance.models import FigureGoal
from postmortem import access, trail, values
from postmortem.errors import Invalid

# The columns hold two decimals and twelve digits before them.
MOST = Decimal("999999999999.99")


def by_figure() -> dict[str, FigureGoal]:
    """Figure -> its goal, of those that have one."""
    return {row.figure: row for row in FigureGoal.objects.all()}


def write(
    figure: str,
    *,
    target: Decimal | None,
    baseline: Decimal | None,
    by: User,
    now: datetime,
    note: str = "",
) -> FigureGoal:
    """Say where a figure stood and where it ought to be; published months keep what held for them.

    Args:
        target, baseline: in the figure's unit; None for none.

    Raises:
        Invalid: there is no such figure, or a number is negative or too large.
        NotAllowed: `by` is no governor; nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    if figure not in CATALOGUE:
        raise Invalid(_("There is no such figure."), field="figure")
    note = values.text(note, field="note", longest=300).strip()
    target, baseline = _number(target, field="target"), _number(baseline, field="baseline")
    with trail.act("goals.write", by=by):
        row = FigureGoal.objects.select_for_update().filter(figure=figure).first()
        if row is None:
            row = FigureGoal(figure=figure, version=0)
        row.target, row.baseline, row.note = target, baseline, note
        row.version, row.edited_by, row.edited_at = row.version + 1, by, now
        row.save()
    return row


def _number(value: Decimal | None, *, field: str) -> Decimal | None:
    if value is None:
        return None
    if not value.is_finite() or not 0 <= value <= MOST:
        raise Invalid(_("Give a number from 0 on."), field=field)
    return value.quantize(Decimal("0.01"))
