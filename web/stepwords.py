"""Steps of escalation in words."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance.models import EscalationStep


def moment(step: EscalationStep) -> str:
    """When, as a line of its own."""
    if step.moment == EscalationStep.Moment.AT_RISK:
        return _("Four fifths of the time have passed")
    if step.moment == EscalationStep.Moment.BEFORE:
        return ngettext("%(n)d day before the deadline", "%(n)d days before the deadline", step.days) % {
            "n": step.days
        }
    if not step.days:
        return _("The deadline has passed")
    return ngettext("%(n)d day after the deadline", "%(n)d days after the deadline", step.days) % {
        "n": step.days
    }


def sentence(step: EscalationStep) -> str:
    """What is told, when and to whom, in one line."""
    return f"{step.get_subject_display()} · {moment(step)} · {step.get_audience_display()}"
