"""Data sources: the Prometheus servers that checks may ask; administrators name them."""

from __future__ import annotations

import re
import ssl
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from accounts import encryption
from accounts.models import User
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid
from remediation import circuits
from remediation.models import MAX_CREDENTIAL, DataSource
from remediation.probes import addresses
from remediation.probes.access import Access, basic, bearer

# Names as DNS and container networks write them, and addresses of both versions.
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
# Mail, shells, databases and caches: an HTTP request there is an attack, never a question.
REFUSED_PORTS = frozenset(
    {21, 22, 23, 25, 53, 110, 111, 135, 139, 143, 389, 445, 465, 514, 587, 636, 993, 995, 1433, 1521, 2375}
    | {2376, 2379, 3306, 3389, 5432, 5672, 6379, 6443, 11211, 27017}
)
MAX_NETWORKS = 20
# The reasons of `SourceUnusable`.
UNUSABLE = frozenset({"source_disabled", "credential_unreadable"})

FACTS = frozenset(
    {
        "name", "base_url", "is_enabled", "auth", "username", "credential", "is_tls_verified",
        "ca_certificates", "networks", "queries_at_once",
    }
)  # fmt: skip
Auth = DataSource.Auth


class SourceInUse(DomainError):
    """Something refers to this data source; details: `checks`, how many checks do."""

    code = "source_in_use"


class SourceUnusable(DomainError):
    """It cannot be asked: details["reason"] is "source_disabled" or "credential_unreadable"."""

    code = "source_unusable"


class KeysMissing(DomainError):
    """The installation has no key to encrypt a credential with."""

    code = "field_keys_missing"


def add(*, name: str, base_url: str, by: User, now: datetime, **more: Any) -> DataSource:
    """Name a Prometheus server.

    Args:
        base_url: what stands before /api/v1, without user, password, query and fragment: whoever writes a
            check may see it.
        more: others of `FACTS`. `credential` is the token or password, which nobody can read again.

    Raises:
        Invalid: a value breaks a rule, or the name is taken; nothing was written.
        NotAllowed: not an administrator.
        KeysMissing: there is a credential, and no key to encrypt it with.
    """
    facts = {"name": name, "base_url": base_url} | more
    return _store(DataSource(created_at=now), facts, act="data_sources.add", by=by)


def edit(source: DataSource, *, by: User, now: datetime, **fields: Any) -> DataSource:
    """Change a source; its checks ask it as it is from their next run on.

    An empty or absent `credential` keeps the stored one, unless it could then go somewhere else: with
    another host, port, scheme or user, another way to sign in, or a certificate that is no longer checked,
    it is forgotten, and the source signs in with nothing until it is given again.

    Raises:
        Invalid, NotAllowed, KeysMissing: as in `add`.
    """
    return _store(source, fields, act="data_sources.edit", by=by)


def remove(source: DataSource, *, by: User, now: datetime) -> None:
    """Delete a data source that nothing refers to; one that is in use can be switched off.

    Raises:
        NotAllowed: not an administrator.
        SourceInUse: a check or a run of a checklist refers to it; nothing was written.
    """
    access.need(by, User.Role.ADMINISTRATOR)
    with trail.act("data_sources.remove", by=by):
        source = DataSource.objects.select_for_update().get(pk=source.pk)
        try:
            with transaction.atomic():
                source.delete()
        except ProtectedError:
            count = source.verification_checks.count()
            message = _("Checks or their runs refer to this data source. Switch it off instead.")
            raise SourceInUse(message, details={"checks": count}) from None


def access_of(source: DataSource) -> Access:
    """How to ask a source.

    Raises:
        SourceUnusable: it is switched off, or its credential cannot be decrypted.
    """
    if not source.is_enabled:
        message = _("This data source is switched off.")
        raise SourceUnusable(message, details={"reason": "source_disabled"})
    try:
        credential = source.credential.reveal() if source.credential else ""
    except encryption.NoKey as problem:
        message = _("The credential of this data source cannot be read: %(reason)s") % {"reason": problem}
        raise SourceUnusable(message, details={"reason": "credential_unreadable"}) from None
    authorization = ""
    if source.auth == Auth.BEARER:
        authorization = bearer(credential)
    elif source.auth == Auth.BASIC:
        authorization = basic(source.username, credential)
    return Access(authorization, source.is_tls_verified, source.ca_certificates, tuple(source.networks))


