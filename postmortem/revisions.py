"""What an archived review said: keep it, reopen it, compare it, and see whether it is unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, document, markup, trail, values
from postmortem.errors import DomainError
from postmortem.models import Addendum, Reopening, Review, Revision


class NotArchived(DomainError):
    """Only an archived review can be reopened or added to."""

    code = "not_archived"


@dataclass(frozen=True)
class Difference:
    """One place at which two contents differ.

    Attributes:
        path: the keys that lead there, such as ("steps", "root_cause", "finding").
        before, after: the values; None where there is none.
    """

    path: tuple[str, ...]
    before: Any
    after: Any


@dataclass(frozen=True)
class Fault:
    """Something archived that is not what was archived.

    Attributes:
        subject: for example "PM-2026-0001 r2".
        what: "stored content" (it does not give its hash), "review" (the row names another hash) or the
            dotted path at which today's rows differ from the standing revision.
    """

    subject: str
    what: str


def keep(review: Review, *, by: User, now: datetime) -> Review:
    """Write the revision of a locked review that lacks nothing, and archive it with that; part of an act."""
    text = document.canonical(document.content(review))
    revision = Revision.objects.create(
        review=review,
        number=review.revisions.count() + 1,
        content_json=text,
        content_hash=document.hash_of(text),
        archived_at=now,
        archived_by=by,
    )
    review.archived_at, review.archived_by, review.content_hash = now, by, revision.content_hash
    review.first_archived_at = review.first_archived_at or now
    review.save(update_fields=["archived_at", "archived_by", "content_hash", "first_archived_at"])
    return review


def reopen(review: Review, *, reason: str, by: User, now: datetime) -> Review:
    """Open a postmortem for changes again; its revision stays readable, and it is archived anew later.

    Signatures stay until a step is reopened, and closed incidents stay closed.

    Raises:
        Invalid: no reason.
        NotArchived: it is not archived.
        NotAllowed: below a facilitator.
    """
    access.need(by, User.Role.FACILITATOR)
    reason = values.text(reason, field="reason", longest=2000, is_required=True)
    with trail.act("revisions.reopen", by=by):
        review = Review.objects.select_for_update().get(pk=review.pk)
        revision = standing(review)
        if revision is None:
            raise NotArchived(_("%(id)s is not archived.") % {"id": review.public_id})
        Reopening.objects.create(revision=revision, reason=reason, reopened_at=now, reopened_by=by)
        review.archived_at, review.archived_by, review.content_hash = None, None, ""
        review.save(update_fields=["archived_at", "archived_by", "content_hash"])
    return review


def add_addendum(review: Review, *, text: str, by: User, now: datetime) -> Addendum:
    """Say below an archived postmortem what was learnt since; it stays as it is, and so does the revision.

    Raises:
        Invalid: no text, or one that cannot be rendered.
        NotArchived: while it is open it is changed instead.
        NotAllowed: a viewer.
    """
    access.need(by, User.Role.MEMBER)
    text = values.text(text, field="text", is_required=True)
    addendum = Addendum(review=review, text=text, added_at=now, added_by=by)
    markup.keep(addendum, "text")
    addendum.content_hash = addendum_hash(addendum)
    with trail.act("revisions.add_addendum", by=by):
        if not Review.objects.select_for_update().get(pk=review.pk).is_archived:
            raise NotArchived(_("%(id)s is not archived.") % {"id": review.public_id})
        addendum.save(force_insert=True)
    return addendum


def addendum_hash(addendum: Addendum) -> str:
    """SHA-256 of what an addendum says, who said it, when, and below what."""
    return document.hash_of(
        document.canonical(
            {
                "review": addendum.review.public_id,
                "text": addendum.text,
                "added_at": addendum.added_at.astimezone(UTC).isoformat(),
                "added_by": addendum.added_by_id,
            }
        )
    )


def standing(review: Review) -> Revision | None:
    """The revision that the review stands archived with; None while it is open."""
    return review.revisions.filter(reopening=None).first()


def last_reopening(review: Review) -> Reopening | None:
    """Why a review that was archived once is open now; None when it is archived, or never was."""
    if review.is_archived or review.first_archived_at is None:
        return None
    return (
        Reopening.objects.filter(revision__review=review)
        .select_related("revision", "reopened_by")
        .order_by("-id")
        .first()
    )


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Where two contents differ, in the order of the first; rows of lists are matched by what names them."""
    return list(_differences((), before, after))


# What names a row of a list, so that one more row does not make all later ones look changed.
_NAMES = ("public_id", "kind", "statement", "title", "id")


def _differences(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Difference]:
    before, after = _by_name(before), _by_name(after)
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _differences((*path, key), before.get(key), after.get(key))
    elif before != after:
        yield Difference(path, before, after)


def _by_name(value: Any) -> Any:
    """A list of named rows as a mapping; anything else as it is."""
    if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
        return value
    name = next((name for name in _NAMES if all(row.get(name) for row in value)), None)
    keys = [str(row[name]) if name else str(number) for number, row in enumerate(value, start=1)]
    if len(set(keys)) < len(keys):
        keys = [str(number) for number in range(1, len(value) + 1)]
    return dict(zip(keys, value, strict=True))


def verify() -> Iterator[Fault]:
    """Recompute every hash: of the revisions as stored, and of the rows that a standing one was made from.

    A revision of an earlier format is compared with its own hash only: today's rows say more than it did.
    """
    for addendum in Addendum.objects.select_related("review").iterator(chunk_size=200):
        if addendum_hash(addendum) != addendum.content_hash:
            yield Fault(str(addendum), "stored content")
    rows = Revision.objects.select_related("review", "reopening").order_by("review", "number")
    for revision in rows.iterator(chunk_size=200):
        if document.hash_of(revision.content_json) != revision.content_hash:
            yield Fault(str(revision), "stored content")
            continue
        if hasattr(revision, "reopening"):
            continue
        if revision.review.content_hash != revision.content_hash:
            yield Fault(str(revision), "review")
        stored, today = revision.content, document.plain(document.content(revision.review))
        if stored.get("format") == today["format"]:
            for difference in differences(stored, today):
                yield Fault(str(revision), ".".join(difference.path))
