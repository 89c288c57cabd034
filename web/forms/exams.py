"""Forms of process defects: record a revision, write the exam, sit it."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from postmortem.errors import Invalid
from remediation import exams
from remediation.models import Exam, RemediationItem
from web.forms import ProseField
from web.forms.versioned import VersionField

_EXAMPLE = """Who approves a load test before a sale?
- Nobody
* The service's owner
- Whoever runs it

What must be asked before it?
* The connection limit
- The weather
* The expected load"""


class RevisionForm(forms.Form):
    """A revision of the operating procedure."""

    url = forms.URLField(label=_("Link to the procedure"), max_length=500, assume_scheme="https")
    revision = forms.CharField(label=_("Revision"), max_length=80, help_text=_("Such as v4, or a commit."))
    note = forms.CharField(
        label=_("What changed"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )


class ExamForm(forms.Form):
    """The whole exam as a text that is quick to write: questions and answers, the right ones with a star."""

    title = forms.CharField(label=_("Title"), max_length=200)
    team = forms.ModelChoiceField(
        Team.objects.all(),
        label=_("Team"),
        help_text=_("Everybody in it has to pass; who joins it later too."),
    )
    questions = ProseField(
        label=_("Questions"),
        max_length=60_000,
        widget=forms.Textarea(attrs={"rows": 16, "placeholder": _EXAMPLE, "class": "code"}),
        help_text=_(
            "A question, then its answers, each on a line that begins with - (wrong) or * (right). An empty"
            " line ends it. More than one star makes it a question with several right answers."
        ),
    )
    passing_percent = forms.IntegerField(
        label=_("Passing mark, percent"), min_value=1, max_value=100, initial=80
    )
    attempts_allowed = forms.IntegerField(
        label=_("Attempts"), min_value=0, max_value=100, initial=3, help_text=_("0 is any number.")
    )
    version = VersionField(required=False, min_value=0)

    def __init__(self, *args: Any, exam: Exam | None, item: RemediationItem, **kwargs: Any) -> None:
        if exam is None:
            kwargs["initial"] = {"title": item.title, "team": item.team_id}
        else:
            names = ("title", "passing_percent", "attempts_allowed", "version")
            kwargs["initial"] = {name: getattr(exam, name) for name in names} | {
                "team": exam.team_id,
                "questions": as_text(exam.questions),
            }
        super().__init__(*args, **kwargs)

    def clean_questions(self) -> list[dict[str, Any]]:
        try:
            return exams.check_questions(from_text(self.cleaned_data["questions"]))
        except Invalid as refusal:
            number = refusal.field.split(".")[1:2]
            where = _("Question %(number)d: ") % {"number": int(number[0]) + 1} if number else ""
            raise forms.ValidationError(f"{where}{refusal.message}") from refusal


def from_text(text: str) -> list[dict[str, Any]]:
    """Questions as they are written in the form."""
    found: list[dict[str, Any]] = []
    current: dict[str, Any] | None = None
    for line in text.splitlines():
        stripped = line.strip()
        is_answer = stripped[:1] in {"-", "*"}
        if not stripped:
            current = None
        elif is_answer and current is not None:
            if stripped[0] == "*":
                current["right"].append(len(current["options"]))
            current["options"].append(stripped[1:].strip())
        elif current is not None and not current["options"]:
            current["text"] = f"{current['text']} {stripped}"
        else:
            current = {"text": stripped, "options": [], "right": []}
            found.append(current)
    for one in found:
        one["kind"] = exams.MULTIPLE if len(one["right"]) > 1 else exams.SINGLE
    return found


def as_text(questions: list[dict[str, Any]]) -> str:
    """The same, written out again."""
    return "\n\n".join(
        "\n".join(
            [
                one["text"],
                *(
                    f"{'*' if number in one['right'] else '-'} {option}"
                    for number, option in enumerate(one["options"])
                ),
            ]
        )
        for one in questions
    )


class SittingForm(forms.Form):
    """One field for each question; the right answers are not in it."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)

    def __init__(self, *args: Any, exam: Exam, **kwargs: Any) -> None:
        kwargs["initial"] = {"version": exam.version}
        super().__init__(*args, **kwargs)
        self._count = len(exam.questions)
        for number, asked in enumerate(exams.paper(exam)):
            choices = list(enumerate(asked["options"]))
            label = f"{number + 1}. {asked['text']}"
            if asked["kind"] == exams.SINGLE:
                field: forms.Field = forms.TypedChoiceField(
                    label=label, choices=choices, coerce=int, widget=forms.RadioSelect
                )
            else:
                field = forms.TypedMultipleChoiceField(
                    label=label,
                    choices=choices,
                    coerce=int,
                    widget=forms.CheckboxSelectMultiple,
                    help_text=_("Several may be right."),
                )
            self.fields[f"answer_{number}"] = field

    def answers(self) -> list[list[int]]:
        """For each question the numbers of what was chosen; call it on a valid form only."""
        given = [self.cleaned_data[f"answer_{number}"] for number in range(self._count)]
        return [one if isinstance(one, list) else [one] for one in given]
