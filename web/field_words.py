"""What the fields of a form are called, for a page that has only what was sent, and nobody logged in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django import forms
from django.urls import Resolver404, resolve
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from postmortem.models import Incident
from web.forms import causes, checklists, checks, evidence, incidents, items, reviews, timelines

Form = type[forms.BaseForm]

# By the address a form is sent to; the parts of one page stand together.
_FORMS: dict[str, tuple[Form, ...]] = {
    "addendum_new": (reviews.AddendumForm,),
    "cause_edit": (causes.CauseForm,),
    "cause_new": (causes.NewCauseForm,),
    "cause_settle": (causes.SettleForm,),
    "cause_whys": (causes.WhysForm,),
    "change_edit": (evidence.ChangeForm,),
    "change_new": (evidence.ChangeForm,),
    "change_search": (evidence.SearchForm,),
    "checklist_add": (checklists.ChecklistForm,),
    "checklist_edit": (checklists.ChecklistForm,),
    "entry_edit": (incidents.EntryForm,),
    "incident_edit": (incidents.IncidentForm,),
    "incident_new": (incidents.IncidentForm, incidents.InviteForm),
    "item_edit": (items.ItemEditForm,),
    "item_new": (items.ItemForm, checks.CheckForm),
    "lesson_answer": (reviews.AnswerForm,),
    "lessons": (reviews.LessonsForm,),
    "measurement_state": (evidence.StateForm,),
    "review_edit": (reviews.ReviewForm,),
    "review_new": (reviews.NewReviewForm,),
    "review_reopen": (incidents.ReasonForm,),
    "step_sign": (reviews.StepForm,),
    "step_write": (reviews.StepForm,),
    "timeline": (timelines.LineForm,),
    "timeline_paste": (timelines.PasteForm,),
}


@dataclass(frozen=True)
class Said:
    """One field that was filled in: its label, and the words in it; or what was chosen there."""

    label: str
    text: str
    is_choice: bool


def said(path: str, fields: Mapping[str, Sequence[str]]) -> list[Said]:
    """What a form that was sent to a path says, in the order it was sent.

    A choice among records is left out: its words are looked up for nobody who is not logged in.
    """
    found = []
    for name, values in fields.items():
        field = _field(path, name)
        words = [_words(field, value) for value in values if value.strip()]
        if text := "\n".join(filter(None, words)):
            is_choice = isinstance(field, forms.ChoiceField | forms.BooleanField)
            found.append(Said(_label(field, name), text, is_choice))
    return found


def _field(path: str, name: str) -> forms.Field | None:
    """The field of a name as it was sent, be it within a row or a part of the page: check-title."""
    bare = name.rpartition("-")[2]
    for form in _forms_of(path):
        if bare in form.base_fields:
            return form.base_fields[bare]
        if form is incidents.IncidentForm and bare in incidents.FACTS:
            return Incident._meta.get_field(bare).formfield()
    return None


def _forms_of(path: str) -> Iterator[Form]:
    try:
        yield from _FORMS.get(resolve(path).url_name or "", ())
    except Resolver404:
        return


def _label(field: forms.Field | None, name: str) -> str:
    label = str(field.label or "") if field is not None else ""
    return str(capfirst(label or name.rpartition("-")[2].replace("_", " ")))


def _words(field: forms.Field | None, value: str) -> str:
    if isinstance(field, forms.ModelChoiceField) or (field is not None and field.widget.is_hidden):
        return ""
    if isinstance(field, forms.BooleanField):
        return _("yes")
    if isinstance(field, forms.ChoiceField):
        return next((str(label).strip() for key, label in field.choices if str(key) == value), value)
    return value.strip()
