"""Forms about oneself: name and preferences, tokens; and the data sources an administrator names."""

from datetime import timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import ApiToken, User

LIVES: list[tuple[int, Any]] = [
    (7, _("7 days")),
    (30, _("30 days")),
    (90, _("90 days")),
    (180, _("180 days")),
    (365, _("a year")),
]


class ProfileForm(forms.ModelForm):
    """How one is called and how pages are shown."""

    class Meta:
        model = User
        fields = ("name", "time_zone", "language", "theme")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")
        mine = self.instance.time_zone
        choices = [(zone, zone) for zone in ([] if mine in zones else [mine]) + zones]
        self.fields["time_zone"] = forms.ChoiceField(
            label=_("Time zone"),
            choices=choices,
            help_text=_("All times are shown in it, and deadlines end with its day."),
        )


class TokenForm(forms.Form):
    """A token for a program: a name to know it by, what it may do, for how long."""

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("Where it will be used, for example “GitLab, group order”."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"), choices=ApiToken.Scope, widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(label=_("Expires after"), choices=LIVES, coerce=int, initial=90)

    @property
    def life(self) -> timedelta:
        return timedelta(days=self.cleaned_data["days"])
