"""The phrases that teams add to the rules of wording or allow, and what is found in a text with them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Team, User
from postmortem import trail, values, wording
from postmortem.errors import Invalid, NotAllowed
from postmortem.models import Review, Service, WordingTerm
from postmortem.wording import Finding, Purpose, Term

# Each is looked for in every text that is checked.
MAX_TERMS = 200
FACTS = frozenset({"phrase", "is_allowed", "why", "suggestion"})


def may_edit(user: User, team: Team | None) -> bool:
    """Facilitators and above for every team and for everybody; the manager of a team for it."""
    is_manager = team is not None and team.manager_id == user.pk
    return user.is_at_least(User.Role.MEMBER if is_manager else User.Role.FACILITATOR)


def add(
    *,
    phrase: str,
    is_allowed: bool,
    why: str,
    by: User,
    now: datetime,
    suggestion: str = "",
    team: Team | None = None,
) -> WordingTerm:
    """Add a phrase to a team's list.

    Args:
        team: whose reviews and items it is for; None is everybody's.
        is_allowed: it passes; otherwise it blocks a signature like the shipped words do.
        why: shown to whoever writes the phrase; of an allowed one the reason for allowing it.

    Raises:
        Invalid: a value breaks a rule, the list is full, the phrase is there already, or it would allow a
            shipped word by itself.
        NotAllowed: neither facilitator nor the team's manager; nothing was written.
    """
    term = WordingTerm(team=team, created_at=now)
    facts = {"phrase": phrase, "is_allowed": is_allowed, "why": why, "suggestion": suggestion}
    return _store(term, facts, act="terms.add", by=by)


def edit(term: WordingTerm, *, by: User, now: datetime, **fields: Any) -> WordingTerm:
    """Change a phrase or what is said about it; not its team.

    Raises:
        Invalid, NotAllowed: as in `add`.
    """
    return _store(term, fields, act="terms.edit", by=by)


def remove(term: WordingTerm, *, by: User, now: datetime) -> None:
    """Take a phrase off its list; the trail keeps it.

    Raises:
        NotAllowed: nothing was written.
    """
    _need_right(by, term.team)
    with trail.act("terms.remove", by=by):
        WordingTerm.objects.filter(pk=term.pk).delete()


def of_teams(teams: Iterable[Team | int]) -> list[Term]:
    """What holds for texts of these teams: their lists and everybody's."""
    return _terms(Q(team__in=list(teams)))


def of_review(review: Review) -> list[Term]:
    """What holds for a review: the lists of the teams that own its incidents' services or are present.

    Source: docs/adr/0012.
    """
    owning = Service.objects.filter(incident_links__incident__review=review).values("team")
    return _terms(Q(team__in=owning) | Q(team__in=review.teams_present.values("pk")))


def find(text: str, *, purpose: Purpose, extra: list[Term]) -> list[Finding]:
    """`wording.find` in the reader's language: what the packs say is translated, what a team wrote stands."""
    found = wording.find(text, purpose=purpose, extra=extra)
    return [one if one.kind == "term" else _translated(one) for one in found]


def _terms(condition: Q) -> list[Term]:
    rows = WordingTerm.objects.filter(condition | Q(team=None))
    return [Term(row.phrase, row.is_allowed, row.why, row.suggestion) for row in rows]


def _translated(found: Finding) -> Finding:
    return Finding(**{**vars(found), "why": _(found.why), "suggestion": _(found.suggestion)})


def _store(term: WordingTerm, fields: dict[str, Any], *, act: str, by: User) -> WordingTerm:
    _need_right(by, term.team)
    with trail.act(act, by=by):
        if not term._state.adding:
            term = WordingTerm.objects.select_for_update(of=("self",)).get(pk=term.pk)
        values.fill(term, fields, allowed=FACTS)
        for name in ("phrase", "why", "suggestion"):
            setattr(term, name, values.text(getattr(term, name), field=name).strip())
        values.check(term)
        _refuse_unfit(term)
        term.save()
    return term


def _refuse_unfit(term: WordingTerm) -> None:
    if len(re.findall(r"\w", term.phrase)) < 2:
        raise Invalid(_("A phrase has at least two letters."), field="phrase")
    others = WordingTerm.objects.filter(team=term.team).exclude(pk=term.pk)
    if others.filter(phrase__iexact=term.phrase).exists():
        raise Invalid(_("This phrase is on the list already."), field="phrase")
    if term._state.adding and others.count() >= MAX_TERMS:
        raise Invalid(_("%(count)d phrases are the most.") % {"count": MAX_TERMS}, field="phrase")
    if term.is_allowed and (bare := _shipped(term.phrase)):
        raise Invalid(
            _("This would allow “%(word)s” everywhere. Write the whole phrase in which it is sound.")
            % {"word": bare},
            field="phrase",
        )


def _shipped(phrase: str) -> str:
    """The shipped word that makes up all of a phrase but a letter or two; "" where there is more to it."""
    rest, found = phrase, [one for one in wording.find(phrase) if one.blocks]
    for one in reversed(found):
        rest = rest[: one.start] + " " + rest[one.end :]
    return found[0].phrase if found and len(re.findall(r"\w", rest)) < 2 else ""


def _need_right(user: User, team: Team | None) -> None:
    if not may_edit(user, team):
        raise NotAllowed(_("This needs a facilitator or the team's manager."))
