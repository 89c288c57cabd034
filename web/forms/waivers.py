"""The forms of a waiver of the gate."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from governance import gatewaivers
from governance.models import GateWaiver
from governance.policy import WAIVABLE
from postmortem.models import Service
from web.findings import RULES
from web.forms import MomentField, ProseField
from web.forms.filters import Filters

CHOICES = [(code, RULES[code].title) for code in WAIVABLE]
# Long enough for most, and short enough to be missed.
PROPOSED = timedelta(days=2)


class WaiverForm(forms.Form):
    """What is to be waived, for what, why and until when."""

    service = forms.ModelChoiceField(
        Service.objects.order_by("slug"),
        label=_("Service"),
        required=False,
        empty_label=_("None: a repository"),
        help_text=_("Either a service, for its audit and for changes of it alone, or a repository."),
    )
    repository = forms.CharField(label=_("Repository"), max_length=200, required=False)
    change_id = forms.CharField(
        label=_("Only this change"),
        max_length=200,
        required=False,
        help_text=_("Of the repository, as CI names it: !42 or 42."),
    )
    findings = forms.MultipleChoiceField(
        label=_("Findings"), choices=CHOICES, widget=forms.CheckboxSelectMultiple
    )
    object = forms.CharField(
        label=_("Only about"),
        max_length=40,
        required=False,
        help_text=_("One object, such as RI-2026-0001. Empty: whatever it is."),
    )
    reason = ProseField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    expires_at = MomentField(label=_("Expires"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["service"].label_from_instance = lambda row: row.slug  # type: ignore[attr-defined]
        # Before a form is sent: the one that stops people who have not read about the gate.
        self.initial["findings"] = self.initial.get("findings") or ["POSTMORTEM_NOT_NAMED"]
        days = {"count": gatewaivers.LONGEST.days}
        self.fields["expires_at"].help_text = gettext("At most %(count)d days from now.") % days
        evening = timezone.localtime(timezone.now() + PROPOSED)
        self.initial.setdefault("expires_at", evening.replace(hour=18, minute=0, second=0, microsecond=0))

    def clean(self) -> dict[str, Any]:
        """Say what the act would refuse together with what the fields have found."""
        values = super().clean() or {}
        service, repository = values.get("service"), values.get("repository")
        if {"service", "repository"} <= values.keys() and bool(service) is bool(repository):
            self.add_error("repository", _("Name either a service or a repository."))
        expires_at = values.get("expires_at")
        if expires_at is not None and expires_at <= timezone.now():
            self.add_error("expires_at", _("This must lie in the future."))
        return values


class WaiverFilters(Filters):
    """Of the list of waivers."""

    q = forms.CharField(
        label=_("Repository"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Any state")), *GateWaiver.State.choices]
    )
    finding = forms.ChoiceField(
        label=pgettext_lazy("of the gate", "Finding"),
        required=False,
        choices=[("", _("Any finding")), *CHOICES],
    )
    service = forms.ChoiceField(label=_("Service"), required=False)

    def offer(self) -> None:
        slugs = Service.objects.order_by("slug").values_list("slug", "slug")
        self.fields["service"].choices = [("", _("Any service")), *slugs]  # type: ignore[attr-defined]
