"""How often somebody may try to log in: failures count by account and address together, and by address.

Never by account alone: then anybody who knows an address of mail could keep its owner out from everywhere.
The counts are in Redis, which all web processes share. Without Redis nobody is held back, and the log says
so: its loss must keep nobody from their work (docs/adr/0004).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import BaseCache, caches
from redis.exceptions import RedisError

from accounts import addresses

# Failures within the window; the next attempt has to wait for as long again.
WINDOW = timedelta(minutes=15)
MOST_OF_ACCOUNT = 10
# Of all accounts together; behind one address may be a whole office.
MOST_OF_ADDRESS = 60
# What administrators are told of.
TOLD_FOR = timedelta(days=1)
MOST_TOLD = 20
LOGINS, TOKENS = "logins", "tokens"

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True)
class Held:
    """Somebody who has to wait; `account` is "" for everybody at this address."""

    account: str
    address: str
    since: datetime


@dataclass(frozen=True)
class _Counter:
    key: str
    most: int
    account: str


def address_of(meta: Mapping[str, Any]) -> str:
    """From where somebody logs in; "" when it cannot be told, and then nobody is held back for it.

    Behind a proxy that TRUSTED_PROXIES does not name, every request seems to come from the proxy: its
    address would make one attacker everybody.

    Args:
        meta: the WSGI environment.
    """
    if settings.BEHIND_PROXY and addresses.Proxies() == settings.TRUSTED_PROXIES:
        return ""
    return addresses.of_request(meta)


def begin(*, account: str, address: str, now: datetime) -> timedelta | None:
    """Count an attempt to log in, before the password is looked at: a hundred at once must not all pass.

    Args:
        account: what was typed as the address of mail.
        address: as `address_of` says it.

    Returns:
        How long to wait, when there were too many; None to go on.
    """
    return _asked(lambda cache: _begin(cache, account, address, now), otherwise=None)


def succeeded(*, account: str, address: str) -> None:
    """The password was right: the attempt is no failure, and those before it were typing errors."""

    def forget(cache: BaseCache) -> None:
        of_account, *others = _counters(account, address)
        cache.delete(of_account.key)
        for counter in others:
            if cache.get(counter.key, 0) > 0:
                cache.decr(counter.key)

    if address:
        _asked(forget, otherwise=None)


def failed(*, account: str, address: str) -> None:
    """Write down that a password was wrong; never the password."""
    logger.warning("a login failed: account %.254r from %s", account, address or "an unknown address")
    _asked(lambda cache: _count(cache, f"total.{LOGINS}", None), otherwise=0)


def token_refused(*, key_id: str, address: str) -> None:
    """Write down that a token was unknown, revoked or expired; never its secret."""
    logger.warning("a token was refused: key %.20r from %s", key_id, address or "an unknown address")
    _asked(lambda cache: _count(cache, f"total.{TOKENS}", None), otherwise=0)


def totals() -> dict[str, int]:
    """How many logins failed and tokens were refused since Redis began to count."""
    names = (LOGINS, TOKENS)
    return _asked(lambda cache: {name: int(cache.get(f"total.{name}", 0)) for name in names}, otherwise={})


def held(now: datetime) -> list[Held]:
    """Who had to wait within the last day, the newest first."""
    rows: list[tuple[str, str, float]] = _asked(lambda cache: list(cache.get("held", [])), otherwise=[])
    found = [Held(account, address, datetime.fromtimestamp(at, UTC)) for account, address, at in rows]
    return [one for one in found if one.since > now - TOLD_FOR]


def _begin(cache: BaseCache, account: str, address: str, now: datetime) -> timedelta | None:
    counters = _counters(account, address) if address else []
    ends = [cache.get(f"held.{counter.key}", 0) for counter in counters]
    if waits := [end - now.timestamp() for end in ends if end > now.timestamp()]:
        return timedelta(seconds=max(waits))
    for counter, end in zip(counters, ends, strict=True):
        if end:
            # The wait is over: what was counted before it no longer counts.
            cache.delete_many([counter.key, f"held.{counter.key}"])
    is_full = False
    for counter in counters:
        over = _count(cache, counter.key, WINDOW) - counter.most
        is_full = is_full or over > 0
        # Of many at the same moment one writes it down.
        if over == 1:
            _hold(cache, counter, address, now)
    return WINDOW if is_full else None


def _hold(cache: BaseCache, counter: _Counter, address: str, now: datetime) -> None:
    seconds = WINDOW.total_seconds()
    cache.set(f"held.{counter.key}", (now + WINDOW).timestamp(), seconds)
    logger.warning(
        "logins are held back for %d minutes: %s from %s",
        seconds // 60,
        f"account {counter.account[:254]!r}" if counter.account else "every account",
        address,
    )
    rows = [(counter.account[:254], address, now.timestamp()), *cache.get("held", [])]
    cache.set("held", rows[:MOST_TOLD], TOLD_FOR.total_seconds())


def _counters(account: str, address: str) -> list[_Counter]:
    network, name = _network(address), account.strip().lower()
    # A key of Redis must be short and without spaces, whatever was typed.
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32]
    return [
        _Counter(f"account.{digest}.{network}", MOST_OF_ACCOUNT, name),
        _Counter(f"address.{network}", MOST_OF_ADDRESS, ""),
    ]


def _network(address: str) -> str:
    """The address; of IPv6 its /64, within which one machine picks addresses as it likes."""
    ip = ip_address(address)
    return str(ip_network(f"{ip}/64", strict=False)) if isinstance(ip, IPv6Address) else str(ip)


def _count(cache: BaseCache, key: str, lasts: timedelta | None) -> int:
    cache.add(key, 0, None if lasts is None else lasts.total_seconds())
    try:
        return cache.incr(key)
    except ValueError:
        # It ended between the two.
        cache.set(key, 1, None if lasts is None else lasts.total_seconds())
        return 1


def _asked(question: Callable[[BaseCache], T], *, otherwise: T) -> T:
    try:
        return question(caches["attempts"])
    except RedisError as problem:
        logger.error("attempts are not counted, Redis does not answer: %s", type(problem).__name__)
        return otherwise
