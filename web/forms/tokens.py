"""Forms about tokens and the service accounts that own them."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import service_accounts
from accounts.models import ApiToken, User
from governance.policy import names
from postmortem.models import Service

LIVES: list[tuple[int, Any]] = [
    (7, _("7 days")),
    (30, _("30 days")),
    (90, _("90 days")),
    (180, _("180 days")),
    (365, _("a year")),
]
OVERLAPS: list[tuple[int, Any]] = [
    (0, _("not at all")),
    (1, _("one hour")),
    (24, _("a day")),
    (7 * 24, _("7 days")),
    (30 * 24, _("30 days")),
]
_LONGEST_LIST = 20_000


class LinesField(forms.CharField):
    """A list, one entry a line; commas part entries as well."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            **{"required": False, "max_length": _LONGEST_LIST, "widget": forms.Textarea(attrs={"rows": 2})}
            | kwargs
        )

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        return [entry.strip() for entry in text.replace(",", "\n").splitlines() if entry.strip()]


class TokenForm(forms.Form):
    """A token for a program: a name to know it by, what it may do, where and about what, for how long.

    Args:
        user: who asks; an administrator may choose a service account as its owner.
    """

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("Where it will be used, for example “GitLab, group order”."),
    )
    owner = forms.ModelChoiceField(
        label=_("It belongs to"),
        queryset=User.objects.none(),
        required=False,
        empty_label=_("me"),
        help_text=_("A token of a person ends when that person leaves; one of a service account does not."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"), choices=ApiToken.Scope, widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(label=_("Expires after"), choices=LIVES, coerce=int, initial=90)
    only_repositories = LinesField(
        label=_("Only for these repositories"),
        help_text=_("One a line, such as shop/order, or shop/* for a group. For tokens of the gate."),
    )
    only_services = LinesField(
        label=_("Only for these services"), help_text=_("One a line, such as order. For tokens of the gate.")
    )
    only_networks = LinesField(
        label=_("Only from these networks"), help_text=_("One a line, such as 192.0.2.0/24.")
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if user.is_at_least(User.Role.ADMINISTRATOR):
            owners = User.objects.filter(is_service=True, is_active=True)
            self.fields["owner"].queryset = owners  # type: ignore[attr-defined]
        else:
            del self.fields["owner"]
            self.fields["scopes"].choices = [  # type: ignore[attr-defined]
                choice for choice in ApiToken.Scope.choices if choice[0] != ApiToken.Scope.TOKENS
            ]

    def clean_only_repositories(self) -> list[str]:
        repositories: list[str] = self.cleaned_data["only_repositories"]
        for name in repositories:
            if fault := names.fault_of_repository(name):
                raise forms.ValidationError(f"{name}: {gettext(fault)}")
        return repositories

    def clean_only_services(self) -> list[str]:
        slugs: list[str] = self.cleaned_data["only_services"]
        known = set(Service.objects.filter(slug__in=slugs).values_list("slug", flat=True))
        if unknown := [slug for slug in slugs if slug not in known]:
            raise forms.ValidationError(_("There is no service “%(name)s”.") % {"name": unknown[0]})
        return slugs

    @property
    def life(self) -> timedelta:
        return timedelta(days=self.cleaned_data["days"])


class RotationForm(forms.Form):
    """A new secret for a token: how long the old one stays good, and when the token ends."""

    hours = forms.TypedChoiceField(
        label=_("The old secret stays good for"),
        choices=OVERLAPS,
        coerce=int,
        initial=24,
        help_text=_("Long enough to put the new one everywhere. If the old one leaked: not at all."),
    )
    days = forms.TypedChoiceField(label=_("Expires after"), choices=LIVES, coerce=int, initial=90)

    @property
    def keep(self) -> timedelta:
        return timedelta(hours=self.cleaned_data["hours"])

    @property
    def life(self) -> timedelta:
        return timedelta(days=self.cleaned_data["days"])


class AccountForm(forms.Form):
    """A service account: a name to know it by, and what its tokens may do at most."""

    name = forms.CharField(label=_("Name"), max_length=service_accounts.LONGEST_NAME)
    role = forms.ChoiceField(
        label=_("Role"),
        choices=[(role.value, role.label) for role in service_accounts.ROLES],
        initial=User.Role.VIEWER,
        help_text=_("What its tokens may do at most. The gate asks for no role."),
    )
