"""The form of a verification check: two kinds, one `CheckSpec`."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from postmortem import pipelines
from postmortem.errors import Invalid
from remediation.checkspec import CheckSpec
from remediation.models import MAX_EXPRESSION, VerificationCheck
from web.forms import SourceField, secret_env

# What is chosen again and again; a check made through the API may have any other interval, and keeps it.
INTERVALS: list[tuple[int, Any]] = [
    (60, _("every minute")),
    (300, _("every 5 minutes")),
    (900, _("every 15 minutes")),
    (3600, _("every hour")),
    (6 * 3600, _("every 6 hours")),
    (86400, _("every day")),
    (7 * 86400, _("every week")),
    (30 * 86400, _("every 30 days")),
]

_PROMETHEUS_FIELDS = (
    "data_source",
    "promql",
    "quantifier",
    "comparator",
    "threshold",
    "no_data_rule",
    "no_data_reason",
    "nan_rule",
)
_SHELL_FIELDS = ("command", "shell_expectation", "pattern", "env", "network")
# An act names the stored column; the form calls it what the person typed.
_FIELD_OF_COLUMN = {"pipeline": "command", "data_source_id": "data_source"}


def _code(rows: int, placeholder: str) -> forms.Textarea:
    attributes = {
        "rows": rows,
        "class": "code",
        "spellcheck": "false",
        "autocapitalize": "off",
        "placeholder": placeholder,
    }
    return forms.Textarea(attrs=attributes)


class PauseForm(forms.Form):
    reason = forms.CharField(
        label=_("Why"), max_length=300, help_text=_("Shown on the check for as long as it is paused.")
    )


class SwitchForm(forms.Form):
    """Stopping needs a reason; letting run again needs none."""

    reason = forms.CharField(label=_("Why"), max_length=300)

    def __init__(self, *, is_stopped: bool) -> None:
        super().__init__()
        self.fields["reason"].required = not is_stopped


class RhythmForm(forms.Form):
    """How a check is called, how often it runs, and how many outcomes in a row count."""

    name = forms.CharField(
        label=_("Name of the check"),
        max_length=120,
        required=False,
        help_text=_("For example “pool headroom”."),
    )
    interval_seconds = forms.TypedChoiceField(label=_("Runs"), choices=INTERVALS, coerce=int, initial=300)
    passes_needed = forms.IntegerField(
        label=_("Passes in a row to verify"),
        min_value=1,
        max_value=100,
        initial=3,
        help_text=_("Counted from the claim of a fix."),
    )
    fails_needed = forms.IntegerField(
        label=_("Fails in a row to regress"),
        min_value=1,
        max_value=100,
        initial=2,
        help_text=_("Counted once it is verified."),
    )

    def offer_interval(self, seconds: int) -> None:
        """Let an interval stand that is not among the usual ones, as the API may have set it."""
        if seconds not in dict(INTERVALS):
            other = (seconds, _("every %(seconds)d seconds") % {"seconds": seconds})
            self.fields["interval_seconds"].choices = sorted([*INTERVALS, other])  # type: ignore[attr-defined]


class CheckForm(RhythmForm):
    """What proves a fix. Fields of the kind that was not chosen are ignored."""

    # As they stand on the page; a summary of errors follows it.
    field_order = ("kind", *_PROMETHEUS_FIELDS, *_SHELL_FIELDS)

    kind = forms.ChoiceField(
        label=_("What proves the fix"),
        choices=[("prometheus", _("A Prometheus query")), ("shell", _("A command"))],
        widget=forms.RadioSelect,
        initial="prometheus",
    )
    data_source = SourceField(required=False)
    promql = forms.CharField(
        label=_("PromQL"),
        required=False,
        max_length=MAX_EXPRESSION,
        widget=_code(3, 'sum(rate(http_requests_total{job="order",code=~"5.."}[5m]))'),
        help_text=_("An instant query. Leave the comparison out: it is set below."),
    )
    quantifier = forms.ChoiceField(
        label=_("Which series"), choices=VerificationCheck.Quantifier, initial="all", required=False
    )
    comparator = forms.ChoiceField(
        label=_("must be"), choices=VerificationCheck.Comparator, initial="<", required=False
    )
    threshold = forms.FloatField(
        label=_("Threshold"), required=False, widget=forms.NumberInput(attrs={"step": "any"})
    )
    no_data_rule = forms.ChoiceField(
        label=_("An empty answer"),
        choices=VerificationCheck.NoDataRule,
        initial="no_data",
        required=False,
        help_text=_("A query over a missing metric answers nothing. By default that proves nothing."),
    )
    nan_rule = forms.ChoiceField(
        label=_("A series that is not a number"),
        choices=VerificationCheck.NanRule,
        initial="fail",
        required=False,
        help_text=_("A division of nothing by nothing gives NaN, which by default passes never."),
    )
    no_data_reason = forms.CharField(
        label=_("Why an empty answer is a pass"),
        max_length=300,
        required=False,
        help_text=_("Only for “is a pass”."),
    )
    command = forms.CharField(
        label=_("Command"),
        required=False,
        max_length=4000,
        widget=_code(2, "kubectl get pods -n order | grep -E '(Pending|CrashLoopBackOff)'"),
        help_text=_("One line; programs may be joined by |. It runs without a shell: no ;, &&, >, $( )."),
    )
    shell_expectation = forms.ChoiceField(
        label=_("Passes with"), choices=VerificationCheck.ShellExpectation, initial="success", required=False
    )
    pattern = forms.CharField(
        label=_("Pattern"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"class": "code", "spellcheck": "false"}),
        help_text=_("A regular expression, looked for in each line. Not needed for the exit status alone."),
    )
    env = secret_env.env_field()
    network = secret_env.network_field()
    timeout_seconds = forms.IntegerField(label=_("Time-out, seconds"), min_value=1, max_value=300, initial=10)

    def __init__(self, *args: Any, check: VerificationCheck | None = None, **kwargs: Any) -> None:
        if check is not None:
            kwargs["initial"] = _values_of(check) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        if check is not None:
            self.offer_interval(check.interval_seconds)
        secret_env.offer_networks(self, chosen=check.network if check else "")

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("kind") == "prometheus":
            self._require("data_source", "promql", "threshold")
            if values.get("no_data_rule") == "pass":
                self._require("no_data_reason")
        elif values.get("kind") == "shell":
            self._require("command")
            if values.get("shell_expectation") != "success" and not values.get("pattern"):
                self.add_error("pattern", _("Say what a line has to match."))
            self._read_command(values)
        return values

    def spec(self) -> CheckSpec:
        """The check as the domain wants it; call it on a valid form only."""
        values = self.cleaned_data
        common = {
            name: values[name]
            for name in (
                "kind",
                "name",
                "interval_seconds",
                "timeout_seconds",
                "passes_needed",
                "fails_needed",
            )
        }
        if values["kind"] == "shell":
            return CheckSpec(
                **common,
                pipeline=values["pipeline"],
                shell_expectation=values["shell_expectation"] or "success",
                pattern=values["pattern"] if values["shell_expectation"] != "success" else "",
                network=values.get("network") or "none",
                env=secret_env.read(values["env"]),
            )
        return CheckSpec(
            **common,
            data_source_id=values["data_source"].pk,
            promql=values["promql"],
            quantifier=values["quantifier"] or "all",
            comparator=values["comparator"] or "<",
            threshold=values["threshold"],
            no_data_rule=values["no_data_rule"] or "no_data",
            nan_rule=values["nan_rule"] or "fail",
            no_data_reason=values["no_data_reason"] if values["no_data_rule"] == "pass" else "",
        )

    def show_refusal(self, refusal: Invalid) -> None:
        """Put a refusal of the domain beside the field it names."""
        name = _FIELD_OF_COLUMN.get(refusal.field, refusal.field)
        self.add_error(name if name in self.fields else None, refusal.message)

    def _require(self, *names: str) -> None:
        for name in names:
            if self.cleaned_data.get(name) in (None, "") and name not in self.errors:
                self.add_error(name, self.fields[name].error_messages["required"])

    def _read_command(self, values: dict[str, Any]) -> None:
        if not values.get("command"):
            return
        try:
            values["pipeline"] = pipelines.parse(values["command"])
        except Invalid as refusal:
            self.add_error("command", refusal.message)


def _values_of(check: VerificationCheck) -> dict[str, Any]:
    """The fields of the form as a stored check would fill them."""
    names = (
        "kind",
        "name",
        "promql",
        "quantifier",
        "comparator",
        "threshold",
        "no_data_rule",
        "no_data_reason",
        "nan_rule",
        "shell_expectation",
    )
    more = ("pattern", "interval_seconds", "timeout_seconds", "passes_needed", "fails_needed")
    values = {name: getattr(check, name) for name in (*names, *more)}
    return values | {
        "data_source": check.data_source_id,
        "command": pipelines.show(check.pipeline) if check.pipeline else "",
        "env": secret_env.show(check.env),
        "network": check.network,
    }
