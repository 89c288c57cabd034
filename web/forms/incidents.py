"""Forms about incidents and personal timelines."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import User
from postmortem import incident_facts
from postmortem.models import MAX_TEXT, Entry, Incident, IncidentService, Participant, Service, Severity
from web import milestones
from web.forms import MomentField, ProseField, TagsField
from web.forms.versioned import VersionField

FACTS = (
    "title", "severity", "environment", "phase", "summary", "is_drill", "is_restricted",
    "impact_minutes", "failure_percent", "loss_amount", "loss_currency", "loss_is_estimate",
    "capacity_limit", "capacity_demand", "tags", *Incident.MILESTONES,
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
    goes_on = forms.BooleanField(label=_("It still goes on"), required=False)
    affected = forms.ModelMultipleChoiceField(
        Service.objects.none(),
        label=_("It also hurt"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    version = VersionField(required=False)

    def __init__(
        self,
        data: Any = None,
        *,
        services: QuerySet[Service],
        incident: Incident | None = None,
        now: datetime | None = None,
        **kwargs: Any,
    ) -> None:
        # A declaration is asked for the end of what is past; a correction is not.
        self._now = now
        initial = kwargs.pop("initial", {}) | (_stored(incident) if incident is not None else {})
        super().__init__(data, initial=initial, **kwargs)
        if incident is None:
            del self.fields["version"]
        self.fields |= forms.fields_for_model(
            Incident,
            fields=FACTS,
            field_classes=dict.fromkeys(Incident.MILESTONES, MomentField) | {"tags": _tags_field},
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

    def clean(self) -> None:
        """Say all that the act would refuse, together with what the fields have found.

        And what began long ago is mostly over: its end belongs into this form, or a word that it goes on.
        """
        super().clean()
        for problem in incident_facts.problems(self.cleaned_data, now=self._now or timezone.now()):
            if problem.field not in self.errors:
                self.add_error(problem.field, problem.message)
        started_at, resolved_at = self.cleaned_data.get("started_at"), self.cleaned_data.get("resolved_at")
        if (
            self._now is not None
            and started_at is not None
            and resolved_at is None
            and "resolved_at" not in self.errors
            and self._now - started_at > Incident.LATE_AFTER
            and not self.cleaned_data.get("goes_on")
        ):
            self.add_error(
                "resolved_at",
                _("It began more than a day ago: give its end, or say below that it still goes on."),
            )

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


def _tags_field(**kwargs: Any) -> TagsField:
    return TagsField(
        label=kwargs["label"],
        help_text=kwargs["help_text"],
        required=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"autocomplete": "off", "list": "known-tags"}),
    )


def _stored(incident: Incident) -> dict[str, Any]:
    links = list(incident.service_links.all())
    named = {
        name: [link.service_id for link in links if link.part == part]
        for name, part in (
            ("origins", IncidentService.Part.ORIGIN),
            ("affected", IncidentService.Part.AFFECTED),
        )
    }
    return forms.model_to_dict(incident, fields=(*FACTS, "version")) | named | {"version": incident.version}


class InviteForm(forms.Form):
    """One person and the part they had; the declaration takes several of them."""

    user = forms.ModelChoiceField(User.objects.none(), label=_("Person"), empty_label=_("Choose…"))
    role = forms.ChoiceField(
        label=_("Role"), choices=Participant.Role.choices, initial=Participant.Role.RESPONDER
    )

    def __init__(self, *args: Any, incident: Incident | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A viewer could not file a timeline.
        people = User.objects.filter(~Q(role=User.Role.VIEWER), is_active=True, is_service=False)
        field = self.fields["user"]
        field.queryset = people
        if incident is not None:
            there = set(incident.participants.values_list("user_id", flat=True))
            # Not offered, yet valid: whoever was invited meanwhile is refused by name.
            field.widget.choices = [
                (value, words) for value, words in field.choices if not value or value.value not in there
            ]


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


def invited(fields: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """The rows of people in what a browser sent, as they begin a form again."""
    rows = [
        {name: (fields.get(f"people-{number}-{name}") or [""])[-1] for name in ("user", "role")}
        for number in range(PeopleFormSet.absolute_max)
    ]
    return [row for row in rows if row["user"]]


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
    duplicate_of = forms.CharField(
        label=_("Of which incident"),
        max_length=16,
        required=False,
        help_text=_(
            "For a duplicate: the id of the incident that tells of the same harm, such as INC-2026-0001."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    reason = forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, data: Any = None, *, visible: QuerySet[Incident]) -> None:
        super().__init__(data)
        self._visible = visible

    def clean_duplicate_of(self) -> Incident | None:
        public_id = self.cleaned_data["duplicate_of"].strip().upper()
        found = self._visible.filter(public_id=public_id).first() if public_id else None
        if public_id and found is None:
            raise forms.ValidationError(_("There is no such incident."))
        return found


class RoleForm(forms.Form):
    """The part somebody had."""

    role = forms.ChoiceField(label=_("Role"), choices=Participant.Role.choices)


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
    milestone = forms.ChoiceField(
        label=_("Milestone"), choices=[("", _("none")), *Entry.Milestone.choices[1:]], required=False
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
