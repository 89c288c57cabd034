"""Items that programs file before anything happened, once for a key of theirs (R16)."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail, values
from postmortem.errors import DomainError
from remediation.items.agreeing import agree
from remediation.models import RemediationItem


class KeyTaken(DomainError):
    """This key names an item that was filed with other contents; details: `item`, its public id."""

    code = "external_key_taken"


def propose(*, external_key: str, by: User, now: datetime, **promise: Any) -> RemediationItem:
    """File an item proactively; the same key with the same contents again is the same item.

    What people did with the item meanwhile stays. A program that has more to say files under another key, or
    edits the item.

    Args:
        external_key: names the proposal for the program that files it, among all proposals; at most 200
            characters.
        promise: as for `agree`, without review, causes and origin.

    Raises:
        KeyTaken: the key was used with other contents.
        What `agree` raises: nothing was written.
    """
    access.need(by, User.Role.MEMBER)
    key = values.text(external_key, field="external_key", longest=200, is_required=True)
    digest = _digest(promise)
    with trail.act("items.propose", by=by):
        with connection.cursor() as cursor:
            # Two at once with one key: the second waits and finds the first's item.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4))", [key])
        known = RemediationItem.objects.filter(external_key=key).first()
        if known is not None:
            if known.external_digest != digest:
                raise KeyTaken(
                    _("%(id)s was filed under this key, with other contents.") % {"id": known.public_id},
                    field="external_key",
                    details={"item": known.public_id},
                )
            return known
        item = agree(
            **promise, causes=[], review=None, origin=RemediationItem.Origin.PROACTIVE, by=by, now=now
        )
        item.external_key, item.external_digest = key, digest
        item.save(update_fields=["external_key", "external_digest"])
    return item


def _digest(promise: dict[str, Any]) -> str:
    """The contents as they were sent, whatever order they came in."""
    plain = {name: _plain(value) for name, value in promise.items() if value not in (None, "")}
    written = json.dumps(plain, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value.columns() if hasattr(value, "columns") else value
