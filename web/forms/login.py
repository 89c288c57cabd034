"""The form of the login page."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import gettext_lazy as _


class LoginForm(AuthenticationForm):
    """Address and password; every failure reads the same, so that nobody learns which addresses exist."""

    error_messages = {
        "invalid_login": _(
            "That address and password do not go together. Capitals matter in the password only."
        ),
        "inactive": _("That address and password do not go together. Capitals matter in the password only."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail address")
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autocomplete": "username", "autofocus": True, "maxlength": 254}
        )
        self.fields["password"].widget.attrs["autocomplete"] = "current-password"
        self.fields["password"].max_length = 4096

    def clean_username(self) -> str:
        return str(self.cleaned_data["username"]).strip().lower()
