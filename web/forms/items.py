"""Forms of remediation items: agree, claim the fix, decline, hand over; and the filters of the list."""

from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from postmortem.models import IncidentService, Review, RootCause, Service, Severity
from remediation import items
from remediation.models import RemediationItem
from web.forms import ProseField
from web.forms.versioned import VersionField


def active_people() -> Any:
    """Who may own work: active, and more than a viewer."""
    return User.objects.filter(is_active=True, is_service=False).exclude(role=User.Role.VIEWER)


def end_of_day(day: date) -> datetime:
    """The last second of a day in the reader's zone: a deadline names a day, and the whole day counts."""
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=timezone.get_current_timezone())
    return midnight - timedelta(seconds=1)


class ItemForm(forms.Form):
    """One promised change. Its check is a form of its own on the same page."""

    title = forms.CharField(label=_("What will change"), max_length=200)
    description = forms.CharField(
        label=_("Details"), required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3})
    )
    owner = forms.ModelChoiceField(
        active_people(), label=_("Owner"), empty_label=_("Choose…"), help_text=_("One person, never a team.")
    )
    team = forms.ModelChoiceField(Team.objects.all(), label=_("Team"), empty_label=_("Choose…"))
    service = forms.ModelChoiceField(Service.objects.all(), label=_("Service"), empty_label=_("Choose…"))
    severity = forms.ModelChoiceField(Severity.objects.all(), label=_("Severity"), empty_label=_("Choose…"))
    category = forms.ChoiceField(
        label=_("Category"),
        choices=RemediationItem.Category,
        help_text=_(
            "A process defect is proven by a revised procedure and an exam; a check beside it is optional."
        ),
    )
    kind = forms.ChoiceField(label=_("What it does next time"), choices=RemediationItem.Kind)
    causes = forms.ModelMultipleChoiceField(
        RootCause.objects.none(),
        label=_("Causes it removes"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    due_date = forms.DateField(
        label=_("Due earlier than promised"),
        required=False,
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=_("Leave it empty to take the day the SLA gives."),
    )
    tracker_url = forms.URLField(
        label=_("Tracker link"), required=False, max_length=500, assume_scheme="https"
    )

    # The lists of an item are those of its team and of its service's, which are chosen in the form itself.
    hints: ClassVar = {"title": "item", "description": "item_details"}
    hint_review = None

    def __init__(self, *args: Any, review: Review | None, user: User, cause: str = "", **kwargs: Any) -> None:
        kwargs["initial"] = _suggested(review, user) | (kwargs.get("initial") or {})
        if cause.isascii() and cause.isdecimal():
            kwargs["initial"]["causes"] = [cause]
        super().__init__(*args, **kwargs)
        causes = RootCause.objects.none() if review is None else review.causes.all()
        causes = causes.exclude(state=RootCause.State.REFUTED)
        if causes.exists():
            self.fields["causes"].queryset = causes  # type: ignore[attr-defined]
            self.fields["causes"].label_from_instance = lambda row: Truncator(row.statement).chars(200)  # type: ignore[attr-defined]
        else:
            del self.fields["causes"]
        self.fields["severity"].label_from_instance = lambda row: f"{row.code} · {row.words}"  # type: ignore[attr-defined]

    def clean_due_date(self) -> date | None:
        day: date | None = self.cleaned_data["due_date"]
        if day is not None and not 2000 <= day.year < 2100:
            raise forms.ValidationError(_("The year must lie between 2000 and 2099."))
        if day is not None and end_of_day(day) <= timezone.now():
            raise forms.ValidationError(_("This day is over: a deadline lies ahead."))
        return day

    @property
    def due_at(self) -> datetime | None:
        """The deadline asked for, or None for the policy's; call it on a valid form only."""
        day = self.cleaned_data["due_date"]
        return end_of_day(day) if day else None


def _suggested(review: Review | None, user: User) -> dict[str, Any]:
    """What a review already says: the origin service, its team, the gravest severity."""
    values: dict[str, Any] = {"owner": user.pk, "kind": "prevent", "category": "technical_debt"}
    if review is None:
        return values
    incidents = list(review.incidents.select_related("severity").order_by("severity__rank"))
    link = (
        IncidentService.objects.filter(incident__in=incidents)
        .select_related("service")
        .order_by("-part", "incident__severity__rank")
        .first()
    )
    if incidents:
        values["severity"] = incidents[0].severity_id
    if link is not None:
        values |= {"service": link.service_id, "team": link.service.team_id}
    return values | {"causes": _likely_causes(review)}


def _likely_causes(review: Review) -> list[int]:
    """Those an item most likely removes: the primary one, else the only root cause, or all if all are root.

    A trigger or a contributing factor is never ticked: what an item does about it, a person says.
    """
    causes = list(review.causes.exclude(state=RootCause.State.REFUTED))
    roots = [cause for cause in causes if cause.part == RootCause.Part.ROOT]
    primary = [cause for cause in roots if cause.is_primary]
    chosen = primary or (roots if len(roots) == 1 or len(roots) == len(causes) else [])
    return [cause.pk for cause in chosen]


class ItemEditForm(forms.Form):
    """What an item says and how it is sorted; owner, team, deadline and checks have pages of their own."""

    title = forms.CharField(label=_("What will change"), max_length=200)
    description = ProseField(
        label=_("Details"), required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 6})
    )
    tracker_url = forms.URLField(
        label=_("Tracker link"), required=False, max_length=500, assume_scheme="https"
    )
    kind = forms.ChoiceField(label=_("What it does next time"), choices=RemediationItem.Kind)
    category = forms.ChoiceField(
        label=_("Category"),
        choices=RemediationItem.Category,
        help_text=_("Another category is another policy: the deadline may become earlier, never later."),
    )
    version = VersionField()

    hints: ClassVar = {"title": "item", "description": "item_details"}
    hint_review = None

    def __init__(self, *args: Any, item: RemediationItem, **kwargs: Any) -> None:
        kwargs["initial"] = {name: getattr(item, name) for name in self.base_fields}
        super().__init__(*args, **kwargs)
        if item.state not in CATEGORY_IS_OPEN:
            # What the claimed fix was promised as stays.
            del self.fields["category"]


