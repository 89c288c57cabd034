"""The form of a probe template: what it runs or asks, the values it takes, and what must come of it."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from postmortem import pipelines
from postmortem.errors import DomainError, Invalid
from remediation.checkspec import TIMEOUT_SECONDS
from remediation.models import MAX_EXPRESSION, VerificationCheck
from remediation.probes.templates import Parameter, Template
from web.forms import secret_env
from web.forms.gates import PatternsField

KINDS = [("shell", _("A command")), ("prometheus", _("A Prometheus query"))]
TYPES = [
    ("text", _("text, one line")),
    ("number", _("number")),
    ("choice", _("one of these choices")),
    ("path", _("path of a file")),
    ("process", _("number or name of a process")),
]
# An act names the stored field; the form calls it what the person typed.
_FIELD_OF_COLUMN = {"pipeline": "command", "examples": "passes_with"}
_CODE = {"class": "code", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}


def _line(**kwargs: Any) -> forms.CharField:
    return forms.CharField(**{"required": False, "widget": forms.TextInput(attrs=_CODE)} | kwargs)


def _lines(rows: int, **kwargs: Any) -> forms.CharField:
    widget = forms.Textarea(attrs={**_CODE, "rows": rows})
    return forms.CharField(**{"required": False, "widget": widget} | kwargs)


class ParameterForm(forms.Form):
    """One value that a template asks; a row without a name is none."""

    name = _line(label=_("Name"), max_length=31)
    label = forms.CharField(label=_("Label"), max_length=80, required=False)
    kind = forms.ChoiceField(label=_("Type"), choices=TYPES, initial="text", required=False)
    choices = PatternsField(label=_("Choices, one a line"), max_length=5000)
    pattern = _line(label=_("Must match"), max_length=200)
    least = forms.FloatField(
        label=_("At least"), required=False, widget=forms.NumberInput(attrs={"step": "any"})
    )
    most = forms.FloatField(
        label=_("At most"), required=False, widget=forms.NumberInput(attrs={"step": "any"})
    )
    default = _line(label=_("Used when empty"), max_length=200)
    sample = _line(label=_("Sample for the preview"), max_length=200)
    may_begin_with_dash = forms.BooleanField(label=_("May begin with a dash"), required=False)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not values.get("name") and any(values.get(name) for name in ("label", "choices", "sample")):
            self.add_error("name", _("Give the value a name, as it stands between { and }."))
        return values

    def parameter(self) -> dict[str, Any] | None:
        """The row as `Template.as_json` has it; None for an empty one."""
        values = self.cleaned_data
        if not values.get("name"):
            return None
        is_number, is_choice = values["kind"] == "number", values["kind"] == "choice"
        return {
            "name": values["name"],
            "label": values["label"] or values["name"],
            "kind": values["kind"] or "text",
            "choices": values["choices"] if is_choice else [],
            "pattern": values["pattern"],
            "may_begin_with_dash": values["may_begin_with_dash"],
            "default": values["default"] or None,
            "least": values["least"] if is_number else None,
            "most": values["most"] if is_number else None,
            "sample": values["sample"],
        }


class _Parameters(forms.BaseFormSet):
    """The rows of values."""

    def parameters(self) -> list[dict[str, Any]]:
        """Those that were filled in, in their order; call it on valid rows only."""
        return [found for form in self.forms if (found := form.parameter())]


ParameterFormSet = forms.formset_factory(
    ParameterForm, formset=_Parameters, extra=2, max_num=12, absolute_max=20, validate_max=True
)


class ProbeTemplateForm(forms.Form):
    """A template; fields of the kind that was not chosen are ignored."""

    title = forms.CharField(label=_("Title"), max_length=80)
    slug = forms.SlugField(
        label=_("Name in addresses"), max_length=60, help_text=_("As the API calls it; it never changes.")
    )
    description = forms.CharField(
        label=_("What it proves"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=KINDS, widget=forms.RadioSelect, initial="shell")
    command = _lines(
        2,
        label=_("Command"),
        max_length=4000,
        help_text=_("Programs joined by |, without a shell. Values stand as {name}; each is one argument."),
    )
    reads = _line(
        label=_("A file given to the first program"),
        max_length=300,
        help_text=_("Opened for it outside of the sandbox, for example {file} or /proc/{process}/environ."),
    )
    expectation = forms.ChoiceField(
        label=_("Passes with"), choices=VerificationCheck.ShellExpectation, initial="success", required=False
    )
    pattern = _line(
        label=_("Pattern"),
        max_length=200,
        help_text=_("A regular expression, looked for in each line. A value in it stands for itself."),
    )
    promql = _lines(
        3,
        label=_("PromQL"),
        max_length=MAX_EXPRESSION,
        help_text=_('Values stand inside quoted matchers only: instance="{instance}".'),
    )
    comparator = forms.ChoiceField(
        label=_("must be"), choices=VerificationCheck.Comparator, initial="<", required=False
    )
    threshold = _line(label=_("Threshold"), max_length=60, help_text=_("A number, or {name} of a number."))
    env = secret_env.env_field()
    network = secret_env.network_field()
    timeout_seconds = forms.IntegerField(
        label=_("Time-out, seconds"),
        min_value=TIMEOUT_SECONDS[0],
        max_value=TIMEOUT_SECONDS[1],
        initial=10,
    )
    passes_with = _lines(2, label=_("Passes when it finds"), max_length=4000, strip=False)
    passes_status = forms.IntegerField(
        label=_("ending with status"), min_value=0, max_value=255, required=False, initial=0
    )
    fails_with = _lines(2, label=_("Fails when it finds"), max_length=4000, strip=False)
    fails_status = forms.IntegerField(
        label=_("ending with status"), min_value=0, max_value=255, required=False, initial=1
    )
    has_examples = forms.BooleanField(
        label=_("Hold these examples whenever the template is written"), required=False, initial=True
    )
    version = forms.IntegerField(widget=forms.HiddenInput, required=False, initial=0)

    def __init__(self, data: Any = None, *, template: Template | None = None) -> None:
        super().__init__(data, initial=_stored(template) if template else None)
        self.kept = [one for one in template.examples if one.outcome == "error"] if template else []
        secret_env.offer_networks(self, chosen=template.network if template else "")
        if template is not None:
            del self.fields["slug"]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("kind") == "shell":
            self._read_command(values)
        elif values.get("kind") == "prometheus":
            for name in ("promql", "threshold"):
                if not values.get(name) and name not in self.errors:
                    self.add_error(name, self.fields[name].error_messages["required"])
        return values

    def body(self, parameters: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The whole template without its name, as `catalogue.write` wants it; of a valid form only."""
        values = self.cleaned_data
        body: dict[str, Any] = {
            "title": values["title"],
            "description": values["description"],
            "kind": values["kind"],
            "timeout_seconds": values["timeout_seconds"],
            "parameters": list(parameters),
            "examples": self._examples() if values["has_examples"] else [],
        }
        if values["kind"] == "shell":
            expectation = values["expectation"] or "success"
            return body | {
                "pipeline": values["pipeline"],
                "reads": values["reads"],
                "network": values.get("network") or "none",
                "env": secret_env.read(values["env"]),
                "expectation": expectation,
                "pattern": values["pattern"] if expectation != "success" else "",
            }
        return body | {
            "promql": values["promql"],
            "comparator": values["comparator"] or "<",
            "threshold": values["threshold"],
        }

    def show_refusal(self, refusal: DomainError) -> None:
        """Put a refusal of the catalogue beside the field it names."""
        name = _FIELD_OF_COLUMN.get(refusal.field, refusal.field)
        is_shown = name in self.fields and not self.fields[name].widget.is_hidden
        self.add_error(name if is_shown else None, refusal.message)

    def _examples(self) -> list[dict[str, Any]]:
        values = self.cleaned_data
        is_shell = values["kind"] == "shell"
        return [
            {
                "outcome": outcome,
                "prints": values[f"{name}_with"].replace("\r\n", "\n"),
                "status": (values[f"{name}_status"] or 0) if is_shell else 0,
            }
            for outcome, name in (("pass", "passes"), ("fail", "fails"))
        ] + [
            {"outcome": one.outcome, "prints": one.prints, "status": one.status}
            for one in self.kept
            if is_shell
        ]

    def _read_command(self, values: dict[str, Any]) -> None:
        if "command" in self.errors:
            return
        try:
            values["pipeline"] = pipelines.parse(values.get("command") or "", field="command")
        except Invalid as refusal:
            self.add_error("command", refusal.message)


def _stored(template: Template) -> dict[str, Any]:
    """The fields of the form as a stored template fills them."""
    names = (
        "title",
        "description",
        "kind",
        "reads",
        "expectation",
        "pattern",
        "promql",
        "comparator",
        "threshold",
        "timeout_seconds",
        "version",
        "network",
    )
    found = {name: getattr(template, name) for name in names}
    found["command"] = pipelines.show([list(argv) for argv in template.pipeline]) if template.pipeline else ""
    found["env"] = secret_env.show(template.env)
    found["has_examples"] = bool(template.examples)
    for outcome, name in (("pass", "passes"), ("fail", "fails")):
        example = next((one for one in template.examples if one.outcome == outcome), None)
        if example is not None:
            found |= {f"{name}_with": example.prints, f"{name}_status": example.status}
    return found


def rows_of(parameters: Sequence[Parameter]) -> list[dict[str, Any]]:
    """The rows of values as they begin the form."""
    names = ParameterForm.base_fields
    return [
        {name: getattr(one, name) for name in names} | {"choices": list(one.choices)} for one in parameters
    ]
