"""The form of a checklist entry: two kinds, one of which is asked for."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from postmortem import pipelines
from postmortem.models import ChecklistEntry
from remediation.models import DataSource
from web.forms.versioned import VersionField

_CODE = {"class": "code", "autocomplete": "off", "spellcheck": "false"}
_OF_KIND = {
    "command": ("pipeline", "expectation", "pattern"),
    "promql": ("promql", "comparator", "threshold", "source_name"),
}


class ChecklistForm(forms.Form):
    """One entry of the executable checklist. Fields of the kind that was not chosen are ignored."""

    title = forms.CharField(
        label=_("What it shows"),
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": _("No pod of the order service hangs")}),
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=ChecklistEntry.Kind.choices,
        widget=forms.RadioSelect,
        initial="command",
        required=False,
    )
    pipeline = forms.CharField(
        label=_("Command"),
        max_length=4000,
        required=False,
        widget=forms.TextInput(
            attrs=_CODE | {"placeholder": 'kubectl get pods -n order | grep -E "(Pending|CrashLoopBackOff)"'}
        ),
        help_text=_(
            "One command, or several joined by |. No shell runs it: no ; && || > < $( ` or variables."
        ),
    )
    expectation = forms.ChoiceField(
        label=_("It passes when"),
        choices=ChecklistEntry.Expectation.choices,
        widget=forms.RadioSelect,
        required=False,
        initial="no_match",
    )
    pattern = forms.CharField(
        label=_("Pattern"),
        max_length=200,
        required=False,
        strip=False,
        widget=forms.TextInput(attrs=_CODE),
        help_text=_(
            "Looked for in each line, as grep -E does. Empty: whatever the last command lets through matches."
        ),
    )
    source_name = forms.ChoiceField(label=_("Data source"), required=False)
    promql = forms.CharField(
        label=_("PromQL"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs=_CODE | {"rows": 3, "placeholder": 'max(threads{job="order"})'}),
        help_text=_("An instant query; every series of the answer must satisfy what stands below."),
    )
    comparator = forms.ChoiceField(
        label=_("must be"), choices=ChecklistEntry.Comparator.choices, initial="<", required=False
    )
    threshold = forms.FloatField(
        label=_("Threshold"), required=False, widget=forms.NumberInput(attrs={"step": "any"})
    )
    version = VersionField(required=False)

    def __init__(self, *args: Any, entry: ChecklistEntry | None = None, **kwargs: Any) -> None:
        names = list(DataSource.objects.values_list("name", flat=True))
        if entry is not None:
            kwargs["initial"] = entry_values(entry)
            if entry.source_name and entry.source_name not in names:
                names.append(entry.source_name)
        super().__init__(*args, **kwargs)
        if entry is None:
            del self.fields["version"]
        self.fields["source_name"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        self.has_sources = bool(names)

    def clean_kind(self) -> str:
        return str(self.cleaned_data["kind"]) or "command"

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        needed = {"command": ("pipeline", "expectation"), "promql": ("source_name", "promql", "threshold")}
        for name in needed.get(values.get("kind", ""), ()):
            if values.get(name) in (None, "") and name not in self.errors:
                self.add_error(name, self.fields[name].error_messages["required"])
        return values

    def asked(self) -> dict[str, Any]:
        """What the acts take; of a valid form."""
        values = self.cleaned_data
        return {name: values[name] for name in ("title", "kind", *_OF_KIND[values["kind"]])}


def entry_values(entry: ChecklistEntry) -> dict[str, Any]:
    names = ("title", "kind", "pattern", "promql", "threshold", "source_name", "version")
    return {name: getattr(entry, name) for name in names} | {
        "pipeline": pipelines.show(entry.pipeline) if entry.pipeline else "",
        "expectation": entry.expectation or "no_match",
        "comparator": entry.comparator or "<",
    }
