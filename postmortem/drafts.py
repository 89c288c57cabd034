"""Keep what a person is typing until they save it: each draft belongs to its writer alone."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import secrets, trail, values
from postmortem.errors import DomainError, Invalid
from postmortem.models import Draft

KEPT_FOR = timedelta(days=30)
# So long a discarded draft can be taken back.
UNDO_FOR = timedelta(minutes=10)
# So long what was on its way when its form was saved is still recognised.
CLOSED_FOR = timedelta(days=1)
MOST = 100
MOST_FIELDS = 400
# Of all names and values together, in bytes.
MAX_BYTES = 1024 * 1024
_PAGE = re.compile(r"[A-Za-z0-9_-]{16,32}")
_MOST_NUMBER = 2**53


class DraftClosed(DomainError):
    """The form of this draft was saved meanwhile."""

    code = "draft_closed"


class DraftTooLong(DomainError):
    """More than a draft may hold."""

    code = "draft_too_long"


@dataclass(frozen=True)
class Made:
    """What a form has made: where it is, and what it is called there."""

    url: str
    words: str


def is_page(value: object) -> bool:
    """Whether this can be the name of an opened page."""
    return isinstance(value, str) and _PAGE.fullmatch(value) is not None


def save(
    *,
    key: str,
    page: str,
    number: int,
    fields: Mapping[str, Sequence[str]],
    base_version: int | None,
    by: User,
    now: datetime,
) -> Draft | None:
    """Keep what stands in a form now; no fields mean that there is nothing to keep any more.

    Secrets are masked as in entries, whatever the form: nobody has decided yet that this is to be stored.
    Over `MOST` drafts the oldest goes.

    Args:
        number: counts the saves of the page; an older one than the stored changes nothing.

    Raises:
        DraftClosed: the form was saved; nothing was written.
        DraftTooLong: over `MAX_BYTES` or `MOST_FIELDS`; the draft before it stays.
        Invalid: no page, no text, or the page is known as that of another form.
    """
    key = values.text(key, field="key", longest=200, is_required=True)
    if not is_page(page):
        raise Invalid(_("This must be a text."), field="page")
    if not 0 <= number <= _MOST_NUMBER:
        raise Invalid(_("This must be a whole number."), field="number")
    kept = _masked(fields)
    with trail.act("drafts.save", by=by):
        _one_at_a_time(by)
        draft = Draft.objects.filter(owner=by, page=page).first()
        if draft is None:
            draft = Draft(owner=by, page=page, key=key)
        elif draft.closed_at is not None:
            raise DraftClosed(_("The form was saved meanwhile."))
        elif draft.key != key:
            raise Invalid(_("This page has another form."), field="page")
        elif number <= draft.number:
            return draft
        if not kept:
            if draft.pk is not None:
                draft.delete()
            return None
        draft.number, draft.fields, draft.base_version = number, kept, base_version
        draft.saved_at, draft.discarded_at = now, None
        draft.save()
        _drop_oldest(by)
    return draft


def close(
    *, page: str, by: User, now: datetime, key: str = "", made: Made | None = None, content_hash: str = ""
) -> None:
    """The form of a page was saved: its draft goes, and what is still on its way is not taken any more.

    Args:
        made: by a form that makes something new each time; `find_made` finds it.
        key, content_hash: of that form, by which it is known again without its page.
    """
    if not is_page(page):
        return
    saved = {"fields": {}, "closed_at": now, "discarded_at": None}
    if made is not None:
        saved |= {
            "key": key[:200],
            "made_url": made.url[:300],
            "made_words": made.words[:200],
            "content_hash": content_hash,
        }
    with trail.act("drafts.close", by=by):
        _one_at_a_time(by)
        Draft.objects.update_or_create(
            owner=by,
            page=page,
            defaults=saved,
            create_defaults={"key": "", "saved_at": now} | saved,
        )


def find_made(*, pages: Collection[str], key: str, content_hash: str, by: User) -> Made | None:
    """What a form of this person has made within `CLOSED_FOR`, by its page or by what it was sent with.

    Until the end of the act no other form of theirs is saved: a second press finds what the first made.
    """
    _one_at_a_time(by)
    is_same = Q(page__in=pages) | Q(key=key, content_hash=content_hash)
    row = Draft.objects.filter(is_same, owner=by).exclude(made_url="").order_by("-closed_at").first()
    return Made(row.made_url, row.made_words) if row is not None else None


def is_closed(*, page: str, by: User) -> bool:
    """Whether the form of a page was saved within `CLOSED_FOR`; until the end of the act no other save is."""
    if not is_page(page):
        return False
    _one_at_a_time(by)
    return Draft.objects.filter(owner=by, page=page).exclude(closed_at=None).exists()


def discard(draft: Draft, *, by: User, now: datetime) -> Draft:
    """Throw a draft of one's own away; for `UNDO_FOR` it can be taken back."""
    return _mark(draft, now, by=by, act="drafts.discard")


def take_back(draft: Draft, *, by: User, now: datetime) -> Draft:
    """Undo `discard`."""
    return _mark(draft, None, by=by, act="drafts.take_back")


def _mark(draft: Draft, discarded_at: datetime | None, *, by: User, act: str) -> Draft:
    with trail.act(act, by=by):
        Draft.objects.filter(pk=draft.pk, owner=by, closed_at=None).update(discarded_at=discarded_at)
    draft.discarded_at = discarded_at
    return draft


def of(person: User, *, now: datetime) -> QuerySet[Draft]:
    """The drafts of a person that can be restored, or taken back, the newest first."""
    return Draft.objects.filter(
        Q(discarded_at=None) | Q(discarded_at__gt=now - UNDO_FOR),
        owner=person,
        closed_at=None,
        saved_at__gt=now - KEPT_FOR,
    )


def forget_old(*, now: datetime) -> int:
    """Delete what can no longer be restored; how many that were."""
    gone = Draft.objects.filter(
        Q(saved_at__lte=now - KEPT_FOR)
        | Q(discarded_at__lte=now - UNDO_FOR)
        | Q(closed_at__lte=now - CLOSED_FOR)
    )
    count, _rows = gone.delete()
    return count


def _one_at_a_time(owner: User) -> None:
    """Saves of one person wait for each other.

    Not by a lock on the person's row: acts lock that of an owner, so two people who each agree an item for
    the other would wait for ever.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"drafts/{owner.pk}"])


def _drop_oldest(owner: User) -> None:
    open_ones = Draft.objects.filter(owner=owner, closed_at=None).order_by("-saved_at", "-id")
    too_many = list(open_ones.values_list("pk", flat=True)[MOST : 2 * MOST])
    if too_many:
        Draft.objects.filter(pk__in=too_many).delete()


def _masked(fields: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    if len(fields) > MOST_FIELDS or _size(fields) > MAX_BYTES:
        raise DraftTooLong(_("This is too long to be kept as a draft: save it."))
    return {
        values.text(name, field="fields", longest=100): [
            secrets.mask(values.text(value, field="fields", longest=MAX_BYTES))[0] for value in found
        ]
        for name, found in fields.items()
    }


def _size(fields: Mapping[str, Collection[str]]) -> int:
    return len(json.dumps(dict(fields), ensure_ascii=False).encode(errors="replace"))
