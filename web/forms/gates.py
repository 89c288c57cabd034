"""The form of one row of the gate's policy."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from governance import gates
from governance.models import GatePolicy
from governance.policy import CODES
from web.findings import RULES
from web.forms import ProseField
from web.forms.versioned import VersionField


class PatternsField(ProseField):
    """Patterns, one a line."""

    widget = forms.Textarea(attrs={"rows": 2, "class": "code", "spellcheck": "false", "autocomplete": "off"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "max_length": 12_000} | kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        return [line.strip() for line in super().to_python(value).splitlines() if line.strip()]

    def validate(self, value: Any) -> None:
        if self.required and not value:
            raise forms.ValidationError(self.error_messages["required"], code="required")

    def run_validators(self, value: Any) -> None:
        super().run_validators("\n".join(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class GatePolicyForm(forms.Form):
    """One row. The row for all repositories has no field for them."""

    name = forms.CharField(label=_("Name"), max_length=80)
    repositories = PatternsField(
        required=True,
        label=_("Repositories"),
        help_text=_("One a line, exact or with * and **: shop/order, shop/*, **/infra."),
    )
    mode = forms.ChoiceField(
        label=_("Mode"), choices=GatePolicy.Mode, help_text=_("What CI does with a verdict.")
    )
    fails_open = forms.BooleanField(
        label=_("Merges go on when the gate does not answer"),
        required=False,
        help_text=_("Told to the client with each answer; without an answer its own setting decides."),
    )
    branches = PatternsField(
        label=_("Target branches"), help_text=_("Only these are asked about. Empty: all of them.")
    )
    excused_labels = PatternsField(
        label=_("Labels that excuse"), help_text=_("A change with one of them passes.")
    )
    covered_labels = PatternsField(
        label=_("Labels that cover"),
        help_text=_("Only changes with one of them are asked about. Empty: all."),
    )
    excused_paths = PatternsField(
        label=_("Paths that excuse"),
        help_text=_("A change of nothing else passes: docs/**, *.md."),
    )
    covered_paths = PatternsField(
        label=_("Paths that cover"), help_text=_("Only changes of one of them are asked about. Empty: all.")
    )
    asks_audit = forms.BooleanField(
        label=_("Findings of the touched services count"),
        required=False,
        help_text=_("Overdue reviews and items, regressions and silent checks block the change too."),
    )
    freeze = forms.ChoiceField(label=_("Freeze"), choices=GatePolicy.Freeze)
    most_uses = forms.IntegerField(
        label=_("Most uses of one postmortem"),
        required=False,
        min_value=1,
        max_value=10_000,
        help_text=_("By changes that passed. Empty: any number."),
    )
    not_counting = forms.MultipleChoiceField(
        label=_("Findings that are shown and do not count"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[(code, RULES[code].title) for code in CODES],
    )
    waivers_alone = forms.BooleanField(
        label=_("One governor alone may grant a waiver"),
        required=False,
        help_text=_("All other governors are told at once. Otherwise it takes two people."),
    )
    version = VersionField(required=False)

    def __init__(self, *args: Any, policy: GatePolicy | None = None, **kwargs: Any) -> None:
        if policy is not None:
            kwargs["initial"] = gates.facts_of(policy) | {"version": policy.version}
        super().__init__(*args, **kwargs)
        if policy is not None and policy.is_for_all:
            del self.fields["repositories"]
        if policy is None:
            del self.fields["version"]

    def facts(self) -> dict[str, Any]:
        """What `gates.draft` takes."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}
