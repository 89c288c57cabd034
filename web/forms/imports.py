"""Forms to take in a document and to confirm what it says."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from postmortem import imports
from postmortem.importing.draft import Draft, Moment
from postmortem.models import MAX_SOURCE, ImportedDocument, IncidentService, Service, Severity
from web.forms import EARLIEST_YEAR, LATEST_YEAR, ProseField, zone_names

# So many doubtful entries can be settled on the page; the others stay in the notes.
MOST_SETTLED = 100


@dataclass(frozen=True)
class Breach:
    """A review that is overdue at once: since when, if that is known, and the services whose audits fail."""

    due_at: datetime | None
    services: tuple[str, ...]


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class DocumentForm(forms.Form):
    """Files, or a pasted text."""

    files = forms.Field(
        label=_("Files"),
        required=False,
        widget=FilesInput(attrs={"multiple": True, "accept": ".md,.markdown,.txt,text/*"}),
        help_text=_("Markdown in UTF-8, at most 512 KB each; several are taken in one after the other."),
    )
    source = ProseField(
        label=_("Or paste the text"),
        required=False,
        max_length=MAX_SOURCE,
        widget=forms.Textarea(attrs={"rows": 8}),
    )


class LocalMomentField(forms.CharField):
    """A date and a time on the clocks of the document's zone."""

    widget = forms.DateTimeInput(format="%Y-%m-%dT%H:%M:%S", attrs={"type": "datetime-local", "step": "1"})

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(str(value).strip())
        except ValueError:
            raise forms.ValidationError(_("Enter a valid date and time.")) from None
        if moment.tzinfo is not None or not EARLIEST_YEAR <= moment.year < LATEST_YEAR:
            raise forms.ValidationError(_("The year must lie between 2000 and 2099."))
        return moment


class AcceptanceForm(forms.Form):
    """The facts for a person to confirm: filled in where the document is sure, empty where it is not."""

    title = forms.CharField(label=_("Title"), max_length=200)
    severity = forms.ModelChoiceField(Severity.objects.none(), label=_("Severity"), empty_label=_("Choose…"))
    origin = forms.ModelChoiceField(
        Service.objects.none(), label=_("Service it began in"), empty_label=_("Choose…")
    )
    affected = forms.ModelMultipleChoiceField(
        Service.objects.none(), label=_("Other affected services"), required=False
    )
    zone = forms.ChoiceField(
        label=_("Time zone of the document"), help_text=_("All times below are on its clocks.")
    )
    started_at = LocalMomentField(label=_("Impact started"))
    detected_at = LocalMomentField(label=_("Detected"), required=False)
    resolved_at = LocalMomentField(label=_("Resolved"), required=False)
    is_restricted = forms.BooleanField(
        label=_("restricted"),
        required=False,
        help_text=_("Visible to participants, the owning team's manager and governors only."),
    )

    accepts_breach = forms.BooleanField(
        label=_("Go on: the audits of its services may fail until the review is archived"), required=False
    )

    def __init__(self, *args: Any, document: ImportedDocument, now: datetime, **kwargs: Any) -> None:
        self.draft = Draft.from_json(document.draft)
        self.now = now
        super().__init__(*args, initial=_initial(self.draft), **kwargs)
        self.fields["severity"].queryset = Severity.objects.all()
        self.fields["origin"].queryset = self.fields["affected"].queryset = Service.objects.all()
        self.fields["zone"].choices = [("", _now("Choose…")), *((name, name) for name in zone_names())]
        doubtful = [(n, one) for n, one in enumerate(self.draft.entries) if not one.moment.is_sure]
        self.unsettled = doubtful[:MOST_SETTLED]
        for number, _entry in self.unsettled:
            self.fields[f"entry_{number}"] = LocalMomentField(label=_("Time"), required=False)
        # What the page warns of, until the form itself knows better.
        self.breach = None if self.is_bound else self._expected_breach()

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        zone = data.get("zone", "")
        for name, field in self.fields.items():
            local = data.get(name)
            if not isinstance(field, LocalMomentField) or local is None or not zone:
                continue
            data[name] = imports.moment_at(Moment(local.isoformat()), zone=zone)
            if data[name] is None:
                self.add_error(name, _("The clocks of this zone skipped this time, or showed it twice."))
        self._warn(data)
        return data

    def _warn(self, data: dict[str, Any]) -> None:
        """An incident whose review is overdue at once is taken in by somebody who has read what follows."""
        severity, started_at = data.get("severity"), data.get("started_at")
        if severity is None or started_at is None or started_at.tzinfo is None:
            return
        due_at = imports.overdue_since(started_at, severity, now=self.now)
        if due_at is None:
            return
        services = [data.get("origin"), *(data.get("affected") or [])]
        self.breach = Breach(due_at, tuple(dict.fromkeys(one.slug for one in services if one is not None)))
        if not data.get("accepts_breach"):
            self.add_error("accepts_breach", _("Say whether to go on."))

    def _expected_breach(self) -> Breach | None:
        """What is known before anybody chose anything: without a severity, the most patient one counts."""
        zone = self.initial["zone"]
        started_at = imports.moment_at(self.draft.started, zone=zone or "UTC")
        needed = Severity.objects.filter(requires_postmortem=True).order_by("-review_hours")
        severity = self.initial["severity"] or needed.first()
        if started_at is None or severity is None:
            return None
        due_at = imports.overdue_since(started_at, severity, now=self.now)
        names = tuple(one.slug for one, _part in imports.suggested_services(self.draft))
        return Breach(due_at if self.initial["severity"] else None, names) if due_at else None

    def facts(self) -> dict[str, Any]:
        """What `imports.accept` takes."""
        data = self.cleaned_data
        services = [(data["origin"], IncidentService.Part.ORIGIN)]
        services += [
            (one, IncidentService.Part.AFFECTED) for one in data["affected"] if one != data["origin"]
        ]
        names = ("title", "severity", "zone", "started_at", "detected_at", "resolved_at", "is_restricted")
        settled = {number: data.get(f"entry_{number}") for number, _entry in self.unsettled}
        return {name: data[name] for name in names} | {
            "services": services,
            "settled": {number: at for number, at in settled.items() if at},
        }


def _initial(draft: Draft) -> dict[str, Any]:
    zone = draft.zone.value if draft.zone and draft.zone.is_sure else ""
    services = imports.suggested_services(draft)
    level = draft.severity.value if draft.severity else ""
    return {
        "title": draft.title.value[:200] if draft.title else "",
        "severity": Severity.objects.filter(code=level).first(),
        "origin": next((one.pk for one, part in services if part == "origin"), None),
        "affected": [one.pk for one, part in services if part != "origin"],
        "zone": zone,
        "started_at": _local(draft.started, zone),
        "detected_at": _local(draft.detected, zone),
        "resolved_at": _local(draft.ended, zone),
    }


def _local(moment: Moment | None, zone: str) -> str:
    """What a field of the form shows for a sure moment: the clocks of the document's zone."""
    if moment is None or not moment.is_sure:
        return ""
    local = datetime.fromisoformat(moment.local)
    if local.tzinfo is not None:
        local = local.astimezone(ZoneInfo(zone) if zone else UTC).replace(tzinfo=None)
    elif moment.zone and zone and moment.zone != zone:
        return ""
    return local.isoformat(timespec="seconds")
