"""Channels of teams: the manager says where a team hears of what; administrators may do so for any team."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import encryption
from accounts.models import Team, User
from governance import channels
from governance.channels import BadChannel, Target
from governance.models import MAX_ADDRESS, MAX_SECRET, ChannelMessage, Notice, TeamChannel
from postmortem import trail, values
from postmortem.errors import DomainError, Invalid, NotAllowed
from remediation.probes import addresses
from remediation.probes.http import BadAddress, Origin
from remediation.sources import REFUSED_PORTS

# What a team hears together. Everything else is told to one person or to governors, and to nobody else.
TOLD_TO_CHANNELS = (
    Notice.Kind.REVIEW_AT_RISK,
    Notice.Kind.REVIEW_BREACHED,
    Notice.Kind.ITEM_AT_RISK,
    Notice.Kind.ITEM_BREACHED,
    Notice.Kind.ITEM_ESCALATED,
    Notice.Kind.ITEM_REGRESSED,
    Notice.Kind.ITEM_OWNERLESS,
)
FACTS = frozenset({"name", "address", "secret", "kinds", "language", "is_enabled"})
MOST_CHANNELS = 20


class Disconnected(DomainError):
    """The channel was disconnected: its address is forgotten."""

    code = "channel_disconnected"


class NotPaused(DomainError):
    """The channel is not paused."""

    code = "channel_not_paused"


class KeysMissing(DomainError):
    """The installation has no key to encrypt an address with."""

    code = "field_keys_missing"


def teams(user: User) -> QuerySet[Team]:
    """The teams whose channels this person looks after."""
    if user.is_at_least(User.Role.ADMINISTRATOR):
        return Team.objects.all()
    return Team.objects.filter(manager=user) if user.is_at_least(User.Role.MEMBER) else Team.objects.none()


def of(user: User) -> QuerySet[TeamChannel]:
    """The connected channels this person looks after; nobody else sees that there are any."""
    found = TeamChannel.objects.filter(team__in=teams(user), disconnected_at=None)
    return found.select_related("team", "created_by")


def is_any(user: User) -> bool:
    """Whether this person looks after the channels of some team, which there may be none of yet."""
    return user.is_at_least(User.Role.ADMINISTRATOR) or teams(user).exists()


def need_any(user: User) -> None:
    """Refuse whoever looks after no team.

    Raises:
        NotAllowed: neither an administrator nor the manager of a team.
    """
    if not is_any(user):
        raise NotAllowed(_("This is for managers of teams and for administrators."))


def connect(
    *,
    team: Team,
    kind: str,
    name: str,
    address: str,
    by: User,
    now: datetime,
    secret: str = "",
    kinds: Iterable[str] | None = None,
    **more: Any,
) -> tuple[TeamChannel, str]:
    """Connect a channel; it hears of what happens from now on.

    Args:
        address: as the product gave it out; nobody can read it again.
        secret: what signs. Feishu and DingTalk sign with it where the robot asks for that; a webhook always
            does, and gets a new one where none is given.
        kinds: those of `TOLD_TO_CHANNELS` that go there; all of them unless given.
        more: others of `FACTS`.

    Returns:
        The channel, and the secret that was made for it or "": it is never shown again.

    Raises:
        Invalid: a value breaks a rule, or the team has a channel of this name; nothing was written.
        NotAllowed: neither the team's manager nor an administrator.
        KeysMissing: there is no key to encrypt the address with.
    """
    need(team, by)
    channel = TeamChannel(
        team=team,
        kind=values.choice(kind, TeamChannel.Kind, field="kind"),
        created_at=now,
        created_by=by,
        listens_from=now,
    )
    made = ""
    if channel.kind == TeamChannel.Kind.WEBHOOK and not secret:
        secret = made = channels.new_secret(secrets.token_bytes(32))
    chosen = list(TOLD_TO_CHANNELS if kinds is None else kinds)
    facts = {"name": name, "address": address, "secret": secret, "kinds": chosen} | more
    with trail.act("team_channels.connect", by=by):
        # One after the other, so that the most is the most.
        Team.objects.select_for_update().get(pk=team.pk)
        if TeamChannel.objects.filter(team=team, disconnected_at=None).count() >= MOST_CHANNELS:
            raise Invalid(_("%(count)d channels are the most.") % {"count": MOST_CHANNELS}, field="team")
        _fill(channel, facts)
        channel.save(force_insert=True)
    return channel, made


def edit(channel: TeamChannel, *, by: User, now: datetime, **fields: Any) -> TeamChannel:
    """Change a channel; an empty or absent address or secret keeps what is stored.

    What is told here from now on that was not told before begins with what happens from now on.

    Raises:
        Invalid, NotAllowed, KeysMissing: as in `connect`.
        Disconnected: nothing was written.
    """
    with trail.act("team_channels.edit", by=by):
        channel = locked(channel, by=by)
        before, was_listening = set(channel.kinds), channel.is_listening
        _fill(channel, fields)
        if set(channel.kinds) - before or (channel.is_listening and not was_listening):
            channel.listens_from = now
        channel.save()
    return channel


def resume(channel: TeamChannel, *, by: User, now: datetime) -> TeamChannel:
    """Let a paused channel hear again of what happens from now on.

    Raises:
        NotPaused, Disconnected, NotAllowed: nothing was written.
    """
    with trail.act("team_channels.resume", by=by):
        channel = locked(channel, by=by)
        if channel.paused_at is None:
            raise NotPaused(_("This channel is not paused."))
        channel.paused_at, channel.paused_as = None, ""
        channel.failed_in_row, channel.quiet_until, channel.listens_from = 0, None, now
        channel.save()
    return channel


def disconnect(channel: TeamChannel, *, by: User, now: datetime) -> None:
    """Forget the address and the secret of a channel; what went there stays in the record.

    Raises:
        Disconnected, NotAllowed: nothing was written.
    """
    with trail.act("team_channels.disconnect", by=by):
        channel = locked(channel, by=by)
        channel.address, channel.secret, channel.disconnected_at = "", "", now
        channel.save()
        ChannelMessage.objects.filter(channel=channel, state=ChannelMessage.State.WAITING).update(
            state=ChannelMessage.State.DROPPED, finished_at=now, lease_until=None
        )


def target(channel: TeamChannel) -> Target:
    """Where its messages go.

    Raises:
        encryption.NoKey: the address cannot be decrypted.
    """
    return Target(channel.kind, channel.address.reveal(), channel.secret.reveal())


def need(team: Team, by: User) -> None:
    """Refuse whoever does not look after this team's channels.

    Raises:
        NotAllowed: neither the team's manager nor an administrator.
    """
    if not teams(by).filter(pk=team.pk).exists():
        raise NotAllowed(_("This is for the manager of the team and for administrators."))


def locked(channel: TeamChannel, *, by: User) -> TeamChannel:
    """The channel under a lock, inside an act of somebody who looks after it.

    Raises:
        NotAllowed, Disconnected: see there.
    """
    need(channel.team, by)
    rows = TeamChannel.objects.select_for_update(of=("self",)).select_related("team")
    channel = rows.get(pk=channel.pk)
    if channel.disconnected_at is not None:
        raise Disconnected(_("This channel is disconnected."))
    return channel


def _fill(channel: TeamChannel, fields: dict[str, Any]) -> None:
    """Set what was given; the address and the secret are checked together and sealed."""
    typed = {
        name: values.text(fields.pop(name, "") or "", field=name, longest=longest).strip()
        for name, longest in (("address", MAX_ADDRESS), ("secret", MAX_SECRET))
    }
    values.fill(channel, fields, allowed=FACTS)
    channel.name = values.text(channel.name, field="name", longest=80, is_required=True).strip()
    channel.kinds = _kinds(channel.kinds)
    if typed["address"] or typed["secret"]:
        _set_target(channel, **typed)
    elif not channel.address:
        raise Invalid(_("This is needed."), field="address")
    values.check(channel)
    twins = TeamChannel.objects.filter(team=channel.team, name=channel.name, disconnected_at=None)
    if twins.exclude(pk=channel.pk).exists():
        raise Invalid(_("The team has a channel of this name already."), field="name")


def _set_target(channel: TeamChannel, *, address: str, secret: str) -> None:
    try:
        stored = target(channel) if channel.address else Target(channel.kind, "")
        whole = Target(channel.kind, address or stored.address, secret or stored.secret)
        origin = _origin(whole.address)
        channels.check(whole)
        if address:
            channel.address = encryption.seal(address, purpose=_purpose("address"))
            channel.host = origin.host
        if secret:
            channel.secret = encryption.seal(secret, purpose=_purpose("secret"))
    except BadChannel as problem:
        raise Invalid(_WHY[problem.code](), field=problem.field) from None
    except encryption.NoKey:
        raise KeysMissing(
            _("This installation has no key to encrypt credentials with (FIELD_KEYS).")
        ) from None


_WHY = {
    "not_feishu": lambda: _("A Feishu robot's address ends in /open-apis/bot/v2/hook/ and a key."),
    "not_dingtalk": lambda: _("A DingTalk robot's address has an access_token."),
    "not_wecom": lambda: _("A WeCom robot's address has a key."),
    "no_secret_here": lambda: _("This product signs nothing; leave it empty."),
    "bad_secret": lambda: _("This is no secret of this product; one of a webhook begins with whsec_."),
}


def _purpose(column: str) -> str:
    return f"{TeamChannel._meta.db_table}.{column}"


def _origin(address: str) -> Origin:
    """The server of an address; https, or http where networks of one's own are allowed."""
    try:
        origin = Origin.of(address)
    except BadAddress:
        raise Invalid(_("This is not an address."), field="address") from None
    if not origin.is_secure and not settings.CHANNEL_NETWORKS:
        raise Invalid(_("The address must begin with https://."), field="address")
    _refuse_inside(origin.host)
    if origin.port in REFUSED_PORTS:
        raise Invalid(
            _("Nothing that takes notices listens on port %(port)d.") % {"port": origin.port}, field="address"
        )
    return origin


