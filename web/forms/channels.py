"""The forms of a team's channels; `governance.team_channels` says what may stand in them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from governance import team_channels
from governance.models import MAX_ADDRESS, MAX_SECRET, Notice, TeamChannel


def _kinds() -> list[tuple[str, Any]]:
    return [(kind.value, Notice.Kind(kind).label) for kind in team_channels.TOLD_TO_CHANNELS]


class ChannelForm(forms.Form):
    """What stands in a channel that is there."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("For example the name of the chat."))
    address = forms.CharField(
        label=_("Address"),
        max_length=MAX_ADDRESS,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text=_(
            "As the product gave it out. Kept encrypted and never shown again: who knows it can write there."
        ),
    )
    secret = forms.CharField(
        label=_("Secret"),
        max_length=MAX_SECRET,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_(
            "Feishu and DingTalk: of the signature, if the robot wants one. Webhook: empty makes a new one."
        ),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Notices"),
        widget=forms.CheckboxSelectMultiple,
        choices=_kinds,
        help_text=_("What belongs to a restricted incident is never told here."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=TeamChannel._meta.get_field("language").choices)


class ChannelDetailsForm(ChannelForm):
    is_enabled = forms.BooleanField(
        label=_("In use"), required=False, help_text=_("While it is not, nothing is written for it.")
    )


class NewChannelForm(ChannelForm):
    """A channel for one of the teams that somebody looks after."""

    team = forms.ModelChoiceField(label=_("Team"), queryset=Team.objects.none(), empty_label=None)
    kind = forms.ChoiceField(label=_("Kind"), choices=TeamChannel.Kind.choices)
    field_order = ("team", "kind", "name", "address", "secret", "kinds", "language")

    def __init__(self, *args: Any, teams: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = teams
        self.fields["address"].required = True
        self.fields["kinds"].initial = [kind for kind, _label in _kinds()]
