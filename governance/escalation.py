"""The steps of escalation: who is told of a deadline, and when; governors edit them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from governance.models import MOST_DAYS, EscalationStep
from postmortem import access, trail, values
from postmortem.errors import Invalid

FACTS = frozenset({"subject", "moment", "days", "audience"})
MOST_STEPS = 50
Moment = EscalationStep.Moment


def add(*, by: User, now: datetime, **facts: Any) -> EscalationStep:
    """Add a step; it tells of deadlines whose moment comes from now on.

    Args:
        facts: all of `FACTS`; `days` is 0 where the moment has none.

    Raises:
        Invalid: a value breaks a rule, or there is such a step; nothing was written.
        NotAllowed: not a governor.
    """
    return _store(EscalationStep(), facts, act="escalation.add", by=by, now=now)


def edit(step: EscalationStep, *, by: User, now: datetime, **facts: Any) -> EscalationStep:
    """Change a step, as if it were removed and another added. An edit that changes nothing is none.

    Raises:
        Invalid, NotAllowed: as in `add`.
    """
    return _store(step, facts, act="escalation.edit", by=by, now=now)


def remove(step: EscalationStep, *, by: User, now: datetime) -> None:
    """Take a step away: nobody is told at this moment any more.

    Raises:
        NotAllowed: not a governor; nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("escalation.remove", by=by):
        EscalationStep.objects.filter(pk=step.pk).delete()


def _store(
    step: EscalationStep, facts: dict[str, Any], *, act: str, by: User, now: datetime
) -> EscalationStep:
    access.need(by, User.Role.GOVERNOR)
    with trail.act(act, by=by):
        # All of them: two at once could add the same.
        present = list(EscalationStep.objects.select_for_update().order_by("pk"))
        if step.pk:
            step = next(one for one in present if one.pk == step.pk)
        elif len(present) >= MOST_STEPS:
            raise Invalid(_("%(count)d steps are the most.") % {"count": MOST_STEPS}, field="subject")
        before = _columns(step)
        values.fill(step, facts, allowed=FACTS)
        _check(step)
        if any(_columns(one) == _columns(step) for one in present if one.pk != step.pk):
            raise Invalid(_("There is such a step already."), field="moment")
        if _columns(step) != before:
            step.valid_from = now
            step.save()
    return step


def _check(step: EscalationStep) -> None:
    for name, choices in (
        ("subject", EscalationStep.Subject),
        ("moment", Moment),
        ("audience", EscalationStep.Audience),
    ):
        values.choice(getattr(step, name), choices, field=name)
    if isinstance(step.days, bool) or not isinstance(step.days, int):
        raise Invalid(_("This must be a whole number."), field="days")
    least = 1 if step.moment == Moment.BEFORE else 0
    most = 0 if step.moment == Moment.AT_RISK else MOST_DAYS
    if not least <= step.days <= most:
        raise Invalid(_("From %(least)d to %(most)d days.") % {"least": least, "most": most}, field="days")


def _columns(step: EscalationStep) -> tuple[object, ...]:
    return (step.subject, step.moment, step.days, step.audience)
