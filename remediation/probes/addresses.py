"""Which addresses may be connected to: those of data sources, and those of what anybody may name."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

# Where clouds answer with credentials to whoever asks from inside. Lists of our own, because Python's
# `is_global` calls some of these global.
_METADATA = {
    IPv4Address("100.100.100.200"),  # Alibaba Cloud
    IPv4Address("168.63.129.16"),  # Azure
    IPv4Address("192.0.0.192"),  # Oracle Cloud
    IPv6Address("fd20:ce::254"),  # Google Cloud
}
_METADATA_NETWORK = IPv6Network("fd00:ec2::/32")  # AWS
_THIS_NETWORK = IPv4Network("0.0.0.0/8")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")


class AddressRefused(OSError):
    """The address is one that no probe may connect to; an OSError so that it passes through clients."""


def check(address: str, *, allow_loopback: bool) -> None:
    """Refuse an address before anything is sent to it.

    Args:
        address: an IP address as text, a zone ("%eth0") is ignored.
        allow_loopback: whether this machine itself may be asked, as in a demo.

    Raises:
        AddressRefused: it is link-local, a cloud's metadata, multicast, reserved or unspecified, or loopback
            where that is not allowed; the same written as an IPv6 address is refused too.
    """
    try:
        ip = _unwrapped(ip_address(address.partition("%")[0]))
    except ValueError:
        raise AddressRefused(f"{address} is not an IP address") from None
    kind = _forbidden_kind(ip)
    if kind == "loopback" and allow_loopback:
        return
    if kind:
        raise AddressRefused(f"{address} is a {kind} address")


def check_public(address: str, *, networks: Sequence[str]) -> None:
    """Refuse what does not lie on the public internet: others than administrators name these.

    Args:
        networks: private ones that are allowed all the same, as CIDR; loopback where it is among them.

    Raises:
        AddressRefused: as for `check`, or private and in none of the networks.
    """
    is_named = lies_in(address, networks)
    check(address, allow_loopback=is_named)
    ip = _unwrapped(ip_address(address.partition("%")[0]))
    if not ip.is_global and not is_named:
        raise AddressRefused(f"{address} is a private address")


def lies_in(address: str, networks: Sequence[str]) -> bool:
    """Whether an address lies in one of the networks; what is no address does not."""
    try:
        ip = _unwrapped(ip_address(address.partition("%")[0]))
    except ValueError:
        return False
    return any(ip in ip_network(network, strict=False) for network in networks)


def _forbidden_kind(ip: IPv4Address | IPv6Address) -> str:
    """The reason in a word, or "". The order matters: ::1 is also reserved."""
    if ip.is_loopback:
        return "loopback"
    if ip in _METADATA or ip in _METADATA_NETWORK:
        return "cloud metadata"
    if ip.is_unspecified or ip in _THIS_NETWORK:
        return "unspecified"
    for kind in ("link_local", "multicast", "reserved", "site_local"):
        if getattr(ip, f"is_{kind}", False):
            return kind.replace("_", "-")
    return ""


def _unwrapped(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo, NAT64, IPv4-compatible."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    number = int(ip)
    if ip in _NAT64 or ip in _NAT64_LOCAL or 1 < number < 2**32:
        return IPv4Address(number & 0xFFFFFFFF)
    return ip
