"""Forms of policy: severities, and what a review asks in each step."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from postmortem import guides, severities
from postmortem.guides import Guide
from postmortem.models import LONGEST_QUESTION, MAX_QUESTIONS, MAX_SKELETON, ReviewStep, Severity
from web.forms import ProseField


class SeverityForm(forms.ModelForm):
    """What is promised for a severity."""

    approver_role = forms.ChoiceField(
        label=_("Who approves"), choices=[(role.value, role.label) for role in severities.APPROVERS]
    )

    declares_regressions = forms.BooleanField(
        label=_("An item that regresses declares an incident"),
        required=False,
        help_text=_("One for each regression, of the item's service and severity, unless one is open still."),
    )

    class Meta:
        model = Severity
        fields = (
            "name",
            "requires_postmortem",
            "review_hours",
            "counts_in_figures",
            "facilitator_apart",
            "approvals_needed",
            "approver_role",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["declares_regressions"].initial = self.instance.declares_regressions

    def _post_clean(self) -> None:
        """The act writes; the row that the form was given stays as it was read."""


class TemplateForm(forms.Form):
    """A document template: whom it is for, and for each step its questions and its skeleton."""

    name = forms.CharField(label=_("Name"), max_length=80)
    severities = forms.ModelMultipleChoiceField(
        Severity.objects.none(),
        label=_("For severities"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None: for all severities that have no template of their own."),
    )
    is_active = forms.BooleanField(
        label=_("In use"),
        required=False,
        initial=True,
        help_text=_("Reviews that have begun keep their texts."),
    )

    def __init__(self, *args: Any, asked: dict[str, Guide], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["severities"].queryset = Severity.objects.order_by("rank")
        for kind in ReviewStep.Kind.values:
            guide = asked[kind]
            self.fields[f"{kind}_questions"] = ProseField(
                label=_("Guiding questions, one a line"),
                required=False,
                max_length=MAX_QUESTIONS * (LONGEST_QUESTION + 2),
                initial="\n".join(guide.questions),
                widget=forms.Textarea(attrs={"rows": 5}),
            )
            self.fields[f"{kind}_skeleton"] = ProseField(
                label=_("The finding begins with"),
                required=False,
                max_length=MAX_SKELETON,
                initial=guide.skeleton,
                widget=forms.Textarea(
                    attrs={"rows": 5, "placeholder": _("Markdown, for example headings to fill")}
                ),
            )

    def groups(self) -> list[tuple[Any, Any, Any]]:
        """For each step its name and its two fields."""
        return [
            (label, self[f"{kind}_questions"], self[f"{kind}_skeleton"])
            for kind, label in ReviewStep.Kind.choices
        ]

    def facts(self) -> dict[str, Any]:
        """What `guides.save` takes."""
        data = self.cleaned_data
        steps = {
            kind: Guide(data[f"{kind}_questions"].split("\n"), data[f"{kind}_skeleton"])
            for kind in ReviewStep.Kind.values
        }
        return {
            "name": data["name"],
            "severities": list(data["severities"]),
            "is_active": data["is_active"],
            "steps": steps,
        }

    def show_refusal(self, refusal: Any) -> None:
        """Put a refusal beside its field; the act names them steps.<kind>.questions."""
        name = refusal.field.removeprefix("steps.").replace(".", "_")
        self.add_error(name if name in self.fields else None, refusal.message)


def blank() -> dict[str, Guide]:
    """What a new template begins with: the questions that the program brings along."""
    return guides.shipped()
