"""The form of a data source; `remediation.sources` says what may stand in it."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from remediation.models import MAX_AT_ONCE, MAX_CERTIFICATES, MAX_CREDENTIAL, DataSource
from web.forms import ProseField


class NetworksField(ProseField):
    """One network a line."""

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:
        return super().to_python(value).replace(",", " ").split()


class DataSourceForm(forms.Form):
    """A Prometheus server that checks may ask."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("How people choose it when they write a check.")
    )
    base_url = forms.CharField(
        label=_("Address"),
        max_length=500,
        widget=forms.URLInput(attrs={"placeholder": "https://prometheus.example.org"}),
        help_text=_("What stands before /api/v1, without user and password."),
    )
    auth = forms.ChoiceField(
        label=_("Sign in with"), choices=DataSource.Auth.choices, required=False, initial="none"
    )
    username = forms.CharField(label=_("User"), max_length=200, required=False)

    def clean_auth(self) -> str:
        return self.cleaned_data["auth"] or "none"

    credential = forms.CharField(
        label=_("Token or password"),
        max_length=MAX_CREDENTIAL,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_(
            "Kept encrypted and never shown again; forgotten when the host, the user or TLS changes."
        ),
    )


class DataSourceDetailsForm(DataSourceForm):
    """The same with what few sources need."""

    is_enabled = forms.BooleanField(
        label=_("In use"),
        required=False,
        initial=True,
        help_text=_("While it is not, its checks end as errors and prove nothing."),
    )
    is_tls_verified = forms.BooleanField(
        label=_("Check the server's certificate"), required=False, initial=True
    )
    ca_certificates = ProseField(
        label=_("Certificates to trust"),
        required=False,
        max_length=MAX_CERTIFICATES,
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false"}),
        help_text=_("PEM; empty: those that this system trusts."),
    )
    networks = NetworksField(
        label=_("Networks"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false"}),
        help_text=_(
            "Where the address may lead, one such as 10.0.0.0/8 a line; empty: anywhere that is not "
            "forbidden to all data sources."
        ),
    )
    queries_at_once = forms.IntegerField(
        label=_("Queries at once"),
        required=False,
        min_value=1,
        max_value=MAX_AT_ONCE,
        help_text=_(
            "How many queries may be on their way to it, over all workers; Prometheus itself answers 20."
        ),
    )

    def clean_queries_at_once(self) -> int:
        return int(self.cleaned_data["queries_at_once"] or self.initial.get("queries_at_once", 16))
