"""The typed evidence of step 3: record what changed, say what it had to do with it, or that nothing did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, evidence_steps, trail, values
from postmortem.errors import DomainError, Invalid
from postmortem.incidents import refuse_archived
from postmortem.models import Change, ChangeSearch, Incident, Review, ReviewStep, Service

MAX_CHANGES = 500

# What may be said of a change, apart from what the review makes of it.
FACTS = frozenset({"happened_at", "kind", "title", "url", "service", "external_key"})


class ChangesFound(DomainError):
    """A change is suspected or found guilty, so nobody can say that none was found; details["changes"]."""

    code = "changes_found"


class ChangeUndecided(DomainError):
    """Changes are still only suspects; details["changes"] lists {id, title}."""

    code = "change_undecided"


def record(
    incident: Incident,
    *,
    happened_at: datetime,
    kind: str,
    title: str,
    by: User,
    now: datetime,
    url: str = "",
    service: Service | None = None,
    external_key: str = "",
    source: str = Change.Source.PERSON,
) -> Change:
    """Write down a change around an incident; at first it is a suspect.

    Args:
        external_key: names the change for the program that reports it, unique in its incident. Reporting the
            same again changes nothing; reporting it with other facts corrects them and keeps the verdict.

    Raises:
        Invalid: a value breaks a rule.
        StepSigned, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    facts = {"happened_at": happened_at, "kind": kind, "title": title, "url": url, "service": service}
    facts |= {"external_key": external_key}
    with trail.act("changes.record", by=by):
        # Two programs may report the same change at once: the second must see the first.
        incident = Incident.objects.select_for_update(of=("self",)).get(pk=incident.pk)
        known = find(incident, external_key)
        if known is not None and all(getattr(known, name) == value for name, value in facts.items()):
            return known
        _open_to_changes(incident)
        if known is None and incident.changes.count() >= MAX_CHANGES:
            raise Invalid(_("%(count)d changes are the most.") % {"count": MAX_CHANGES}, field="title")
        change = known or Change(incident=incident, source=source, added_by=by, added_at=now)
        _state(change, facts, now=now)
        change.save()
    return change


def find(incident: Incident, external_key: str) -> Change | None:
    """The change that a program reported under this key; None for a new or an empty one."""
    if not isinstance(external_key, str) or not external_key or "\x00" in external_key:
        return None
    return incident.changes.filter(external_key=external_key).first()


def edit(change: Change, *, by: User, now: datetime, **facts: Any) -> Change:
    """Correct what is said of a change.

    Args:
        facts: any of `FACTS`.

    Raises:
        Invalid, StepSigned, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("changes.edit", by=by):
        change = _locked(change)
        _state(change, facts, now=now)
        key = change.external_key
        if key and change.incident.changes.filter(external_key=key).exclude(pk=change.pk).exists():
            raise Invalid(_("Another change of this incident has this key."), field="external_key")
        change.save()
    return change


def judge(change: Change, *, verdict: str, reason: str, by: User, now: datetime) -> Change:
    """Say what a change had to do with the incident: suspect, culprit or cleared.

    Args:
        reason: what showed it; only a suspect needs none.

    Raises:
        Invalid, StepSigned, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    verdict = values.choice(verdict, Change.Verdict, field="verdict")
    is_settled = verdict != Change.Verdict.SUSPECT
    reason = values.text(reason, field="reason", longest=4000, is_required=is_settled)
    with trail.act("changes.judge", by=by):
        change = _locked(change)
        change.verdict, change.reason = verdict, reason
        change.judged_by, change.judged_at = by, now
        change.save()
    return change


def remove(change: Change, *, by: User, now: datetime) -> None:
    """Take a change back that was recorded by mistake; the trail keeps it.

    Raises:
        StepSigned, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("changes.remove", by=by):
        _locked(change).delete()


def state_none(review: Review, *, searched: str, by: User, now: datetime) -> ChangeSearch:
    """State that no change explains what happened, and where one was searched for.

    Stating it again replaces what was stated before.

    Raises:
        ChangesFound: a change is a suspect or a culprit; clear it first.
        Invalid, StepSigned, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    searched = values.text(searched, field="searched", longest=4000, is_required=True)
    with trail.act("changes.state_none", by=by):
        step = evidence_steps.writable(review, ReviewStep.Kind.CHANGE_CORRELATION)
        if found := _uncleared(review):
            raise _changes_found(found)
        facts = {"searched": searched, "stated_by": by, "stated_at": now}
        return ChangeSearch.objects.update_or_create(step=step, defaults=facts)[0]


