"""Secrets that commands are given: set by a name in a team, never shown again, revealed at the start alone.

A check refers to one as `secret://name` in its environment variables; the reference is part of what is
pinned and approved, the secret is not, so that it can be changed without a new approval.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import encryption
from accounts.models import Team, User
from postmortem import trail, values
from postmortem.errors import DomainError, Invalid, NotAllowed
from remediation.models import ProbeSecret, VerificationCheck

# A shorter one could not be told from words that a command prints.
LENGTHS = (8, 4000)
SCHEME = "secret://"
KEYS = "PROBE_SECRET_KEYS"
_PURPOSE = "remediation_probesecret.value"


class KeysMissing(DomainError):
    """The installation has no key to encrypt secrets of commands with."""

    code = "probe_keys_missing"


class SecretInUse(DomainError):
    """Checks of its team refer to this secret; details: `checks`, how many."""

    code = "secret_in_use"


class NoSecret(Exception):
    """A command cannot have a secret that it asks for; the message says which, and never what it holds."""


def visible_to(reader: User) -> QuerySet[ProbeSecret]:
    """The secrets, by name alone, that somebody looks after: of their own teams, or all."""
    rows = ProbeSecret.objects.select_related("team", "set_by")
    if reader.is_at_least(User.Role.ADMINISTRATOR):
        return rows
    return rows.filter(team__manager=reader)


def teams(by: User) -> QuerySet[Team]:
    """The teams whose secrets somebody may set."""
    if by.is_at_least(User.Role.ADMINISTRATOR):
        return Team.objects.all()
    return Team.objects.filter(manager=by) if by.is_at_least(User.Role.MEMBER) else Team.objects.none()


def is_any(reader: User) -> bool:
    """Whether somebody looks after the secrets of any team."""
    return reader.is_at_least(User.Role.ADMINISTRATOR) or teams(reader).exists()


def put(*, team: Team, name: str, value: str, description: str = "", by: User, now: datetime) -> ProbeSecret:
    """Set a secret, or another value under a known name; running checks use it from their next start on.

    Raises:
        NotAllowed: neither an administrator nor the team's manager.
        Invalid: `field` names what is wrong; the value itself is in no message.
        KeysMissing: PROBE_SECRET_KEYS is empty.
    """
    _need(team, by)
    name = values.text(name, field="name", longest=60, is_required=True)
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise Invalid(_("Small letters, digits, - and _, please."), field="name")
    description = values.text(description, field="description", longest=200).strip()
    values.text(value, field="value", longest=LENGTHS[1], is_required=True)
    if not LENGTHS[0] <= len(value.strip()):
        message = _("At least %(least)d characters: a shorter one could not be taken out of outputs.")
        raise Invalid(message % {"least": LENGTHS[0]}, field="value")
    try:
        sealed = encryption.seal(value, purpose=_PURPOSE, keys=KEYS)
    except encryption.NoKey:
        raise KeysMissing(_("PROBE_SECRET_KEYS is not set: no secrets can be stored.")) from None
    with trail.act("probe_secrets.put", by=by):
        facts: dict[str, Any] = {"value": sealed, "set_by": by, "set_at": now}
        if description:
            facts["description"] = description
        row, _is_new = ProbeSecret.objects.update_or_create(team=team, name=name, defaults=facts)
        return row


def remove(row: ProbeSecret, *, by: User, now: datetime) -> None:
    """Forget a secret.

    Raises:
        NotAllowed: neither an administrator nor the team's manager.
        SecretInUse: a check of its team refers to it.
    """
    _need(row.team, by)
    with trail.act("probe_secrets.remove", by=by):
        row = ProbeSecret.objects.select_for_update().get(pk=row.pk)
        if count := users_of(row).count():
            raise SecretInUse(_("Checks refer to this secret."), details={"checks": count})
        row.delete()


def users_of(row: ProbeSecret) -> QuerySet[VerificationCheck]:
    """The checks of its team that refer to a secret."""
    named = VerificationCheck.objects.filter(item__team=row.team_id).exclude(env={})
    # JSON has no lookup for "some value is": the few checks with secrets are read.
    reference = f"{SCHEME}{row.name}"
    found = [pk for pk, env in named.values_list("pk", "env") if reference in env.values()]
    return VerificationCheck.objects.filter(pk__in=found)


def reveal(
    env: Mapping[str, str], *, team_id: int, used_by: Mapping[str, object], now: datetime
) -> dict[str, str]:
    """The environment variables of a command that starts now; each use is noted in the trail.

    Args:
        env: references by variable, as pinned and approved.
        used_by: for whom, as the trail keeps it.

    Raises:
        NoSecret: the team has none of this name, or it cannot be read; nothing was noted.
    """
    names = {variable: reference.removeprefix(SCHEME) for variable, reference in env.items()}
    # By name alone: the worker's database role reads no teams.
    wanted = ProbeSecret.objects.filter(team=team_id, name__in=set(names.values())).order_by("name")
    rows = {row.name: row for row in wanted}
    found = {}
    for variable, name in names.items():
        if name not in rows:
            raise NoSecret(f"The item's team has no secret {SCHEME}{name}.")
        try:
            found[variable] = rows[name].value.reveal()
        except encryption.NoKey:
            raise NoSecret(
                f"{SCHEME}{name} cannot be read here: its key is missing, or it was changed."
            ) from None
    for name in sorted(set(names.values())):
        trail.note("probe_secrets.use", rows[name], dict(used_by), now=now)
    return found


def _need(team: Team, by: User) -> None:
    if not teams(by).filter(pk=team.pk).exists():
        raise NotAllowed(_("Administrators and the team's manager do this."))
