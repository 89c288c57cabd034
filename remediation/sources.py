"""Data sources: the Prometheus servers that checks may ask; administrators name them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from accounts.models import User
from postmortem import access, trail, values
from postmortem.errors import Invalid
from remediation.models import DataSource

# Names as DNS and container networks write them, and addresses of both versions.
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")

FACTS = frozenset({"name", "base_url"})


def add(*, name: str, base_url: str, by: User, now: datetime) -> DataSource:
    """Name a Prometheus server.

    Args:
        base_url: what stands before /api/v1, without user, password, query and fragment: whoever writes a
            check may see it.

    Raises:
        Invalid: a value breaks a rule, or the name is taken; nothing was written.
        NotAllowed: not an administrator.
    """
    return _store(
        DataSource(created_at=now), {"name": name, "base_url": base_url}, act="data_sources.add", by=by
    )


def edit(source: DataSource, *, by: User, now: datetime, **fields: Any) -> DataSource:
    """Change a source's name or address; its checks ask the new address from their next run on.

    Raises:
        Invalid, NotAllowed: as in `add`.
    """
    return _store(source, fields, act="data_sources.edit", by=by)


def _store(source: DataSource, fields: dict[str, Any], *, act: str, by: User) -> DataSource:
    access.need(by, User.Role.ADMINISTRATOR)
    with trail.act(act, by=by):
        if source.pk:
            source = DataSource.objects.select_for_update().get(pk=source.pk)
        values.fill(source, fields, allowed=FACTS)
        source.name, source.base_url = source.name.strip(), source.base_url.strip().rstrip("/")
        values.check(source)
        check_address(source.base_url)
        if DataSource.objects.exclude(pk=source.pk).filter(name=source.name).exists():
            raise Invalid(_("There is a data source of this name already."), field="name")
        source.save()
    return source


def check_address(address: str) -> None:
    """Refuse an address that no source may have; `field` is "base_url".

    Raises:
        Invalid: no http(s), or with user, password, query or fragment.
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
    if parts.username or parts.password:
        raise Invalid(
            _("Leave user and password out of the address: people who write checks see it."), field="base_url"
        )
    if parts.query or parts.fragment:
        raise Invalid(_("Leave out everything from ? or # on."), field="base_url")
