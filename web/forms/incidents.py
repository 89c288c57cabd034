"""Forms about incidents and personal timelines."""

from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from postmortem.models import MAX_TEXT, Entry, Incident, IncidentService, Participant, Service, Severity
from web import milestones
from web.badges import LOOKS
from web.forms import MomentField, ProseField

FACTS = (
    "title", "severity", "environment", "phase", "summary", "is_drill", "is_restricted",
    "impact_minutes", "failure_percent", "loss_amount", "loss_currency", "loss_is_estimate",
    "capacity_limit", "capacity_demand", *Incident.MILESTONES,
)  # fmt: skip


class IncidentForm(forms.Form):
    """Everything about an incident that one form can say; `incidents.declare` and `edit` store it.

    Its fields come from the model. It is no ModelForm: that would judge the constraints as well, with words
    and without a field, before the act can say it better.
    """

    origins = forms.ModelMultipleChoiceField(
        Service.objects.none(),
        label=_("It came from"),
        help_text=_("The service where the fault was; its findings and its gate are about this incident."),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Name at least one service the incident came from.")},
    )
    affected = forms.ModelMultipleChoiceField(
        Service.objects.none(),
        label=_("It also hurt"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(
        self,
        data: Any = None,
        *,
        services: QuerySet[Service],
        incident: Incident | None = None,
        **kwargs: Any,
    ) -> None:
        initial = kwargs.pop("initial", {}) | (_stored(incident) if incident is not None else {})
        super().__init__(data, initial=initial, **kwargs)
        self.fields |= forms.fields_for_model(
            Incident,
            fields=FACTS,
            field_classes=dict.fromkeys(Incident.MILESTONES, MomentField),
            widgets={
                "summary": forms.Textarea(attrs={"rows": 4}),
                "loss_currency": forms.TextInput(
                    attrs={"size": 3, "placeholder": "CNY", "autocomplete": "off"}
                ),
                **dict.fromkeys(Incident.MILESTONES, MomentField.widget),
            },
        )
        severity = self.fields["severity"]
        severity.queryset = Severity.objects.order_by("rank")
        severity.empty_label = _("Choose…")
        severity.label_from_instance = lambda row: f"{row.code} · {row.words}"
        for name in ("origins", "affected"):
            self.fields[name].queryset = services
            self.fields[name].label_from_instance = lambda row: f"{row.slug} · {row.name}"

    def clean_loss_currency(self) -> str:
        return self.cleaned_data["loss_currency"].upper()

    def facts(self) -> dict[str, Any]:
        """The incident's own fields, for the act's keywords."""
        return {name: self.cleaned_data[name] for name in FACTS}

    def changes_services(self) -> bool:
        """Whether other services are named than before; the same ones need not be stored anew."""
        return any(name in self.changed_data for name in ("origins", "affected"))

    def services(self) -> list[tuple[Service, str]]:
        """Each service once with its part; one named twice is an origin."""
        origins = list(self.cleaned_data["origins"])
        affected = [service for service in self.cleaned_data["affected"] if service not in origins]
        return [(service, IncidentService.Part.ORIGIN) for service in origins] + [
            (service, IncidentService.Part.AFFECTED) for service in affected
        ]


def _stored(incident: Incident) -> dict[str, Any]:
    links = list(incident.service_links.all())
    named = {
        name: [link.service_id for link in links if link.part == part]
        for name, part in (
            ("origins", IncidentService.Part.ORIGIN),
            ("affected", IncidentService.Part.AFFECTED),
        )
    }
    return forms.model_to_dict(incident, fields=FACTS) | named


class InviteForm(forms.Form):
    """One person and the part they had; the declaration takes several of them."""

    user = forms.ModelChoiceField(User.objects.none(), label=_("Person"), empty_label=_("Choose…"))
    role = forms.ChoiceField(
        label=_("Role"), choices=Participant.Role.choices, initial=Participant.Role.RESPONDER
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A viewer could not file a timeline.
        self.fields["user"].queryset = User.objects.filter(~Q(role=User.Role.VIEWER), is_active=True)


class _People(forms.BaseFormSet):
    """Rows of people; an empty row is nobody."""

    def clean(self) -> None:
        seen: set[User] = set()
        for form in self.forms:
            user = form.cleaned_data.get("user") if form.is_valid() else None
            if user is not None and user in seen:
                form.add_error("user", _("%(name)s is named twice.") % {"name": user})
            seen |= {user} if user else set()

    def people(self) -> list[tuple[User, str]]:
        """Who took part, and as what."""
        return [
            (form.cleaned_data["user"], form.cleaned_data["role"])
            for form in self.forms
            if form.cleaned_data.get("user")
        ]


PeopleFormSet = forms.formset_factory(
    InviteForm, formset=_People, extra=2, max_num=12, absolute_max=20, validate_max=True
)


class MarkForm(forms.Form):
    """A milestone and its moment; no moment means now."""

    milestone = forms.ChoiceField(label=_("Milestone"), choices=list(milestones.LABELS.items()))
    at = MomentField(label=_("Moment"), required=False)


class PrivacyForm(forms.Form):
    """Whether an incident is restricted."""

    is_restricted = forms.BooleanField(
        label=_("Restricted"), required=False, help_text=Incident._meta.get_field("is_restricted").help_text
    )


class DismissForm(forms.Form):
    """Why an incident was none."""

    as_ = forms.ChoiceField(label=_("It was a"), choices=Incident._meta.get_field("dismissed_as").flatchoices)
    reason = forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class ReasonForm(forms.Form):
    """Why: for an excuse, or for reopening a step."""

    reason = forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class EntryForm(forms.Form):
    """One event: when, what kind, what happened."""

    happened_at = forms.CharField(
        label=pgettext_lazy("of an entry", "When"),
        max_length=80,
        widget=forms.TextInput(attrs={"placeholder": "14:03", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=Entry.Kind.choices, initial=Entry.Kind.NOTE)
    marker = forms.ChoiceField(
        label=_("Marks"), choices=[("", _("nothing special")), *Entry.Marker.choices[1:]], required=False
    )
    is_starred = forms.BooleanField(label=_("Star"), required=False)
    text = ProseField(
        label=_("What happened"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(
            attrs={
                "rows": 2,
                "placeholder": _("What you did, saw or decided; paste a command or log lines as they were."),
            }
        ),
    )


class IncidentFilterForm(forms.Form):
    """The filters of the list, kept in its URL; a value that makes no sense filters nothing."""

    q = forms.CharField(
        label=_("Search"),
        max_length=200,
        required=False,
        widget=forms.SearchInput(attrs={"placeholder": _("Title, summary or id"), "autocomplete": "off"}),
    )
    state = forms.ChoiceField(label=_("State"), required=False)
    severity = forms.ModelChoiceField(
        Severity.objects.order_by("rank"),
        label=_("Severity"),
        required=False,
        to_field_name="code",
        empty_label=_("All severities"),
    )
    service = forms.ModelChoiceField(
        Service.objects.none(),
        label=_("Service"),
        required=False,
        to_field_name="slug",
        empty_label=_("All services"),
    )
    drills = forms.ChoiceField(
        label=_("Drills"),
        required=False,
        choices=[("", _("With drills")), ("no", _("Without drills")), ("only", _("Drills only"))],
    )

    def __init__(self, *args: Any, services: "QuerySet[Service]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        states = [(name, shown.word) for name, shown in LOOKS["incident_state"].items()]
        self.fields["state"].choices = [("", _("All states")), *states]
        self.fields["service"].queryset = services

    def chosen(self) -> dict[str, Any]:
        """The filters in force, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}
