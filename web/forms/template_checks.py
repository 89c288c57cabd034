"""The form of a check that a template makes: a field for each value, and how often it runs."""

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from postmortem.errors import Invalid
from remediation import catalogue
from remediation.checkspec import CheckSpec
from remediation.models import VerificationCheck
from remediation.probes import templates
from remediation.probes.templates import Parameter, Template, Wrong
from web.forms import SourceField
from web.forms.checks import RhythmForm

# Names of values stand apart from the other fields, whatever a template calls them.
_VALUE = "value_"
_COMMON = ("name", "interval_seconds", "passes_needed", "fails_needed")


class TemplateCheckForm(RhythmForm):
    """What a template asks, and when it is asked."""

    def __init__(
        self, data: Any = None, *, template: Template, check: VerificationCheck | None = None
    ) -> None:
        known: dict[str, Any] = {}
        if check is not None:
            known = {name: getattr(check, name) for name in _COMMON} | {"data_source": check.data_source_id}
            known |= {_VALUE + name: value for name, value in (check.parameters or {}).items()}
        super().__init__(data, prefix="check", initial=known)
        self.template = template
        if check is not None:
            self.offer_interval(check.interval_seconds)
        if template.kind == VerificationCheck.Kind.PROMETHEUS:
            self.fields["data_source"] = SourceField()
        for parameter in template.parameters:
            self.fields[_VALUE + parameter.name] = _field_of(parameter)

    @property
    def asked(self) -> list[forms.BoundField]:
        """The fields of the template itself, in its order."""
        names = ["data_source"] if "data_source" in self.fields else []
        return [self[name] for name in names + [_VALUE + one.name for one in self.template.parameters]]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        values["kind"] = self.template.kind
        if not self.errors:
            try:
                templates.render(self.template, self._values())
            except Wrong as problem:
                self.add_error(_VALUE + problem.name, catalogue.said(problem))
        return values

    def spec(self) -> CheckSpec:
        """The whole check, as the domain wants it; call it on a valid form only."""
        source = self.cleaned_data.get("data_source")
        return catalogue.fill(
            CheckSpec(
                kind=self.template.kind,
                template=self.template.slug,
                parameters=self._values(),
                data_source_id=source.pk if source else None,
                **{name: self.cleaned_data[name] for name in _COMMON},
            )
        )

    def show_refusal(self, refusal: Invalid) -> None:
        """Put a refusal of the domain beside the field it names."""
        name = "data_source" if refusal.field == "data_source_id" else refusal.field
        self.add_error(name if name in self.fields else None, refusal.message)

    def _values(self) -> dict[str, str]:
        return {
            parameter.name: value
            for parameter in self.template.parameters
            if (value := self.cleaned_data.get(_VALUE + parameter.name))
        }


def _field_of(parameter: Parameter) -> forms.Field:
    # Titles and labels of the templates that Closeloop brings are messages; those of others stay as written.
    common: dict[str, Any] = {
        "label": gettext(parameter.label),
        "initial": parameter.default,
        "required": parameter.default is None,
    }
    if parameter.kind == "choice":
        return forms.ChoiceField(choices=[(one, one) for one in parameter.choices], **common)
    attributes = {"class": "code", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}
    # A pattern is for those who write templates; who uses one is helped by an example.
    help_text = _("For example: %(sample)s") % {"sample": parameter.sample} if parameter.sample else ""
    return forms.CharField(
        max_length=300, widget=forms.TextInput(attrs=attributes), help_text=help_text, **common
    )