def _store(source: DataSource, fields: dict[str, Any], *, act: str, by: User) -> DataSource:
    access.need(by, User.Role.ADMINISTRATOR)
    with trail.act(act, by=by):
        if source.pk:
            source = DataSource.objects.select_for_update().get(pk=source.pk)
        stood, allowed = _reach(source), (source.networks, source.is_enabled)
        # Twice the same facts would change it twice, so what was typed does not go through `fill`.
        typed = values.text(fields.pop("credential", "") or "", field="credential", longest=MAX_CREDENTIAL)
        values.fill(source, fields, allowed=FACTS)
        source.name, source.base_url = source.name.strip(), source.base_url.strip().rstrip("/")
        values.check(source)
        check_address(source.base_url)
        source.ca_certificates = _certificates(source.ca_certificates)
        source.networks = read_networks(source.networks)
        if DataSource.objects.exclude(pk=source.pk).filter(name=source.name).exists():
            raise Invalid(_("There is a data source of this name already."), field="name")
        _sign_in(source, typed, is_elsewhere=_reach(source) != stood)
        source.save()
        if _reach(source) != stood or (source.networks, source.is_enabled) != allowed:
            circuits.forget(source)
    return source


def _reach(source: DataSource) -> tuple[object, ...]:
    """What decides to whom the credential is shown."""
    parts = urlsplit(source.base_url) if source.pk or source.base_url else None
    origin = (parts.scheme, parts.hostname, parts.port) if parts else ()
    return (*origin, source.auth, source.username, source.is_tls_verified, source.ca_certificates)


def _sign_in(source: DataSource, typed: str, *, is_elsewhere: bool) -> None:
    """Set the credential: a new one, the old one, or none."""
    if source.auth == Auth.NONE:
        if typed:
            raise Invalid(_("Say how to sign in with it."), field="auth")
        source.username, source.credential = "", ""
        return
    if source.auth == Auth.BEARER:
        source.username = ""
    elif not source.username or ":" in source.username:
        raise Invalid(_("Give the user's name, without a colon."), field="username")
    if typed:
        if any(not character.isprintable() for character in typed) or not (
            typed.isascii() or source.auth == Auth.BASIC
        ):
            raise Invalid(_("This holds a character that cannot be sent."), field="credential")
        try:
            source.credential = encryption.seal(typed, purpose="remediation_datasource.credential")
        except encryption.NoKey:
            raise KeysMissing(
                _("This installation has no key to encrypt credentials with (FIELD_KEYS).")
            ) from None
    elif source.pk and source.credential and is_elsewhere:
        source.auth, source.username, source.credential = Auth.NONE, "", ""
    elif not source.credential:
        raise Invalid(_("Give the token or password."), field="credential")


def _certificates(text: str) -> str:
    text = text.strip()
    if text:
        try:
            ssl.create_default_context(cadata=text)
        except (ssl.SSLError, ValueError, TypeError):
            # What is not ASCII is a wrong type to it.
            raise Invalid(_("These are no certificates in PEM form."), field="ca_certificates") from None
    return text


def read_networks(networks: object) -> list[str]:
    """Networks in their usual form, such as 10.0.0.0/8.

    Raises:
        Invalid: no list, too many, or one that is none; `field` is "networks".
    """
    if not isinstance(networks, list) or len(networks) > MAX_NETWORKS:
        raise Invalid(_("At most %(most)d networks.") % {"most": MAX_NETWORKS}, field="networks")
    found = []
    for network in networks:
        try:
            found.append(str(ip_network(str(network).strip())))
        except ValueError:
            message = _("“%(network)s” is no network such as 10.0.0.0/8.") % {"network": str(network)[:60]}
            raise Invalid(message, field="networks") from None
    return found


def _refuse_for_all(host: str) -> None:
    """Say at once of an address what would be found when it is asked; of a name nobody knows it yet."""
    try:
        ip_address(host)
    except ValueError:
        return
    try:
        addresses.check(host, allow_loopback=True)
    except addresses.AddressRefused:
        message = _("No source may have the address %(host)s.") % {"host": host}
        raise Invalid(message, field="base_url") from None


def check_address(address: str) -> None:
    """Refuse an address that no source may have; `field` is "base_url".

    Raises:
        Invalid: no http(s), one that nobody may ask (`probes.addresses`), or with user, password, query or
            fragment.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Invalid(_("This is not an address."), field="base_url") from None
    if parts.scheme not in {"http", "https"}:
        raise Invalid(_("The address must begin with http:// or https://."), field="base_url")
    if (
        not host
        or port == 0
        or not _HOST.fullmatch(host)
        or not address.isascii()
        or any(c.isspace() for c in address)
    ):
        raise Invalid(
            _("The address must name a host, such as prometheus.example.org:9090."), field="base_url"
        )
    _refuse_for_all(host)
    if port in REFUSED_PORTS:
        message = _("Port %(port)d is no port of a Prometheus server.") % {"port": port}
        raise Invalid(message, field="base_url")
    if parts.username or parts.password:
        raise Invalid(
            _("Leave user and password out of the address: people who write checks see it."), field="base_url"
        )
    if parts.query or parts.fragment:
        raise Invalid(_("Leave out everything from ? or # on."), field="base_url")
