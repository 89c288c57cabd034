"""Service accounts own tokens of programs: a pipeline must not end with somebody's employment."""

from __future__ import annotations

import secrets
from datetime import datetime

from django.db import transaction

from accounts.models import ApiToken, User

# Reserved by RFC 2606: no mail can go there.
_DOMAIN = "service.invalid"
ROLES = (User.Role.VIEWER, User.Role.MEMBER)
LONGEST_NAME = 120


def create(*, name: str, role: str = User.Role.VIEWER) -> User:
    """A new service account. It has no password and no pages, and can own nothing but tokens.

    Args:
        role: viewer or member; what its tokens may do at most. The gate asks for no role.

    Raises:
        ValueError: "name" is blank or too long, or "role" is another one.
    """
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise ValueError("name")
    if role not in ROLES:
        raise ValueError("role")
    return User.objects.create_user(
        f"{secrets.token_hex(6)}@{_DOMAIN}", None, name=name, role=role, is_service=True
    )


@transaction.atomic
def end(account: User, *, now: datetime) -> int:
    """Deactivate a service account and revoke its tokens; how many were revoked. Twice is as once.

    Raises:
        ValueError: "account": it is a person.
    """
    row = User.objects.select_for_update().get(pk=account.pk)
    if not row.is_service:
        raise ValueError("account")
    if row.is_active:
        row.is_active = False
        row.save(update_fields=["is_active"])
    return ApiToken.objects.filter(owner=row, revoked_at=None).update(revoked_at=now)
