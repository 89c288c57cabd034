"""Variables with secrets as people write them: a line each, NAME=secret://name."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from remediation.models import VerificationCheck

MAX_LENGTH = 3000


def env_field() -> forms.CharField:
    """The field; `read` takes apart what it holds."""
    attributes = {
        "rows": 2,
        "class": "code",
        "spellcheck": "false",
        "autocapitalize": "off",
        "autocomplete": "off",
        "placeholder": "PGPASSWORD=secret://orders-db",
    }
    return forms.CharField(
        label=_("Variables with secrets"),
        max_length=MAX_LENGTH,
        required=False,
        widget=forms.Textarea(attrs=attributes),
        help_text=_("One a line. A secret is named here and set in the settings; never type one."),
    )


def network_field() -> forms.ChoiceField:
    """Which network a command has; what the installation does not allow is refused when it is saved."""
    return forms.ChoiceField(
        label=_("Network"),
        choices=VerificationCheck.Network,
        initial=VerificationCheck.Network.NONE,
        required=False,
    )


def read(text: str) -> dict[str, str]:
    """The variables in a text; what is no line of this form becomes a variable that the act refuses."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    pairs = [line.partition("=") for line in lines]
    return {name.strip(): reference.strip() for name, _equals, reference in pairs}


def show(env: Mapping[str, str]) -> str:
    """The variables as `read` takes them."""
    return "\n".join(f"{name}={reference}" for name, reference in env.items())


def offer_networks(form: forms.Form, *, chosen: str = "") -> None:
    """Offer the networks that are allowed here, and the one that is there; without any no choice at all."""
    allowed = {"none", *settings.SHELL_PROBE_NETWORKS, chosen or "none"}
    field: Any = form.fields["network"]
    field.choices = [one for one in VerificationCheck.Network.choices if one[0] in allowed]
    if len(field.choices) == 1:
        del form.fields["network"]
