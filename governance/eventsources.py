"""The systems that send us events: administrators name them, issue the secrets that prove them, say how they
are understood.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import encryption, tokens
from accounts.models import User
from governance import signatures
from governance.models import MOST_SECRETS, EventSecret, EventSource
from postmortem import access, trail, values
from postmortem.errors import DomainError, Invalid
from postmortem.models import Service, Severity
from remediation.sources import KeysMissing, check_address, read_networks

MOST_NAMES = 200
MIN_SECRET, MAX_SECRET = 16, 400
Kind = EventSource.Kind

COMMON = frozenset({"name", "is_enabled", "acts_as"})
OF_ALERTS = frozenset(
    {
        "service_labels", "service_names", "fallback_service", "severity_label", "severities",
        "fallback_severity", "environment",
    }
)  # fmt: skip
OF_FORGE = frozenset({"api_url", "api_token", "gate_token", "networks", "report_as", "external_check"})
_TOKENS = ("api_token", "gate_token")
_API = {Kind.GITHUB: "https://api.github.com", Kind.GITLAB: "https://gitlab.com/api/v4"}
# What most rules write: the last two are what nobody is called for.
_USUAL_SEVERITIES = {"critical": "P1", "error": "P2", "warning": "P3", "info": "", "none": ""}


class SecretsInForce(DomainError):
    """Both places are taken: retire one before the next is issued."""

    code = "secrets_in_force"


class LastSecret(DomainError):
    """Without this secret the source could prove itself no more; switch it off instead."""

    code = "last_secret"


def add(
    *, kind: str, name: str, acts_as: User, by: User, now: datetime, **more: Any
) -> tuple[EventSource, str]:
    """Name a system that sends events, and issue its first secret.

    Args:
        kind: one of `EventSource.Kind`; it never changes.
        acts_as: in whose name incidents are declared and the gate is asked.
        more: of `OF_ALERTS` or `OF_FORGE`, as the kind goes.

    Returns:
        The source and its secret, which nobody can read again.

    Raises:
        Invalid: a value breaks a rule; nothing was written.
        NotAllowed: not an administrator.
        KeysMissing: the installation has no key to encrypt with.
    """
    kind = values.choice(kind, EventSource.Kind, field="kind")
    source = EventSource(kind=kind, key=secrets.token_hex(10), created_at=now)
    with trail.act("event_sources.add", by=by):
        source = _store(source, suggested(kind) | {"name": name, "acts_as": acts_as} | more, by=by)
        _secret, text = issue(source, by=by, now=now)
    return source, text


def suggested(kind: str) -> dict[str, Any]:
    """What a new source of a kind has unless something else is said."""
    if kind != Kind.ALERTMANAGER:
        return {"api_url": _API[Kind(kind)]}
    return {
        "service_labels": ["service"],
        "severity_label": "severity",
        "severities": _usual_severities(),
        "fallback_severity": Severity.objects.filter(code="P2").first(),
    }


def fields_of(kind: str) -> frozenset[str]:
    """The names that `add` and `edit` take for a source of this kind."""
    return COMMON | (OF_ALERTS if kind == Kind.ALERTMANAGER else OF_FORGE)


def edit(source: EventSource, *, by: User, now: datetime, **fields: Any) -> EventSource:
    """Change a source; events that come from now on are understood so, and those that are replayed.

    An empty or absent token keeps the stored one; with another address of the API the token for it is
    forgotten, for it could go somewhere else.

    Raises:
        Invalid, NotAllowed, KeysMissing: as in `add`.
    """
    with trail.act("event_sources.edit", by=by):
        source = EventSource.objects.select_for_update().get(pk=source.pk)
        return _store(source, fields, by=by)


def issue(source: EventSource, *, by: User, now: datetime, text: str = "") -> tuple[EventSecret, str]:
    """Put a further secret in force; the one before stays until it is retired.

    Args:
        text: one that the sender made; a new one is made unless given.

    Raises:
        SecretsInForce: two are in force.
        Invalid, NotAllowed, KeysMissing: nothing was written.
    """
    access.need(by, User.Role.ADMINISTRATOR)
    text = values.text(text, field="secret", longest=MAX_SECRET).strip() or _new_secret(source)
    if len(text) < MIN_SECRET or not text.isascii() or not text.isprintable():
        message = _("A secret has %(least)d characters at least, all of them printable ASCII.")
        raise Invalid(message % {"least": MIN_SECRET}, field="secret")
    with trail.act("event_sources.issue", by=by):
        EventSource.objects.select_for_update().get(pk=source.pk)
        taken = set(source.secrets.filter(retired_at=None).values_list("place", flat=True))
        free = [place for place in range(1, MOST_SECRETS + 1) if place not in taken]
        if not free:
            raise SecretsInForce(_("Two secrets are in force already. Retire the older one first."))
        sealed = _seal(text, purpose="governance_eventsecret.secret")
        made = EventSecret.objects.create(source=source, place=free[0], secret=sealed, created_at=now)
    return made, text


def retire(secret: EventSecret, *, by: User, now: datetime) -> None:
    """End a secret at once and forget it; retiring twice keeps the first moment.

    Raises:
        LastSecret: it is the only one in force.
        NotAllowed: nothing was written.
    """
    access.need(by, User.Role.ADMINISTRATOR)
    with trail.act("event_sources.retire", by=by):
        source = EventSource.objects.select_for_update().get(pk=secret.source_id)
        in_force = source.secrets.filter(retired_at=None)
        if not in_force.filter(pk=secret.pk).exists():
            return
        if in_force.count() == 1:
            raise LastSecret(
                _("It is the only secret in force. Issue another first, or switch the source off.")
            )
        EventSecret.objects.filter(pk=secret.pk).update(retired_at=now, secret="")


def find(key: str) -> EventSource | None:
    """The source of an address; None for one that is none."""
    return EventSource.objects.filter(key=key).first() if key.isascii() and "\x00" not in key else None


def proves(source: EventSource, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
    """Whether a request comes from whoever knows one of the source's secrets.

    Args:
        headers: by name in small letters.
    """
    rows = list(source.secrets.filter(retired_at=None))
    known = [row.secret.reveal() for row in rows]
    place = _place(source, headers, body, known, now)
    if place is None:
        return False
    fresh = now - timedelta(minutes=1)
    EventSecret.objects.filter(pk=rows[place].pk).filter(
        Q(last_used_at=None) | Q(last_used_at__lt=fresh)
    ).update(last_used_at=now)
    return True


def _place(
    source: EventSource, headers: Mapping[str, str], body: bytes, known: list[str], now: datetime
) -> int | None:
    if source.kind == Kind.ALERTMANAGER:
        return signatures.by_authorization(headers.get("authorization", ""), known)
    if source.kind == Kind.GITHUB:
        return signatures.by_hub_signature(headers.get("x-hub-signature-256", ""), body, known)
    if "webhook-signature" in headers:
        # Whoever signs is judged by the signature alone: a good token beside a bad one proves nothing.
        return signatures.by_standard_signature(
            message_id=headers.get("webhook-id", ""),
            timestamp=headers.get("webhook-timestamp", ""),
            signature=headers["webhook-signature"],
            body=body,
            secrets=known,
            now=now,
        )
    return signatures.by_token(headers.get("x-gitlab-token", ""), known)


def _new_secret(source: EventSource) -> str:
    if source.kind == Kind.GITLAB:
        # The form that GitLab asks of a signing token; as a secret token it is as good.
        return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    return f"clw_{secrets.token_urlsafe(32)}"


def _usual_severities() -> dict[str, str]:
    codes = set(Severity.objects.values_list("code", flat=True))
    return {said: code for said, code in _USUAL_SEVERITIES.items() if not code or code in codes}


def _store(source: EventSource, fields: dict[str, Any], *, by: User) -> EventSource:
    access.need(by, User.Role.ADMINISTRATOR)
    allowed = fields_of(source.kind)
    # What was typed does not go through `fill`: encrypted twice, the same text would be a change.
    typed = {name: fields.pop(name, "") or "" for name in _TOKENS if name in allowed}
    stood = source.api_url
    values.fill(source, fields, allowed=allowed)
    source.name = source.name.strip()
    values.check(source)
    if EventSource.objects.exclude(pk=source.pk).filter(name=source.name).exists():
        raise Invalid(_("There is a source of this name already."), field="name")
    if not source.acts_as.is_at_least(User.Role.MEMBER):
        raise Invalid(_("It must act as an active member."), field="acts_as")
    if source.kind == Kind.ALERTMANAGER:
        _check_reading(source)
    else:
        _check_forge(source, typed, stood)
    source.save()
    return source


def _check_reading(source: EventSource) -> None:
    labels = [values.text(one, field="service_labels", longest=100).strip() for one in source.service_labels]
    source.service_labels = list(dict.fromkeys(filter(None, labels)))
    if not source.service_labels and source.fallback_service is None:
        raise Invalid(_("Name a label, or a service for all alerts."), field="service_labels")
    source.service_names = _names(source.service_names, field="service_names")
    source.severities = _names(source.severities, field="severities")
    slugs = set(source.service_names.values())
    if unknown := slugs - set(Service.objects.filter(slug__in=slugs).values_list("slug", flat=True)):
        message = _("There is no service “%(name)s”.") % {"name": min(unknown)}
        raise Invalid(message, field="service_names")
    codes = set(source.severities.values()) - {""}
    if unknown := codes - set(Severity.objects.filter(code__in=codes).values_list("code", flat=True)):
        message = _("There is no severity “%(name)s”.") % {"name": min(unknown)}
        raise Invalid(message, field="severities")
    if source.fallback_severity is None:
        raise Invalid(_("Choose a severity."), field="fallback_severity")


def _names(named: object, *, field: str) -> dict[str, str]:
    if not isinstance(named, dict) or len(named) > MOST_NAMES:
        raise Invalid(_("At most %(count)d names.") % {"count": MOST_NAMES}, field=field)
    return {
        values.text(name, field=field, longest=200).strip(): values.text(
            meant, field=field, longest=80
        ).strip()
        for name, meant in named.items()
    }


def _check_forge(source: EventSource, typed: dict[str, str], stood: str) -> None:
    source.api_url = source.api_url.strip().rstrip("/")
    try:
        check_address(source.api_url)
    except Invalid as refusal:
        raise Invalid(refusal.message, field="api_url") from None
    source.networks = read_networks(source.networks)
    if source.report_as == EventSource.Report.CHECK and source.kind == Kind.GITLAB:
        if source.external_check is None:
            raise Invalid(_("Give the id of the external status check."), field="external_check")
    else:
        source.external_check = None
    for name, text in typed.items():
        text = values.text(text, field=name, longest=MAX_SECRET).strip()
        if text and (not text.isascii() or not text.isprintable()):
            raise Invalid(_("This holds a character that cannot be sent."), field=name)
        if text:
            setattr(source, name, _seal(text, purpose=f"governance_eventsource.{name}"))
        elif name == "api_token" and source.pk and source.api_url != stood:
            source.api_token = ""
    if typed.get("gate_token") and tokens.read_header(f"Bearer {typed['gate_token'].strip()}") is None:
        raise Invalid(_("This is no token of Closeloop: it begins with “clp_”."), field="gate_token")
    if not source.gate_token:
        raise Invalid(_("Give a token with the scope “gate”."), field="gate_token")


def _seal(text: str, *, purpose: str) -> encryption.Secret:
    try:
        return encryption.seal(text, purpose=purpose)
    except encryption.NoKey:
        raise KeysMissing(
            _("This installation has no key to encrypt credentials with (FIELD_KEYS).")
        ) from None
