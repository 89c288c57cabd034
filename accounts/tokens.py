"""Issue, read and revoke API tokens: `clp_<key id>.<secret>`."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from accounts.models import ApiToken, User

# The fixed prefix lets secret scanners recognise a leaked token.
_FORM = re.compile(r"clp_([0-9a-z]{12})\.([0-9A-Za-z_-]{43})")
LONGEST_LIFE = timedelta(days=366)


@dataclass(frozen=True)
class Presented:
    """A token as a caller presented it: its public id, and the digests its secret may have."""

    key_id: str
    digests: tuple[bytes, ...]


def _digest(secret: str, pepper: str) -> bytes:
    return hmac.digest(pepper.encode(), secret.encode(), "sha256")


def read_header(authorization: str) -> Presented | None:
    """The token in an Authorization header (`Bearer` or `Token`), or None when there is none of our form."""
    scheme, _, value = authorization.partition(" ")
    match = _FORM.fullmatch(value.strip()) if scheme.lower() in {"bearer", "token"} else None
    if match is None:
        return None
    key_id, secret = match.groups()
    return Presented(key_id, tuple(_digest(secret, pepper) for pepper in settings.TOKEN_PEPPERS))


def matches(stored: bytes | memoryview, presented: Presented) -> bool:
    """Whether the stored digest is one of the presented ones, compared in constant time."""
    return any(hmac.compare_digest(bytes(stored), digest) for digest in presented.digests)


def issue(
    *, owner: User, name: str, scopes: Iterable[str], expires_at: datetime, now: datetime
) -> tuple[ApiToken, str]:
    """Create a token and return it with its secret text, which can never be read again.

    Raises:
        ValueError: no scope, an unknown scope, or an expiry not within (now, now + 366 days].
    """
    chosen = sorted(set(scopes))
    if not chosen or not set(chosen) <= set(ApiToken.Scope.values):
        raise ValueError("scopes")
    if not now < expires_at <= now + LONGEST_LIFE:
        raise ValueError("expires_at")
    key_id = "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(12))
    secret = secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        key_id=key_id,
        secret_digest=_digest(secret, settings.TOKEN_PEPPERS[0]),
        name=name,
        owner=owner,
        scopes=chosen,
        created_at=now,
        expires_at=expires_at,
    )
    return token, f"clp_{key_id}.{secret}"


def find(presented: Presented, *, now: datetime) -> ApiToken | None:
    """The usable token that was presented, or None."""
    token = ApiToken.objects.select_related("owner").filter(key_id=presented.key_id).first()
    if token is None or not matches(token.secret_digest, presented) or not token.is_usable(now):
        return None
    return token


def note_use(token_id: int, *, now: datetime) -> None:
    """Remember that the token was used; at most one write a minute."""
    fresh = now - timedelta(minutes=1)
    ApiToken.objects.filter(id=token_id).exclude(last_used_at__gt=fresh).update(last_used_at=now)


def revoke(token: ApiToken, *, now: datetime) -> None:
    """End a token at once; revoking twice keeps the first moment."""
    ApiToken.objects.filter(id=token.id, revoked_at=None).update(revoked_at=now)
