"""Forms about reviews: steps, lessons, causes, the checklist."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from postmortem.models import MAX_TEXT, ChecklistEntry, Review, ReviewStep, RootCause
from web.forms import ProseField


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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("owner", "facilitator"):
            self.fields[name].queryset = User.objects.filter(~Q(role=User.Role.VIEWER), is_active=True)


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
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args: Any, step: ReviewStep, **kwargs: Any) -> None:
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
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args: Any, review: Review, **kwargs: Any) -> None:
        initial = {
            "went_well": review.went_well,
            "went_badly": review.went_badly,
            "luck": review.luck,
            "version": review.version,
        }
        super().__init__(*args, initial=initial, **kwargs)


class CauseForm(forms.Form):
    """What had to be so, what set it off, or what made it worse."""

    statement = ProseField(
        label=_("Statement"),
        max_length=4000,
        widget=_writing(3),
        help_text=_("One sentence about a system or a process; never about a person."),
    )
    part = forms.ChoiceField(
        label=_("Part it played"),
        choices=RootCause.Part.choices,
        widget=forms.RadioSelect,
        initial=RootCause.Part.ROOT,
    )


class NewCauseForm(CauseForm):
    """A new cause may at once be the primary one."""

    is_primary = forms.BooleanField(
        label=_("This is the primary root cause"),
        required=False,
        help_text=_("Every review has exactly one; it must be a root cause."),
    )


class SettleForm(forms.Form):
    """Whether a hypothesis held, and what showed it."""

    state = forms.ChoiceField(label=_("It is"), choices=RootCause.State.choices, widget=forms.RadioSelect)
    evidence = ProseField(
        label=_("Evidence"),
        required=False,
        max_length=MAX_TEXT,
        widget=_writing(5, _("What was tried or read, and what came out.")),
        help_text=_("Needed for everything but a hypothesis."),
    )


class ChecklistForm(forms.Form):
    """One command of the executable checklist, and when it passes."""

    title = forms.CharField(
        label=_("What it shows"),
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": _("No pod of the order service hangs")}),
    )
    pipeline = forms.CharField(
        label=_("Command"),
        max_length=4000,
        strip=True,
        widget=forms.TextInput(
            attrs={
                "class": "code",
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": 'kubectl get pods -n order | grep -E "(Pending|CrashLoopBackOff)"',
            }
        ),
        help_text=_(
            "One command, or several joined by |. No shell runs it: no ; && || > < $( ` or variables."
        ),
    )
    expectation = forms.ChoiceField(
        label=_("It passes when"),
        choices=ChecklistEntry.Expectation.choices,
        widget=forms.RadioSelect,
        initial="no_match",
    )
