"""How a data source lets us in: where its name may lead, how we sign in, whose certificates we trust."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from remediation.probes import addresses
from remediation.probes.addresses import AddressRefused


@dataclass(frozen=True, slots=True)
class Access:
    """What a connection to one data source needs beside its address.

    Attributes:
        authorization: the value of the header, or ""; in no repr.
        ca_certificates: PEM; "" trusts what the system trusts.
        networks: where its addresses must lie, as CIDR; an address in one that is written here may be
            loopback too. Empty: anywhere that is not forbidden to all.
    """

    authorization: str = field(default="", repr=False)
    is_tls_verified: bool = True
    ca_certificates: str = ""
    networks: tuple[str, ...] = ()

    def check_address(self, address: str, *, allow_loopback: bool) -> None:
        """Refuse an address before anything is sent to it.

        Raises:
            AddressRefused: see `addresses.check`, or it lies outside this source's networks.
        """
        is_named = bool(self.networks) and _lies_in(address, self.networks)
        addresses.check(address, allow_loopback=allow_loopback or is_named)
        if self.networks and not is_named:
            raise AddressRefused(f"{address} lies outside the networks of this data source")

    def tls(self) -> ssl.SSLContext:
        """The context for a connection.

        Raises:
            ssl.SSLError: the certificates are none; an OSError, so that it passes through clients.
        """
        context = ssl.create_default_context(cadata=self.ca_certificates or None)
        if not self.is_tls_verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


OPEN = Access()


def bearer(token: str) -> str:
    """The header that presents a token."""
    return f"Bearer {token}"


def basic(username: str, password: str) -> str:
    """The header that presents a user and a password, in UTF-8 as RFC 7617 has it."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def _lies_in(address: str, networks: Sequence[str]) -> bool:
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return any(ip in ip_network(network, strict=False) for network in networks)