def _refuse_inside(host: str) -> None:
    """Say at once of an address what would be found when a message goes there; names are looked up then."""
    if host == "localhost" or host.endswith(".localhost"):
        host = "127.0.0.1"
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return
    try:
        addresses.check_public(host, networks=settings.CHANNEL_NETWORKS)
    except addresses.AddressRefused:
        message = _("Nothing is sent to %(host)s: it is not on the public internet, and no network of yours.")
        raise Invalid(message % {"host": host}, field="address") from None


def _kinds(chosen: object) -> list[str]:
    if not isinstance(chosen, (list, tuple)):
        raise Invalid(_("This must be a list."), field="kinds")
    unknown = [kind for kind in chosen if kind not in TOLD_TO_CHANNELS]
    if unknown:
        choices = ", ".join(kind.value for kind in TOLD_TO_CHANNELS)
        raise Invalid(_("Choose one of: %(choices)s.") % {"choices": choices}, field="kinds")
    return [kind.value for kind in TOLD_TO_CHANNELS if kind.value in chosen]


def connected_to(team_ids: Iterable[int], *, kind: str, happened_at: datetime) -> QuerySet[TeamChannel]:
    """The channels of these teams that hear of something of this kind that happened then."""
    return TeamChannel.objects.filter(
        team__in=set(team_ids),
        kinds__contains=[kind],
        is_enabled=True,
        paused_at=None,
        disconnected_at=None,
        listens_from__lte=happened_at,
    )
