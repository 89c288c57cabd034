"""Forms of the typed evidence of steps 2 and 3: measurements, changes, the search for them."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from postmortem.models import MAX_PROMQL, Change, Review, Service
from web.forms import MomentField, ProseField, SourceField


def _code(rows: int, placeholder: str = "") -> forms.Textarea:
    attributes = {"class": "code", "spellcheck": "false", "autocapitalize": "off"}
    return forms.Textarea(attrs=attributes | {"rows": rows, "placeholder": placeholder})


class _WindowForm(forms.Form):
    """What every measurement says of itself."""

    title = forms.CharField(
        label=_("What it shows"),
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": _("Connections in use reach the limit")}),
    )
    window_start = MomentField(label=_("From"))
    window_end = MomentField(label=_("To"))
    unit = forms.CharField(
        label=_("Unit"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": _("connections")}),
    )


class FetchForm(_WindowForm):
    """A metric over a window, to be fetched from a Prometheus server."""

    source = SourceField()
    promql = forms.CharField(
        label=_("PromQL"),
        max_length=MAX_PROMQL,
        widget=_code(3, 'max by (service) (db_pool_in_use{service="order"})'),
        help_text=_("A query whose answer is numbers over time. Up to 20 series are kept."),
    )
    value = forms.FloatField(
        label=_("The figure you read off it"),
        required=False,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text=_("For example the peak. Try the query first, then write what it shows."),
    )


class StateForm(_WindowForm):
    """A measurement by hand."""

    value = forms.FloatField(
        label=_("Value"), widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"})
    )
    source_name = forms.CharField(
        label=_("Where you read it"),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": _("A dashboard, a ticket, a log")}),
    )
    promql = forms.CharField(
        label=_("Query, if there is one"), max_length=MAX_PROMQL, required=False, widget=_code(2)
    )


class ChangeForm(forms.Form):
    """Something that was changed."""

    title = forms.CharField(
        label=_("What changed"),
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": _("order 1.4.2 to all cells")}),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=Change.Kind.choices)
    happened_at = MomentField(label=_("When it took effect"))
    service = forms.ModelChoiceField(
        Service.objects.none(), label=_("Service"), required=False, empty_label=_("None in particular")
    )
    url = forms.CharField(
        label=_("Link"),
        max_length=500,
        required=False,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
        help_text=_("The commit, release, ticket or run."),
    )

    def __init__(self, *args: Any, services: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["service"].queryset = services


class JudgeForm(forms.Form):
    """What a change had to do with the incident."""

    hints: ClassVar = {"reason": "step"}
    hint_review: Review | None = None

    verdict = forms.ChoiceField(label=_("It is"), choices=Change.Verdict.choices, widget=forms.RadioSelect)
    reason = ProseField(
        label=_("What shows it"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(
            attrs={"rows": 4, "placeholder": _("Rolled back at 14:06, and the errors ended within a minute.")}
        ),
        help_text=_("Needed for everything but a suspect."),
    )


class SearchForm(forms.Form):
    """That no change was found, and where one was searched for."""

    hints: ClassVar = {"searched": "step"}
    hint_review: Review | None = None

    searched = ProseField(
        label=_("What was searched"),
        max_length=4000,
        widget=forms.Textarea(
            attrs={
                "rows": 4,
                "placeholder": _("Deploys, flags and configuration of order and gateway, two days back"),
            }
        ),
        help_text=_("Which systems, over which time, by whom they were asked."),
    )
