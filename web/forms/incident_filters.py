"""The filters of the list of incidents, kept in its address; a value that makes no sense filters nothing."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from postmortem import searching
from postmortem.models import Incident
from web.badges import LOOKS

REVIEWS: dict[str, str | Promise] = {
    "missing": _("Not started"),
    "going": _("Under way"),
    "overdue": _("Overdue"),
    "archived": _("Archived"),
}


def _choice(label: str | Promise, nothing: str | Promise, choices: Any = ()) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=False, choices=[("", nothing), *choices])


class IncidentFilters(forms.Form):
    """What the list can be narrowed to.

    Args:
        names: choices of severities, services, teams and people: kind -> [(value, label)].
    """

    q = forms.CharField(
        label=_("Search"),
        max_length=searching.LONGEST,
        required=False,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": _("Words, or an id"), "autocomplete": "off"}
        ),
    )
    state = _choice(
        _("State"), _("All states"), [(name, look.word) for name, look in LOOKS["incident_state"].items()]
    )
    severity = _choice(_("Severity"), _("All severities"))
    service = _choice(_("Service"), _("All services"))
    team = _choice(_("Team"), _("All teams"))
    environment = _choice(_("Environment"), _("All environments"), Incident.Environment.choices)
    person = _choice(_("Person"), _("Anybody"))
    tag = forms.CharField(
        label=_("Tag"),
        max_length=40,
        required=False,
        widget=forms.TextInput(attrs={"list": "known-tags", "autocomplete": "off"}),
    )
    review = _choice(_("Review"), _("Any review"), REVIEWS.items())
    drills = _choice(_("Drills"), _("With drills"), [("no", _("Without drills")), ("only", _("Drills only"))])
    since = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    until = forms.DateField(
        label=_("To"), required=False, widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    # These stand behind “More filters”.
    REST = ("team", "environment", "person", "tag", "review", "drills", "since", "until")

    def __init__(self, data: Any, *, names: dict[str, list[tuple[str, str]]]) -> None:
        super().__init__(data)
        for kind in ("severity", "service", "team", "person"):
            field = self.fields[kind]
            field.choices = [*field.choices[:1], *names.get(kind, [])]  # type: ignore[attr-defined]
        self.is_valid()

    def chosen(self) -> dict[str, Any]:
        """The filters in force, as `selecting.narrowed` takes them."""
        data = dict(self.cleaned_data)
        until = data.get("until")
        data["since"] = _midnight(data.get("since"))
        # The whole of the last day counts.
        data["until"] = _midnight(until + timedelta(days=1)) if until else None
        return {name: value for name, value in data.items() if value}

    @property
    def rest(self) -> list[Any]:
        return [self[name] for name in self.REST]

    @property
    def has_rest(self) -> bool:
        return any(self.cleaned_data.get(name) for name in self.REST)


def _midnight(day: date | None) -> datetime | None:
    """When a day of the reader's begins."""
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None
