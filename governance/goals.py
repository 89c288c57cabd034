"""Targets and baselines of figures: rows that governors edit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from accounts.models import User
from governance.metrics import CATALOGUE, IDLE, Unit
from governance.models import FigureGoal, Kpi
from postmortem import access, trail, values
from postmortem.errors import Invalid

# The columns hold two decimals and twelve digits before them.
MOST = Decimal("999999999999.99")


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a figure ought to be and where it stood, in its unit; of money in `currency`."""

    target: Decimal | None = None
    baseline: Decimal | None = None
    currency: str = ""


NO_AIM = Aim()


def of_figures() -> dict[str, Aim]:
    """Figure -> what it is held against; the idle share takes the key figure's own where it has no goal."""
    found = {key: Aim(row.target, row.baseline, row.currency) for key, row in by_figure().items()}
    if "idle" not in found:
        kpi = Kpi.objects.filter(slug=IDLE).first()
        if kpi is not None:
            found["idle"] = Aim(kpi.target, kpi.baseline)
    return found


def by_figure() -> dict[str, FigureGoal]:
    """Figure -> its goal, of those that have one."""
    return {row.figure: row for row in FigureGoal.objects.select_related("edited_by")}


def write(
    figure: str,
    *,
    target: Decimal | None,
    baseline: Decimal | None,
    by: User,
    now: datetime,
    note: str = "",
    currency: str = "",
) -> FigureGoal:
    """Say where a figure stood and where it ought to be; published months keep what held for them.

    Args:
        target, baseline: in the figure's unit; None for none.
        currency: of money what the numbers are in, such as "CNY"; "" for all other figures.

    Raises:
        Invalid: there is no such figure, a number is negative or too large, or money lacks its currency.
        NotAllowed: `by` is no governor; nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    if figure not in CATALOGUE:
        raise Invalid(_("There is no such figure."), field="figure")
    note = values.text(note, field="note", longest=300).strip()
    target, baseline = _number(target, field="target"), _number(baseline, field="baseline")
    has_number = target is not None or baseline is not None
    currency = _currency(currency, is_money=CATALOGUE[figure].unit is Unit.MONEY, has_number=has_number)
    with trail.act("goals.write", by=by):
        row = FigureGoal.objects.select_for_update().filter(figure=figure).first()
        if row is None:
            row = FigureGoal(figure=figure, version=0)
        row.target, row.baseline, row.note, row.currency = target, baseline, note, currency
        row.version, row.edited_by, row.edited_at = row.version + 1, by, now
        row.save()
    return row


def _currency(code: str, *, is_money: bool, has_number: bool) -> str:
    code = values.text(code, field="currency", longest=3).strip()
    if not is_money:
        if code:
            raise Invalid(_("Only money has a currency."), field="currency")
        return ""
    if (code or has_number) and not re.fullmatch("[A-Z]{3}", code):
        raise Invalid(_("Three capital letters, such as CNY."), field="currency")
    return code


def _number(value: Decimal | None, *, field: str) -> Decimal | None:
    if value is None:
        return None
    if not value.is_finite() or not 0 <= value <= MOST:
        raise Invalid(_("Give a number from 0 on."), field=field)
    return value.quantize(Decimal("0.01"))