def withdraw_none(review: Review, *, by: User, now: datetime) -> None:
    """Take the statement back that no change was found; without one there is nothing to do.

    Raises:
        StepSigned, ReviewNotOpen, Archived, NotAllowed: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    with trail.act("changes.withdraw_none", by=by):
        step = evidence_steps.writable(review, ReviewStep.Kind.CHANGE_CORRELATION)
        ChangeSearch.objects.filter(step=step).delete()


def of(review: Review) -> Sequence[Change]:
    """The changes around all incidents of a review, the earliest first."""
    return list(
        Change.objects.filter(incident__review=review)
        .select_related("incident", "service", "judged_by")
        .order_by("happened_at", "id")
    )


def around(incident: Incident) -> Sequence[Change]:
    """The changes around one incident, the earliest first; it may have no review yet."""
    return list(incident.changes.select_related("service", "judged_by").order_by("happened_at", "id"))


def is_evidence(review: Review) -> bool:
    """Whether what was found about changes is evidence by itself: some were recorded, or none was found.

    Raises:
        ChangeUndecided: some changes are still only suspects.
    """
    found = of(review)
    if undecided := [one for one in found if one.verdict == Change.Verdict.SUSPECT]:
        raise ChangeUndecided(
            _("Settle what these changes had to do with it: %(titles)s.") % {"titles": _titles(undecided)},
            field="changes",
            details={"changes": _named(undecided)},
        )
    return bool(found) or ChangeSearch.objects.filter(step__review=review).exists()


def refuse_contradiction(review: Review) -> None:
    """Refuse that it is said that no change was found while one is on record that is not cleared.

    Raises:
        ChangesFound.
    """
    if (found := _uncleared(review)) and ChangeSearch.objects.filter(step__review=review).exists():
        raise _changes_found(found)


def _uncleared(review: Review) -> list[Change]:
    return [change for change in of(review) if change.verdict != Change.Verdict.CLEARED]


def _changes_found(found: Sequence[Change]) -> ChangesFound:
    return ChangesFound(
        _("It cannot be said that no change was found: these are not cleared: %(titles)s.")
        % {"titles": _titles(found)},
        details={"changes": _named(found)},
    )


def _titles(found: Sequence[Change]) -> str:
    return ", ".join(f"“{change.title}”" for change in found[:5]) + ("…" if len(found) > 5 else "")


def _named(found: Sequence[Change]) -> list[dict[str, Any]]:
    return [{"id": change.pk, "title": change.title} for change in found]


def _locked(change: Change) -> Change:
    _open_to_changes(change.incident)
    return Change.objects.select_for_update(of=("self",)).select_related("incident").get(pk=change.pk)


def _open_to_changes(incident: Incident) -> None:
    """Changes are recorded from the first minute on, long before there is a review; its signature ends it."""
    refuse_archived(incident)
    steps = ReviewStep.objects.select_for_update(of=("self",))
    step = steps.filter(review__incidents=incident.pk, kind=ReviewStep.Kind.CHANGE_CORRELATION).first()
    if step is not None:
        evidence_steps.refuse_signed(step)
        evidence_steps.unsign_stale(step)


def _state(change: Change, facts: dict[str, Any], *, now: datetime) -> None:
    if not isinstance(facts.get("service"), Service | None):
        raise Invalid(_("This is not a service."), field="service")
    values.fill(change, facts, allowed=FACTS)
    values.past(change.happened_at, field="happened_at", now=now)
    values.check(change)
    if change.url and not change.url.lower().startswith(("http://", "https://")):
        raise Invalid(_("The link must begin with http:// or https://."), field="url")
