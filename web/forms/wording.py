"""The form of a phrase on a list of wording."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User

VAGUE, ALLOWED = "vague", "allowed"


class TermForm(forms.Form):
    """One phrase; `postmortem.terms` says which are taken."""

    phrase = forms.CharField(
        label=_("Phrase"),
        max_length=80,
        help_text=_("As people write it. It is no pattern, and capitals do not matter."),
    )
    effect = forms.ChoiceField(
        label=_("In reviews it"),
        choices=[(VAGUE, _("blocks the signature")), (ALLOWED, _("passes"))],
        widget=forms.RadioSelect,
        initial=VAGUE,
    )
    why = forms.CharField(
        label=_("Why"), max_length=200, help_text=_("Shown to whoever writes the phrase, or why it passes.")
    )
    suggestion = forms.CharField(label=_("What to write instead"), max_length=200, required=False)

    @property
    def facts(self) -> dict[str, Any]:
        """What an act takes; call it on a valid form only."""
        data = self.cleaned_data
        facts = {name: data[name] for name in ("phrase", "why", "suggestion")}
        return (
            facts
            | {"is_allowed": data["effect"] == ALLOWED}
            | ({"team": data["team"]} if "team" in data else {})
        )


class NewTermForm(TermForm):
    """A new phrase, on the list of a team that the person keeps."""

    field_order = ("team",)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keeps_all = user.is_at_least(User.Role.FACILITATOR)
        self.fields["team"] = forms.ModelChoiceField(
            Team.objects.all() if keeps_all else user.managed_teams.all(),
            label=_("List of"),
            required=not keeps_all,
            empty_label=_("Everybody") if keeps_all else _("Choose…"),
        )
        self.order_fields(["team"])