# In these states the category may still be another.
CATEGORY_IS_OPEN = ("open", "in_progress", "regressed")


class TeamForm(forms.Form):
    team = forms.ModelChoiceField(Team.objects.all(), label=_("Team"), empty_label=_("Choose…"))


class CausesForm(forms.Form):
    """The causes an item removes: all that are ticked, from now on."""

    causes = forms.ModelMultipleChoiceField(
        RootCause.objects.none(),
        label=_("Causes it removes"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, *args: Any, review: Review | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if review is not None:
            self.fields["causes"].queryset = review.causes.exclude(state=RootCause.State.REFUTED)  # type: ignore[attr-defined]
        self.fields["causes"].label_from_instance = lambda row: Truncator(row.statement).chars(200)  # type: ignore[attr-defined]


class CommentForm(forms.Form):
    comment = forms.CharField(
        label=_("Comment"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )


class ClaimForm(forms.Form):
    """The fix is done, says a person; the checks will say whether it holds."""

    fix_url = forms.URLField(
        label=_("Link to the change"), required=False, max_length=500, assume_scheme="https"
    )
    never_red_reason = forms.CharField(
        label=_("Why the check was never seen failing"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "A check that never failed may pass for reasons of its own. Say how you know that it would fail."
        ),
    )

    def __init__(self, *args: Any, needs_reason: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if needs_reason:
            self.fields["never_red_reason"].required = True
        else:
            del self.fields["never_red_reason"]


class DeclineForm(forms.Form):
    """Not to do it is a governor's decision, with a reason."""

    reason = forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class WaiverForm(forms.Form):
    """More time: until when, and why."""

    due_at = forms.DateField(
        label=_("New deadline"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        help_text=_("The whole day counts."),
    )
    reason = forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))

    def clean_due_at(self) -> date:
        day: date = self.cleaned_data["due_at"]
        if not 2000 <= day.year < 2100:
            raise forms.ValidationError(_("The year must lie between 2000 and 2099."))
        if end_of_day(day) <= timezone.now():
            raise forms.ValidationError(_("This day is over: a deadline lies ahead."))
        return day


class AssignForm(forms.Form):
    to = forms.ModelChoiceField(active_people(), label=_("New owner"), empty_label=_("Choose…"))


class NoteForm(forms.Form):
    """A word for the record, for acts that need none."""

    reason = forms.CharField(
        label=_("Reason"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )


class BulkForm(forms.Form):
    """What several items get; what is left empty stays as it is."""

    owner = forms.ModelChoiceField(
        active_people(), label=_("Owner"), required=False, empty_label=_("Leave as it is")
    )
    team = forms.ModelChoiceField(
        Team.objects.all(), label=_("Team"), required=False, empty_label=_("Leave as it is")
    )
    tracker_url = forms.URLField(
        label=_("Tracker link"), required=False, max_length=500, assume_scheme="https"
    )
    clear_tracker = forms.BooleanField(label=_("Remove the tracker link"), required=False)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("clear_tracker") and values.get("tracker_url"):
            self.add_error("clear_tracker", _("Either a new link or none."))
        if not self.errors and not self.wanted():
            self.add_error("owner", _("Say what is to change: owner, team or tracker link."))
        return values

    def wanted(self) -> items.Wanted:
        """What is asked for; call it on a valid form only."""
        values = self.cleaned_data
        tracker = "" if values.get("clear_tracker") else values.get("tracker_url") or None
        return items.Wanted(owner=values.get("owner"), team=values.get("team"), tracker_url=tracker)
