"""From where a request comes: the peer, or whom the proxies in front of us say they speak for.

`X-Forwarded-For` is written by whoever sends the request; each proxy adds at its end the address it was asked
from. So the header says nothing unless the peer is a proxy that was named in TRUSTED_PROXIES, and then it is
read from its end, only as far as the hops are such proxies too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

from django.conf import settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What a proxy on the same machine, that reaches us through a Unix socket, is called in TRUSTED_PROXIES.
SOCKET = "unix"
# More hops than anybody has proxies: a longer header was not written by ours.
_MOST_HOPS = 20


class Proxies(NamedTuple):
    """The proxies whose word counts; `has_socket`: also whoever asks through a Unix socket."""

    networks: tuple[Network, ...] = ()
    has_socket: bool = False

    def trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def read_proxies(words: Iterable[str]) -> Proxies:
    """The proxies that a setting names by address, network or the word "unix".

    Raises:
        ValueError: a word is none of these.
    """
    chosen = list(words)
    return Proxies(
        tuple(ip_network(word, strict=False) for word in chosen if word != SOCKET),
        has_socket=SOCKET in chosen,
    )


def of_request(meta: Mapping[str, Any]) -> str:
    """The address that a request comes from, in its usual spelling; "" when it cannot be told.

    Args:
        meta: the WSGI environment.
    """
    proxies: Proxies = settings.TRUSTED_PROXIES
    remote = meta.get("REMOTE_ADDR") or ""
    if proxies == _NO_PROXIES:
        return _spelled(remote)
    return resolve(remote, meta.get("HTTP_X_FORWARDED_FOR", ""), proxies)


def resolve(remote: str, forwarded: str, proxies: Proxies) -> str:
    """The address of the client: the last hop that is no trusted proxy; "" when it cannot be told.

    Args:
        remote: the peer's address; "" for a Unix socket.
        forwarded: the value of `X-Forwarded-For`, "" when there is none.
    """
    hop = _read(remote)
    if hop is None and not (proxies.has_socket and remote in {"", SOCKET}):
        return ""
    if hop is not None and not proxies.trusts(hop):
        return str(hop)
    entries = [entry for entry in forwarded.split(",") if entry.strip()]
    if len(entries) > _MOST_HOPS:
        return ""
    for entry in reversed(entries):
        hop = _read(entry)
        # What stands before a hop that cannot be read was not written by a proxy of ours.
        if hop is None:
            return ""
        if not proxies.trusts(hop):
            return str(hop)
    # Every hop is a proxy: then the first of them asked for itself.
    return "" if hop is None else str(hop)


@lru_cache(maxsize=4096)
def _spelled(text: str) -> str:
    address = _read(text)
    return "" if address is None else str(address)


def _read(text: str) -> Address | None:
    """An address as peers and proxies write it: also [::1]:80, 192.0.2.1:80, ::ffff:192.0.2.1, fe80::1%a."""
    word = text.strip()
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    try:
        address = ip_address(word.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


_NO_PROXIES = Proxies()
