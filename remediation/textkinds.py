"""The table of texts whose versions can be read: which columns, who sees them, which act saves them.

A new Markdown or text column is added here, or excused with a reason in the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from accounts.models import User
from postmortem import access, causes, changes, composition, incidents, pipelines, reviews, timelines
from postmortem.models import (
    Change,
    ChangeSearch,
    ChecklistEntry,
    Entry,
    Incident,
    LessonPoint,
    Review,
    ReviewStep,
    RootCause,
)
from remediation import checklists, items, plan
from remediation.models import RemediationItem

# Values by name; for an act those of `by` and `now`.
Doing = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """One text of a kind of record.

    Attributes:
        write: the act that saves it, called with the record, the value and `by` and `now`.
        words: the stored value as a text.
        try_first: what must be asked outside before the act, with no transaction open.
        fits: whether the record, as it is now, has such a text at all.
        may, is_open: who may write it, and when, where that differs from the rest of the record.
    """

    name: str
    write: Callable[[Any, Any, Doing], object]
    words: Callable[[Any], str] = str
    try_first: Callable[[Any, Any], object] | None = None
    fits: Callable[[Any], bool] | None = None
    may: Callable[[Any, User], bool] | None = None
    is_open: Callable[[Any], bool] | None = None


@dataclass(frozen=True)
class Kind:
    """A model with texts.

    Attributes:
        pattern: of a record's name; its groups are look-ups.
        named: the name of a record.
        visible: the rows a person may see, with all that the columns need.
        may: whether the person's role lets them write; `is_open`: whether anybody can at present.
    """

    model: type[Model]
    pattern: str
    named: Callable[[Any], str]
    visible: Callable[[User], QuerySet[Any]]
    may: Callable[[Any, User], bool]
    is_open: Callable[[Any], bool]
    columns: tuple[Column, ...]


# --- who may write, and when ---------------------------------------------------------------------------


def _member(_record: Any, user: User) -> bool:
    return user.is_at_least(User.Role.MEMBER)


def _facilitator(_record: Any, user: User) -> bool:
    return user.is_at_least(User.Role.FACILITATOR)


def _composer(review: Review, user: User) -> bool:
    is_theirs = user.pk in {review.owner_id, review.facilitator_id} and user.is_at_least(User.Role.MEMBER)
    return is_theirs or user.is_at_least(User.Role.FACILITATOR)


def _author(entry: Entry, user: User) -> bool:
    return entry.timeline.participant.user_id == user.pk and user.is_at_least(User.Role.MEMBER)


def _is_going(review: Review) -> bool:
    return review.opened_at is not None and not review.is_archived


def _is_unsigned(review: Review, kind: str) -> bool:
    return not any(step.is_signed for step in review.steps.filter(kind=kind))


def _is_free(incident: Incident) -> bool:
    return incident.review is None or not incident.review.is_archived


def _takes_changes(change: Change) -> bool:
    review = change.incident.review
    return review is None or (
        not review.is_archived and _is_unsigned(review, ReviewStep.Kind.CHANGE_CORRELATION)
    )


# --- by which act -------------------------------------------------------------------------------------


def _incident(name: str) -> Column:
    return Column(
        name, lambda row, value, how: incidents.edit(row, version=row.version, **{name: value}, **how)
    )


def _item(name: str) -> Column:
    return Column(
        name, lambda item, value, how: items.edit(item, version=item.version, **{name: value}, **how)
    )


def _lessons(name: str) -> Column:
    def write(review: Review, value: str, how: Doing) -> object:
        texts = {one: getattr(review, one) for one in ("went_well", "went_badly", "luck", "notes")}
        return reviews.write_lessons(review, version=review.version, **texts | {name: value}, **how)

    return Column(name, write)


def _step(name: str) -> Column:
    def write(step: ReviewStep, value: str, how: Doing) -> object:
        texts: Doing = {"finding": step.finding, "evidence": step.evidence}
        return reviews.write(step, version=step.version, **texts | {name: value}, **how)

    return Column(name, write)


def _entry(
    name: str,
    fits: Callable[[ChecklistEntry], bool] | None = None,
    *,
    words: Callable[[Any], str] = str,
    try_first: Callable[[Any, Any], object] | None = None,
) -> Column:
    def write(entry: ChecklistEntry, value: Any, how: Doing) -> object:
        asked = {"title": entry.title} | _asked(entry) | {name: value}
        return checklists.define(entry, version=entry.version, kind=entry.kind, **asked, **how)

    return Column(name, write, words=words, fits=fits, try_first=try_first)


def _asked(entry: ChecklistEntry) -> dict[str, Any]:
    names = (
        ("pipeline", "expectation", "pattern")
        if entry.kind == ChecklistEntry.Kind.COMMAND
        else ("promql", "comparator", "threshold", "source_name")
    )
    return {name: getattr(entry, name) for name in names}


def _try_query(entry: ChecklistEntry, value: str) -> object:
    return checklists.trial(kind=entry.kind, **_asked(entry) | {"promql": value})


def _is_command(entry: ChecklistEntry) -> bool:
    return entry.kind == ChecklistEntry.Kind.COMMAND


def _is_query(entry: ChecklistEntry) -> bool:
    return entry.kind == ChecklistEntry.Kind.PROMQL


def _has_pattern(entry: ChecklistEntry) -> bool:
    return _is_command(entry) and entry.expectation != ChecklistEntry.Expectation.SUCCESS


def _chain(whys: list[Mapping[str, str]]) -> str:
    """A chain of whys as a numbered list, each with its evidence below it."""
    lines = []
    for number, link in enumerate(whys, start=1):
        lines.append(f"{number}. {link['why']}")
        lines += [f"   {line}" for line in link.get("evidence", "").split("\n") if line]
    return "\n".join(lines)


# --- the table ----------------------------------------------------------------------------------------

_PM = "PM-[0-9]{4}-[0-9]{4,9}"
_ID = "(?P<pk>[0-9]{1,18})"

KINDS: tuple[Kind, ...] = (
    Kind(
        Incident,
        "(?P<public_id>INC-[0-9]{4}-[0-9]{4,9})",
        lambda incident: incident.public_id,
        lambda user: access.incidents(user).select_related("review", "severity"),
        _member,
        _is_free,
        (_incident("title"), _incident("summary"), _incident("phase")),
    ),
    Kind(
        Entry,
        f"entry-{_ID}",
        lambda entry: f"entry-{entry.pk}",
        lambda user: Entry.objects.filter(access.entry_q(user)).select_related(
            "timeline__participant__user", "timeline__participant__incident__review"
        ),
        _author,
        lambda entry: entry.timeline.filed_at is None and _is_free(entry.timeline.participant.incident),
        (Column("text", lambda entry, value, how: timelines.edit(entry, text=value, **how)),),
    ),
    Kind(
        Review,
        f"(?P<public_id>{_PM})",
        lambda review: review.public_id,
        access.reviews,
        _member,
        _is_going,
        (
            Column(
                "title",
                lambda review, value, how: composition.edit(
                    review, title=value, version=review.facts_version, **how
                ),
                may=_composer,
                is_open=lambda review: not review.is_archived,
            ),
            _lessons("went_well"),
            _lessons("went_badly"),
            _lessons("luck"),
            _lessons("notes"),
        ),
    ),
    Kind(
        ReviewStep,
        rf"(?P<review__public_id>{_PM})\.(?P<kind>{'|'.join(ReviewStep.Kind.values)})",
        lambda step: f"{step.review.public_id}.{step.kind}",
        lambda user: ReviewStep.objects.filter(access.review_q(user, "review__")).select_related("review"),
        _member,
        lambda step: _is_going(step.review) and not step.is_signed,
        (_step("finding"), _step("evidence")),
    ),
    Kind(
        RootCause,
        f"cause-{_ID}",
        lambda cause: f"cause-{cause.pk}",
        lambda user: RootCause.objects.filter(access.review_q(user, "review__")).select_related("review"),
        _member,
        lambda cause: _is_going(cause.review) and _is_unsigned(cause.review, ReviewStep.Kind.ROOT_CAUSE),
        (
            Column(
                "statement",
                lambda cause, value, how: causes.edit(
                    cause, statement=value, part=cause.part, version=cause.version, **how
                ),
            ),
            Column(
                "evidence",
                lambda cause, value, how: causes.settle(
                    cause, state=cause.state, evidence=value, version=cause.version, **how
                ),
            ),
            Column(
                "whys",
                lambda cause, value, how: causes.explain(cause, whys=value, version=cause.version, **how),
                words=_chain,
            ),
        ),
    ),
    Kind(
        LessonPoint,
        f"lesson-{_ID}",
        lambda point: f"lesson-{point.pk}",
        lambda user: LessonPoint.objects.filter(access.review_q(user, "review__")).select_related("review"),
        _facilitator,
        lambda point: _is_going(point.review),
        (
            Column(
                "declined_because",
                lambda point, value, how: plan.answer_lesson(
                    point, items=list(point.items.all()), reason=value, **how
                ),
            ),
        ),
    ),
    Kind(
        Change,
        f"change-{_ID}",
        lambda change: f"change-{change.pk}",
        lambda user: Change.objects.filter(access.incident_q(user, "incident__")).select_related(
            "incident__review"
        ),
        _member,
        _takes_changes,
        (
            Column("title", lambda change, value, how: changes.edit(change, title=value, **how)),
            Column(
                "reason",
                lambda change, value, how: changes.judge(change, verdict=change.verdict, reason=value, **how),
            ),
        ),
    ),
    Kind(
        ChangeSearch,
        rf"(?P<step__review__public_id>{_PM})\.change_search",
        lambda search: f"{search.step.review.public_id}.change_search",
        lambda user: ChangeSearch.objects.filter(access.review_q(user, "step__review__")).select_related(
            "step__review"
        ),
        _member,
        lambda search: _is_going(search.step.review) and not search.step.is_signed,
        (
            Column(
                "searched",
                lambda search, value, how: changes.state_none(search.step.review, searched=value, **how),
            ),
        ),
    ),
    Kind(
        ChecklistEntry,
        f"checklist-{_ID}",
        lambda entry: f"checklist-{entry.pk}",
        lambda user: ChecklistEntry.objects.filter(access.review_q(user, "review__")).select_related(
            "review"
        ),
        _member,
        lambda entry: _is_going(entry.review),
        (
            _entry("title"),
            _entry("pipeline", _is_command, words=pipelines.show),
            _entry("pattern", _has_pattern),
            _entry("promql", _is_query, try_first=_try_query),
        ),
    ),
    Kind(
        RemediationItem,
        "(?P<public_id>RI-[0-9]{4}-[0-9]{4,9})",
        lambda item: item.public_id,
        lambda user: items.visible_to(user).select_related("review"),
        _member,
        # The plan of an archived postmortem lives on.
        lambda _item: True,
        (_item("title"), _item("description")),
    ),
)
