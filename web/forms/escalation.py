"""The form of a step of escalation."""

from django import forms
from django.utils.translation import gettext_lazy as _

from governance.models import MOST_DAYS, EscalationStep


class StepForm(forms.Form):
    subject = forms.ChoiceField(label=_("Of what"), choices=EscalationStep.Subject.choices)
    moment = forms.ChoiceField(label=_("When"), choices=EscalationStep.Moment.choices)
    days = forms.IntegerField(
        label=_("Days"),
        min_value=0,
        max_value=MOST_DAYS,
        required=False,
        help_text=_("Before or after the deadline; empty: at the deadline."),
    )
    audience = forms.ChoiceField(label=_("Who is told"), choices=EscalationStep.Audience.choices)

    def clean_days(self) -> int:
        return self.cleaned_data["days"] or 0
