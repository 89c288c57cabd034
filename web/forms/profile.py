"""The form about oneself: name and preferences."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from web.forms import zone_names


class ProfileForm(forms.ModelForm):
    """How one is called and how pages are shown."""

    class Meta:
        model = User
        fields = ("name", "time_zone", "language", "theme")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = zone_names()
        mine = self.instance.time_zone
        choices = [(zone, zone) for zone in ([] if mine in zones else [mine]) + zones]
        self.fields["time_zone"] = forms.ChoiceField(
            label=_("Time zone"),
            choices=choices,
            help_text=_("All times are shown in it, and deadlines end with its day."),
        )
