"""Forms of the systems that send events; `governance.eventsources` says what may stand in them."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from governance.eventsources import MAX_SECRET
from governance.models import EventSource, InboundEvent
from postmortem.models import Incident, Service, Severity
from web.forms import ProseField
from web.forms.filters import Filters
from web.forms.sources import NetworksField


class NamesField(ProseField):
    """“name = meaning”, one a line."""

    widget = forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{name} = {meant}".rstrip() for name, meant in sorted(value.items()))
        return value

    def to_python(self, value: Any) -> dict[str, str]:
        lines = [line for line in super().to_python(value).splitlines() if line.strip()]
        if wrong := next((line for line in lines if "=" not in line), None):
            raise forms.ValidationError(
                _("Write “name = meaning”, one a line; “%(line)s” has no “=”."), params={"line": wrong[:60]}
            )
        pairs = (line.rpartition("=") for line in lines)
        return {name.strip(): meant.strip() for name, _equals, meant in pairs}

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class LabelsField(forms.CharField):
    """Names of labels with commas between them, in the order in which they are tried."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return [one.strip() for one in super().to_python(value).split(",") if one.strip()]


class _SourceForm(forms.Form):
    """What every source has."""

    name = forms.CharField(label=_("Name"), max_length=80)
    acts_as = forms.ModelChoiceField(
        label=_("Acts as"),
        queryset=User.objects.none(),
        help_text=_("Whose name stands on what its events do; an account of its own is best."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True).exclude(role=User.Role.VIEWER)
        self.fields["acts_as"].queryset = people
        if self.initial.get("acts_as"):
            self.fields["acts_as"].queryset = User.objects.filter(
                Q(pk__in=people) | Q(pk=self.initial["acts_as"])
            )

    def ask_for_all(self) -> None:
        """Of a new source no token is stored, so the one that it cannot do without must be given."""
        if "gate_token" in self.fields:
            self.fields["gate_token"].required = True


class AlertmanagerForm(_SourceForm):
    """How alerts become incidents."""

    service_labels = LabelsField(
        label=_("Labels with the service"),
        required=False,
        max_length=500,
        initial="service",
        help_text=_("The first of these labels that an alert has names its service."),
    )
    service_names = NamesField(
        label=_("Services by another name"),
        required=False,
        help_text=_(
            "“value of the label = slug of the service”, one a line; other values are slugs themselves."
        ),
    )
    fallback_service = forms.ModelChoiceField(
        label=_("Service of all other alerts"),
        queryset=Service.objects.none(),
        required=False,
        empty_label="–",
        help_text=_(
            "Without one, an alert whose service nobody knows declares nothing and is shown as failed."
        ),
    )
    severity_label = forms.CharField(
        label=_("Label with the severity"), max_length=100, required=False, initial="severity"
    )
    severities = NamesField(
        label=_("Severities"),
        required=False,
        help_text=_(
            "“value of the label = code”, one a line; an alert with nothing behind “=” is no incident."
        ),
    )
    fallback_severity = forms.ModelChoiceField(
        label=_("Severity of all other alerts"), queryset=Severity.objects.none()
    )
    environment = forms.ChoiceField(label=_("Environment"), choices=Incident.Environment)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fallback_service"].queryset = Service.objects.all()
        self.fields["fallback_severity"].queryset = Severity.objects.all()


class _SecretField(forms.CharField):
    """A token that is typed and never shown."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_length=MAX_SECRET,
            required=False,
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            **kwargs,
        )


class ForgeForm(_SourceForm):
    """Where a verdict about a change is asked and reported."""

    api_url = forms.CharField(
        label=_("Address of the API"),
        max_length=500,
        help_text=_("https://api.github.com, or of your own server."),
    )
    api_token = _SecretField(
        label=_("Token for the API"),
        help_text=_(
            "Reads the commits of a change and reports the verdict. Kept encrypted and never shown again."
        ),
    )
    gate_token = _SecretField(
        label=_("Token for the gate"),
        help_text=_("A token of Closeloop with the scope “gate”, as a pipeline would use it."),
    )
    report_as = forms.ChoiceField(label=_("Reported as"), choices=EventSource.Report)
    networks = NetworksField(
        label=_("Networks"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false"}),
        help_text=_("Where the address may lead, one such as 10.0.0.0/8 a line; empty: anywhere public."),
    )


class GitLabForm(ForgeForm):
    api_url = forms.CharField(
        label=_("Address of the API"),
        max_length=500,
        help_text=_("https://gitlab.com/api/v4, or of your own server."),
    )
    external_check = forms.IntegerField(
        label=_("Id of the external status check"), required=False, min_value=1, max_value=2**31 - 1
    )


class GitHubForm(ForgeForm):
    pass


FORMS: dict[str, type[_SourceForm]] = {
    "alertmanager": AlertmanagerForm,
    "github": GitHubForm,
    "gitlab": GitLabForm,
}


class SecretForm(forms.Form):
    """A further secret: a new one, or one that the sender made."""

    secret = _SecretField(
        label=_("Secret"), help_text=_("One that the sender made; empty: a new one is made and shown once.")
    )


class EventFilters(Filters):
    """Of the log of events."""

    q = forms.CharField(
        label=_("Outcome or error"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    source = forms.ChoiceField(label=_("Source"), required=False)
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Any state")), *InboundEvent.State.choices]
    )

    def offer(self) -> None:
        rows = EventSource.objects.values_list("pk", "name")
        self.fields["source"].choices = [("", _("Any source")), *((str(pk), name) for pk, name in rows)]
