"""Document templates: what a review asks in each step, and what its texts begin with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from postmortem import access, markup, trail, values
from postmortem.errors import Invalid
from postmortem.models import (
    LONGEST_QUESTION,
    MAX_QUESTIONS,
    MAX_SKELETON,
    Incident,
    ReviewStep,
    ReviewTemplate,
    Severity,
    TemplateSeverity,
    TemplateStep,
)

# What the program brings along, in the reader's language; used where no template of the house fits.
_SHIPPED: dict[str, tuple[Promise, ...]] = {
    ReviewStep.Kind.PHENOMENON.value: (
        gettext_lazy("What did users see, and what did we see? From when to when?"),
        gettext_lazy("How many were hit, how badly, and how is that counted?"),
        gettext_lazy("Who noticed first, by what, and how long after it began?"),
        gettext_lazy("What went on working? That narrows the place down."),
    ),
    ReviewStep.Kind.METRIC_ANOMALY.value: (
        gettext_lazy("Which metric left its usual band first, and which followed?"),
        gettext_lazy("What is usual at this hour, and by how much was it exceeded?"),
        gettext_lazy("Which limit was reached: connections, threads, memory, quota?"),
        gettext_lazy("Which alert fired, or should have?"),
    ),
    ReviewStep.Kind.CHANGE_CORRELATION.value: (
        gettext_lazy("What changed in the day before: deploys, flags, configuration, schema, traffic?"),
        gettext_lazy("What changed at those we depend on?"),
        gettext_lazy("Does undoing the change undo the effect? Was that tried?"),
        gettext_lazy("Where was searched and nothing found?"),
    ),
    ReviewStep.Kind.ROOT_CAUSE.value: (
        gettext_lazy("What had to be so for this to happen, whoever was at the keyboard?"),
        gettext_lazy("How was it reproduced, or which reading would have come out differently?"),
        gettext_lazy("Why did no test, no review and no alert stop it earlier?"),
        gettext_lazy("Where else is the same thing so?"),
    ),
}


@dataclass(frozen=True, slots=True)
class Guide:
    """What one step asks, and what its finding begins with."""

    questions: Sequence[str]
    skeleton: str


def shipped() -> dict[str, Guide]:
    """What the program brings along, by kind of step, in the language of the moment."""
    return {kind: Guide([str(one) for one in asked], "") for kind, asked in _SHIPPED.items()}


def of(incidents: Iterable[Incident]) -> dict[str, Guide]:
    """What a review of these incidents asks, by kind of step.

    The active template for the worst severity, else the active one that names no severity, else `shipped`.
    """
    ranked = sorted({incident.severity_id: incident for incident in incidents}.values(), key=_rank)
    active = ReviewTemplate.objects.filter(is_active=True).prefetch_related("severity_links", "steps")
    found = list(active.order_by("id"))
    for incident in ranked[:1]:
        for template in found:
            if incident.severity_id in {link.severity_id for link in template.severity_links.all()}:
                return written(template)
    for template in found:
        if not template.severity_links.all():
            return written(template)
    return shipped()


def save(
    template: ReviewTemplate | None,
    *,
    name: str,
    severities: Sequence[Severity],
    steps: Mapping[str, Guide],
    is_active: bool,
    by: User,
    now: datetime,
) -> ReviewTemplate:
    """Write a new template (None) or an existing one anew. Reviews that have begun keep their texts.

    Args:
        severities: whom it is for; none makes it the one for all severities without one of their own.
        steps: by kind of step; a kind that is left out asks nothing.

    Raises:
        Invalid: a value breaks a rule, or another active template is for the same severity.
        NotAllowed: not a governor; nothing was written.
    """
    access.need(by, User.Role.GOVERNOR)
    sound = {kind: _sound(kind, steps.get(kind)) for kind in ReviewStep.Kind.values}
    if unknown := sorted(steps.keys() - sound.keys()):
        raise Invalid(_("There is no step “%(name)s”.") % {"name": unknown[0][:40]}, field="steps")
    if not all(isinstance(severity, Severity) for severity in severities):
        raise Invalid(_("This is not a severity."), field="severities")
    with trail.act("guides.save", by=by):
        row = ReviewTemplate.objects.select_for_update().get(pk=template.pk) if template else ReviewTemplate()
        row.name, row.is_active = name, is_active
        values.check(row)
        _refuse_twin(row, severities)
        row.save()
        row.severity_links.all().delete()
        TemplateSeverity.objects.bulk_create(
            TemplateSeverity(template=row, severity=severity) for severity in severities
        )
        for kind, guide in sound.items():
            facts = {"questions": list(guide.questions), "skeleton": guide.skeleton}
            TemplateStep.objects.update_or_create(template=row, kind=kind, defaults=facts)
    return row


def remove(template: ReviewTemplate, *, by: User, now: datetime) -> None:
    """Take a template away; the trail keeps it.

    Raises:
        NotAllowed: not a governor.
    """
    access.need(by, User.Role.GOVERNOR)
    with trail.act("guides.remove", by=by):
        ReviewTemplate.objects.filter(pk=template.pk).delete()


def _refuse_twin(row: ReviewTemplate, severities: Sequence[Severity]) -> None:
    others = ReviewTemplate.objects.exclude(pk=row.pk)
    if others.filter(name=row.name).exists():
        raise Invalid(_("There is a template of this name already."), field="name")
    if not row.is_active:
        return
    active = others.filter(is_active=True)
    twins = (
        active.filter(severity_links__severity__in=severities)
        if severities
        else active.filter(severity_links=None)
    )
    if twin := twins.first():
        raise Invalid(
            _("“%(name)s” is active for the same; make it inactive first.") % {"name": twin},
            field="severities",
        )


def _sound(kind: str, guide: Guide | None) -> Guide:
    if guide is None:
        return Guide([], "")
    field = f"steps.{kind}"
    questions = [
        values.text(one, field=f"{field}.questions", longest=LONGEST_QUESTION).strip()
        for one in guide.questions
    ]
    questions = [one for one in questions if one]
    if len(questions) > MAX_QUESTIONS:
        raise Invalid(
            _("%(count)d questions are the most.") % {"count": MAX_QUESTIONS}, field=f"{field}.questions"
        )
    skeleton = values.text(guide.skeleton, field=f"{field}.skeleton", longest=MAX_SKELETON)
    # What cannot be rendered could not be the text of a step.
    markup.render(skeleton, field=f"{field}.skeleton")
    return Guide(questions, skeleton)


def written(template: ReviewTemplate) -> dict[str, Guide]:
    """What a template asks, by kind of step."""
    asked = {step.kind: Guide(step.questions, step.skeleton) for step in template.steps.all()}
    return {kind: asked.get(kind, Guide([], "")) for kind in ReviewStep.Kind.values}


def _rank(incident: Incident) -> int:
    return incident.severity.rank
