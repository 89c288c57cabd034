"""Forms of the SLA: policy rows, working calendars, and the question which row would decide."""

import re
from datetime import date
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from postmortem.models import Service, Severity
from remediation.models import MAX_DAYS, RemediationItem, WorkingCalendar
from web.forms import ProseField

ANY = _("Any")


class FactsForm(forms.Form):
    """What an item is about: the conditions of a row, and the question which row decides."""

    severity = forms.ModelChoiceField(
        Severity.objects.order_by("rank"), label=_("Severity"), required=False, empty_label=ANY
    )
    category = forms.ChoiceField(
        label=_("Category"), required=False, choices=[("", ANY), *RemediationItem.Category.choices]
    )
    kind = forms.ChoiceField(
        label=_("What it does next time"), required=False, choices=[("", ANY), *RemediationItem.Kind.choices]
    )
    service = forms.ModelChoiceField(
        Service.objects.order_by("slug"), label=_("Service"), required=False, empty_label=ANY
    )
    team = forms.ModelChoiceField(Team.objects.all(), label=_("Team"), required=False, empty_label=ANY)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["severity"].label_from_instance = lambda row: f"{row.code} · {row.words}"  # type: ignore[attr-defined]
        self.fields["service"].label_from_instance = lambda row: row.slug  # type: ignore[attr-defined]


class PolicyForm(FactsForm):
    """One row: what an item must be for it, and what it promises."""

    days = forms.IntegerField(label=_("Days promised"), min_value=1, max_value=MAX_DAYS)
    calendar = forms.ModelChoiceField(
        WorkingCalendar.objects.all(),
        label=_("Counted in"),
        required=False,
        empty_label=_("Calendar days, 24 hours each"),
        help_text=_("With a working calendar these are its working days."),
    )


class TryForm(FactsForm):
    """Which row would decide about an item agreed now."""

    severity = forms.ModelChoiceField(
        Severity.objects.order_by("rank"), label=_("Severity"), empty_label=_("Choose…")
    )
    category = forms.ChoiceField(label=_("Category"), choices=RemediationItem.Category)


class CalendarForm(forms.Form):
    """A working calendar: zone, the hours of each weekday, holidays."""

    name = forms.CharField(label=_("Name"), max_length=80)
    time_zone = forms.CharField(
        label=_("Time zone"),
        max_length=64,
        help_text=_("An IANA name, such as Europe/Berlin or Asia/Shanghai."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    holidays = ProseField(
        label=_("Holidays"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 5, "placeholder": "2026-10-01\n2026-10-02"}),
        help_text=_("One day a line, such as 2026-10-01."),
    )

    def __init__(self, *args: Any, calendar: WorkingCalendar | None = None, **kwargs: Any) -> None:
        week = calendar.week if calendar else ["09:00-18:00"] * 5 + [""] * 2
        if calendar is not None:
            kwargs["initial"] = {
                "name": calendar.name,
                "time_zone": calendar.time_zone,
                "holidays": "\n".join(map(str, calendar.holidays)),
            } | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        for day, label in WEEKDAYS.items():
            self.fields[f"day_{day}"] = forms.CharField(
                label=label,
                required=False,
                max_length=200,
                initial=week[day],
                widget=forms.TextInput(attrs={"placeholder": _("free"), "autocomplete": "off"}),
            )

    def days(self) -> list[forms.BoundField]:
        """The fields of the weekdays, Monday first."""
        return [self[f"day_{day}"] for day in WEEKDAYS]

    def clean_holidays(self) -> list[date]:
        days = []
        for word in re.split(r"[\s,，;；、]+", self.cleaned_data["holidays"]):
            if not word:
                continue
            try:
                days.append(date.fromisoformat(word))
            except ValueError:
                raise forms.ValidationError(
                    _("“%(text)s” is no day. Write one like 2026-10-01."), params={"text": word[:40]}
                ) from None
        return days

    def facts(self) -> dict[str, Any]:
        """What `policies.add_calendar` takes."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "time_zone": data["time_zone"],
            "holidays": data["holidays"],
            "week": [data[f"day_{day}"] for day in WEEKDAYS],
        }

    def show_refusal(self, refusal: Any) -> None:
        """Put a refusal beside its field; that of the week stands at its first day."""
        field = "day_0" if refusal.field == "week" else refusal.field
        self.add_error(field if field in self.fields else None, refusal.message)
