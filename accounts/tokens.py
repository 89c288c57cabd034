"""Issue, read and revoke API tokens: `clp_<key id>.<secret>`."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import ApiToken, User

# The fixed prefix lets secret scanners recognise a leaked token.
_FORM = re.compile(r"clp_([0-9a-z]{12})\.([0-9A-Za-z_-]{43})")
LONGEST_LIFE = timedelta(days=366)
LONGEST_OVERLAP = timedelta(days=30)
# Only these scopes ask about a repository or a service.
FOR_LIMITS = frozenset({ApiToken.Scope.AUDIT.value, ApiToken.Scope.GATE.value})
MOST_LIMITS = 200
NOTED_EVERY = timedelta(minutes=1)
# Bytes of a secret, and of its digest.
_SIZE = 32


@dataclass(frozen=True)
class Presented:
    """A token as a caller presented it: its public id, the digests its secret may have, and from where.

    Attributes:
        address: of the caller, in its usual spelling; "" when it cannot be told (accounts/addresses.py).
    """

    key_id: str
    digests: tuple[bytes, ...]
    address: str = ""


def _digest(secret: str, pepper: str) -> bytes:
    return hmac.digest(pepper.encode(), secret.encode(), "sha256")


def read_header(authorization: str, *, address: str = "") -> Presented | None:
    """The token in an Authorization header (`Bearer` or `Token`), or None when there is none of our form.

    Args:
        address: from where it was presented, as `addresses.of_request` says it.
    """
    scheme, _, value = authorization.partition(" ")
    match = _FORM.fullmatch(value.strip()) if scheme.lower() in {"bearer", "token"} else None
    if match is None:
        return None
    key_id, secret = match.groups()
    digests = tuple(_digest(secret, pepper) for pepper in settings.TOKEN_PEPPERS)
    return Presented(key_id, digests, address)


def matches(stored: bytes | memoryview, presented: Presented) -> bool:
    """Whether one of the stored digests, one after the other, is presented; compared in constant time."""
    whole = bytes(stored)
    kept = [whole[place : place + _SIZE] for place in range(0, len(whole), _SIZE)]
    return any(hmac.compare_digest(one, digest) for one in kept for digest in presented.digests)


@dataclass(frozen=True)
class Limits:
    """What a token is limited to; an empty list is no limit.

    Attributes:
        repositories: as CI names them, or "group/*" for all below a group. For audit and gate only.
        services: slugs. For audit and gate only.
        networks: addresses or networks from which it may be used.
    """

    repositories: Sequence[str] = ()
    services: Sequence[str] = ()
    networks: Sequence[str] = ()


def issue(
    *,
    owner: User,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime,
    now: datetime,
    limits: Limits = Limits(),
) -> tuple[ApiToken, str]:
    """Create a token and return it with its secret text, which can never be read again.

    Raises:
        ValueError: the name of what is wrong: "scopes" (none, or an unknown one), "expires_at" (not within
            (now, now + 366 days]), "repositories" or "services" (with another scope than audit and gate, or
            no such text), "networks" (one is none).
    """
    chosen = sorted(set(scopes))
    if not chosen or not set(chosen) <= set(ApiToken.Scope.values):
        raise ValueError("scopes")
    if not now < expires_at <= now + LONGEST_LIFE:
        raise ValueError("expires_at")
    kept = _checked(limits, chosen)
    key_id = "".join(secrets.choice("0123456789abcdefghijklmnopqrstuvwxyz") for _ in range(12))
    secret = secrets.token_urlsafe(_SIZE)
    token = ApiToken.objects.create(
        key_id=key_id,
        secret_digest=_digest(secret, settings.TOKEN_PEPPERS[0]),
        name=name,
        owner=owner,
        scopes=chosen,
        created_at=now,
        expires_at=expires_at,
        repositories=list(kept.repositories),
        services=list(kept.services),
        networks=list(kept.networks),
    )
    return token, f"clp_{key_id}.{secret}"


def _checked(limits: Limits, scopes: Sequence[str]) -> Limits:
    for name, texts, longest in (
        ("repositories", limits.repositories, 200),
        ("services", limits.services, 80),
    ):
        if texts and not set(scopes) <= FOR_LIMITS:
            raise ValueError(name)
        if len(texts) > MOST_LIMITS or not all(
            0 < len(text) <= longest and text.isprintable() for text in texts
        ):
            raise ValueError(name)
    if len(limits.networks) > MOST_LIMITS:
        raise ValueError("networks")
    try:
        networks = [str(ip_network(text.strip(), strict=False)) for text in limits.networks]
    except ValueError:
        raise ValueError("networks") from None
    repositories, services, networks = (
        list(dict.fromkeys(texts)) for texts in (limits.repositories, limits.services, networks)
    )
    return Limits(repositories, services, networks)


@transaction.atomic
def rotate(token: ApiToken, *, keep: timedelta, expires_at: datetime, now: datetime) -> tuple[ApiToken, str]:
    """Give a token a new secret and return both; the old secret stays good for `keep`, and no longer.

    The token stays the same one: its scopes, limits and decisions. Only one old secret is good at a time: one
    that was still good from the rotation before ends now.

    Raises:
        ValueError: "token" (revoked, expired), "keep" (not within [0, 30 days]), "expires_at" as for `issue`.
    """
    row = ApiToken.objects.select_for_update().get(pk=token.pk)
    if row.revoked_at is not None or row.expires_at <= now:
        raise ValueError("token")
    if not timedelta(0) <= keep <= LONGEST_OVERLAP:
        raise ValueError("keep")
    if not now < expires_at <= now + LONGEST_LIFE:
        raise ValueError("expires_at")
    secret = secrets.token_urlsafe(_SIZE)
    has_overlap = keep > timedelta(0)
    row.previous_digest = bytes(row.secret_digest) if has_overlap else None
    # An old secret must not outlive what it was given.
    row.previous_until = min(now + keep, row.expires_at) if has_overlap else None
    row.secret_digest = _digest(secret, settings.TOKEN_PEPPERS[0])
    row.rotated_at, row.expires_at = now, expires_at
    row.save(update_fields=["previous_digest", "previous_until", "secret_digest", "rotated_at", "expires_at"])
    return row, f"clp_{row.key_id}.{secret}"


def refusal_words(field: str) -> str:
    """What to say of the field that `issue` or `rotate` refused."""
    return {
        "expires_at": _("Choose a moment from now on, at most %(days)d days ahead.")
        % {"days": LONGEST_LIFE.days},
        "repositories": _("Only a token of the gate alone (audit, gate) can be limited to repositories."),
        "services": _("Only a token of the gate alone (audit, gate) can be limited to services."),
        "networks": _("Write networks like 192.0.2.0/24."),
        "token": _("This token has ended and gets no new secret."),
    }.get(field, _("This value is not possible here."))


def find(presented: Presented, *, now: datetime) -> ApiToken | None:
    """The usable token that was presented, or None; where it may be used is `may_be_used_from`."""
    token = ApiToken.objects.select_related("owner").filter(key_id=presented.key_id).first()
    if token is None or not matches(token.digests(now), presented) or not token.is_usable(now):
        return None
    return token


def may_be_used_from(token: ApiToken, address: str) -> bool:
    """Whether the token's networks hold the address, or it has none; "" is in none of them."""
    if not token.networks:
        return True
    return bool(address) and any(ip_address(address) in ip_network(network) for network in token.networks)


def note_use(token_id: int, *, now: datetime) -> None:
    """Remember that the token was used; at most one write a minute."""
    fresh = now - NOTED_EVERY
    ApiToken.objects.filter(id=token_id).exclude(last_used_at__gt=fresh).update(last_used_at=now)


def revoke(token: ApiToken, *, now: datetime) -> None:
    """End a token at once; revoking twice keeps the first moment."""
    ApiToken.objects.filter(id=token.id, revoked_at=None).update(revoked_at=now)
