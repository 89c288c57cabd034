"""Forms about reviews: steps, lessons, the checklist."""

from typing import Any, ClassVar

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Team, User
from postmortem.models import MAX_NOTES, MAX_TEXT, Incident, Review, ReviewStep
from remediation.models import RemediationItem
from web.forms import ProseField
from web.forms.versioned import VersionField


class ReviewForm(forms.Form):
    """Who carries a new review, and what it is called."""

    title = forms.CharField(label=_("Title"), max_length=200)
    owner = forms.ModelChoiceField(
        User.objects.none(),
        label=_("Owner"),
        empty_label=_("Choose…"),
        help_text=_("Writes the postmortem and answers for it."),
    )
    facilitator = forms.ModelChoiceField(
        User.objects.none(),
        label=_("Facilitator"),
        empty_label=_("Choose…"),
        help_text=_(
            "Leads the review, opens it and archives it; best somebody who was not part of the incident."
        ),
    )

    teams_present = forms.ModelMultipleChoiceField(
        Team.objects.none(),
        label=_("Teams present"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A review in which more than one team takes part counts as cross-team."),
    )

    version = VersionField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "version" not in self.initial:
            # A new review has none yet.
            del self.fields["version"]
        for name in ("owner", "facilitator"):
            self.fields[name].queryset = User.objects.filter(
                ~Q(role=User.Role.VIEWER), is_active=True, is_service=False
            )
        self.fields["teams_present"].queryset = Team.objects.order_by("name")


class NewReviewForm(ReviewForm):
    """A new review may at once be about several incidents."""

    others = forms.ModelMultipleChoiceField(
        Incident.objects.none(),
        label=_("Review together with"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "For incidents that are one story. One restricted incident hides the whole review from others."
        ),
    )

    def __init__(self, *args: Any, others: QuerySet[Incident], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["others"].queryset = others
        self.fields["others"].label_from_instance = incident_words


class CoverageForm(forms.Form):
    """Which incidents a review is about."""

    incidents = forms.ModelMultipleChoiceField(
        Incident.objects.none(), label=_("Incidents"), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, incidents: QuerySet[Incident], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["incidents"].queryset = incidents
        self.fields["incidents"].label_from_instance = incident_words


class ApprovalForm(forms.Form):
    """What an approver has to say."""

    comment = ProseField(
        label=_("Comment"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3})
    )


def incident_words(incident: Incident) -> str:
    """An incident as a choice: its id and title, and that it is restricted."""
    words = f"{incident.public_id} · {incident.title}"
    return f"{words} ({_('Restricted')})" if incident.is_restricted else words


def _writing(rows: int, placeholder: Any = "") -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "placeholder": placeholder})


_QUESTIONS: dict[str, tuple[Any, Any]] = {
    ReviewStep.Kind.PHENOMENON: (
        _("What did users and we see, from when to when, and how much of it?"),
        _("Screens, error pages, tickets, log lines: quote them."),
    ),
    ReviewStep.Kind.METRIC_ANOMALY: (
        _("Which metrics left their usual band, by how much, in which order?"),
        _("Queries and their values, links to dashboards."),
    ),
    ReviewStep.Kind.CHANGE_CORRELATION: (
        _("What changed before it: deploys, configuration, traffic, dependencies? What is ruled out, why?"),
        _("Commits, releases, tickets, with their moments."),
    ),
    ReviewStep.Kind.ROOT_CAUSE: (
        _("What had to be so for this to happen? How was that shown, and not just thought?"),
        _("The experiment or reading that would have come out differently otherwise."),
    ),
}


class StepForm(forms.Form):
    """The two texts of a step, and the version they were written over."""

    finding = ProseField(label=_("Finding"), required=False, max_length=MAX_TEXT)
    evidence = ProseField(label=_("Evidence"), required=False, max_length=MAX_TEXT)
    version = VersionField()

    hints: ClassVar = {"finding": "step", "evidence": "step"}

    def __init__(self, *args: Any, step: ReviewStep, **kwargs: Any) -> None:
        self.hint_review = step.review
        kwargs.setdefault("auto_id", f"id_{step.kind}_%s")
        kwargs.setdefault(
            "initial", {"finding": step.finding, "evidence": step.evidence, "version": step.version}
        )
        super().__init__(*args, **kwargs)
        finding, evidence = _QUESTIONS[step.kind]
        self.fields["finding"].widget = _writing(6, finding)
        self.fields["evidence"].widget = _writing(6, evidence)


class LessonsForm(forms.Form):
    """What went well, what went badly, and where luck played in."""

    went_well = ProseField(label=_("What went well"), required=False, max_length=MAX_TEXT, widget=_writing(5))
    went_badly = ProseField(
        label=_("What went badly"),
        required=False,
        max_length=MAX_TEXT,
        widget=_writing(5),
        help_text=_("Of systems and processes, never of persons."),
    )
    luck = ProseField(
        label=_("Where luck played in"), required=False, max_length=MAX_TEXT, widget=_writing(5)
    )
    notes = ProseField(
        label=_("Notes"),
        required=False,
        max_length=MAX_NOTES,
        widget=_writing(5),
        help_text=_("What belongs nowhere else: proposals, the rest of an imported document."),
    )
    version = VersionField()

    hints: ClassVar = {"went_well": "lesson", "went_badly": "lesson", "luck": "lesson"}

    def __init__(self, *args: Any, review: Review, **kwargs: Any) -> None:
        self.hint_review = review
        initial = {
            "notes": review.notes,
            "went_well": review.went_well,
            "went_badly": review.went_badly,
            "luck": review.luck,
            "version": review.version,
        }
        super().__init__(*args, initial=initial, **kwargs)

    def clean_notes(self) -> str | None:
        # A form that does not show the notes leaves them as they are.
        return self.cleaned_data["notes"] if "notes" in self.data else None


class AnswerForm(forms.Form):
    """What answers a point of what went badly: items of the same review, or a reason why none does."""

    items = forms.ModelMultipleChoiceField(
        RemediationItem.objects.none(),
        label=_("Items that answer it"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    reason = forms.CharField(
        label=_("No item, because"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("An approval: for facilitators and governors."),
    )

    def __init__(
        self, *args: Any, items: QuerySet[RemediationItem], may_decline: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        # A reason that was given stays, whoever names items.
        self.fields["reason"].disabled = not may_decline
        self.fields["items"].queryset = items
        self.fields["items"].label_from_instance = lambda row: f"{row.public_id} · {row.title}"


class AddendumForm(forms.Form):
    """What was learnt after the archive."""

    text = ProseField(label=_("Text"), max_length=MAX_TEXT, widget=_writing(6))
