"""Key figures from outside, such as the share of idle resources (R16): baseline, target, actual values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from governance.models import Kpi, KpiValue
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid
from postmortem.models import EARLIEST

FACTS = frozenset({"slug", "name", "unit", "is_more_better", "baseline", "target", "note", "is_retired"})
# The columns hold four decimals and fourteen digits before them.
MOST = Decimal("99999999999999.9999")
SHOWN_DAYS = 730


class Retired(DomainError):
    """The key figure is retired."""

    code = "kpi_retired"


class HasValues(DomainError):
    """The key figure has values."""

    code = "kpi_has_values"


@dataclass(frozen=True, slots=True)
class Series:
    """A key figure with its values, the oldest first and one for each day.

    Attributes:
        meets_target: whether the last value is as good as the target; None where one of the two is missing.
    """

    kpi: Kpi
    values: Sequence[KpiValue]

    @property
    def last(self) -> KpiValue | None:
        return self.values[-1] if self.values else None

    @property
    def meets_target(self) -> bool | None:
        if self.last is None or self.kpi.target is None:
            return None
        if self.kpi.is_more_better:
            return self.last.value >= self.kpi.target
        return self.last.value <= self.kpi.target


def add(*, by: User, now: datetime, **facts: Any) -> Kpi:
    """Add a key figure.

    Args:
        facts: slug, name, unit, is_more_better, baseline, target, note.

    Raises:
        Invalid: a value breaks a rule, or the slug is taken; `field` names it.
        NotAllowed: `by` is no governor; nothing was written.
    """
    return _store(Kpi(created_by=by, created_at=now), facts, act="kpis.add", by=by)


def edit(kpi: Kpi, *, by: User, now: datetime, **facts: Any) -> Kpi:
    """Change a key figure; its slug stays.

    Raises:
        Invalid, NotAllowed: as in `add`.
    """
    if facts.get("slug", kpi.slug) != kpi.slug:
        raise Invalid(_("The slug stays."), field="slug")
    return _store(kpi, facts, act="kpis.edit", by=by)


def remove(kpi: Kpi, *, by: User, now: datetime) -> None:
    """Delete a key figure that was never measured; one with values is retired instead.

    Raises:
        HasValues, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("kpis.remove", by=by):
        kpi = Kpi.objects.select_for_update().get(pk=kpi.pk)
        if kpi.values.exists():
            raise HasValues(_("This key figure has values, which are kept. Retire it instead."))
        kpi.delete()


def push(kpi: Kpi, *, date: date, value: Decimal, by: User, now: datetime, source: str = "") -> KpiValue:
    """Say what a key figure was on a day; the same again changes nothing, another word replaces it.

    Raises:
        Invalid: the day lies ahead or before 2000, or the value is no number that fits; nothing was written.
        NotAllowed: `by` is no facilitator, and no service account that is a member.
        Retired: the key figure takes no values any more.

    Source: specification, R16.
    """
    # What a program may push is said by the scope of its token, which an administrator gave it.
    access.need(by, User.Role.MEMBER if by.is_service else User.Role.FACILITATOR)
    source = values.text(source, field="source", longest=200).strip()
    if not value.is_finite() or abs(value) > MOST:
        raise Invalid(_("This is no number that can be kept."), field="value")
    # Somewhere on earth it is tomorrow already.
    if not EARLIEST.date() <= date <= (now + timedelta(hours=14)).date():
        raise Invalid(_("Name a day from 2000 on that is not ahead."), field="date")
    value = value.quantize(Decimal("0.0001"))
    with trail.act("kpis.push", by=by):
        if Kpi.objects.select_for_update().get(pk=kpi.pk).is_retired:
            raise Retired(_("This key figure is retired and takes no values."))
        known = KpiValue.objects.filter(kpi=kpi, date=date).order_by("-id").first()
        if known is not None and known.value == value:
            return known
        return KpiValue.objects.create(
            kpi=kpi, date=date, value=value, source=source, recorded_by=by, recorded_at=now
        )


def board(*, now: datetime, only: Iterable[Kpi] | None = None) -> list[Series]:
    """The key figures that are not retired, or these, with values of two years, in two statements."""
    rows = list(Kpi.objects.filter(is_retired=False) if only is None else only)
    since = (now - timedelta(days=SHOWN_DAYS)).date()
    of_day: dict[int, dict[date, KpiValue]] = {}
    # The last word about a day comes last, and stays.
    said = KpiValue.objects.filter(kpi__in=rows, date__gte=since).select_related("recorded_by")
    for row in said.order_by("kpi", "date", "id"):
        of_day.setdefault(row.kpi_id, {})[row.date] = row
    return [Series(kpi, list(of_day.get(kpi.pk, {}).values())) for kpi in rows]


def _store(kpi: Kpi, facts: dict[str, Any], *, act: str, by: User) -> Kpi:
    access.need(by, User.Role.GOVERNOR)
    with trail.act(act, by=by):
        if kpi.pk:
            kpi = Kpi.objects.select_for_update().get(pk=kpi.pk)
        values.fill(kpi, facts, allowed=FACTS)
        kpi.name = values.text(kpi.name, field="name", longest=80, is_required=True).strip()
        for field in ("baseline", "target"):
            number = getattr(kpi, field)
            if number is not None and (not number.is_finite() or abs(number) > MOST):
                raise Invalid(_("This is no number that can be kept."), field=field)
        values.check(kpi)
        others = Kpi.objects.exclude(pk=kpi.pk)
        if others.filter(slug=kpi.slug).exists():
            raise Invalid(_("There is a key figure of this name already."), field="slug")
        if not kpi.is_retired and others.filter(name__iexact=kpi.name, is_retired=False).exists():
            raise Invalid(_("There is a key figure of this name already."), field="name")
        kpi.save()
    return kpi
