"""Notices on their way into the chats of teams: written with the notice, sent by whoever claims them.

Nothing that is restricted goes there: who reads a chat, nobody here knows. It is looked at when a message is
written and once more when it is sent. docs/adr/0028.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings
from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import encryption
from accounts.models import User
from governance import channels, outbox, team_channels, wordings
from governance.channels import BadChannel, Message, Outcome, Reply, Request, Result
from governance.ladder import News
from governance.models import ChannelMessage, TeamChannel
from postmortem import access, secrets, trail
from postmortem.errors import DomainError
from postmortem.models import Incident, IncidentService
from remediation.models import RemediationItem
from remediation.probes import addresses, reasons
from remediation.probes.addresses import AddressRefused
from remediation.probes.http import Client, Origin, TooLarge

# Why nothing was sent at all.
UNREADABLE = "Its address or secret is encrypted with a key that is not set here any more."
MALFORMED = "Its address or secret is none of this product."

TIMEOUT_SECONDS = 15
# Longer than the exchanges of one claim, which run at once.
LEASE = timedelta(minutes=2)
AT_ONCE = 20
# Chats let a robot speak twenty times a minute; a worker comes by every ten seconds.
AT_ONCE_INTO_ONE = 3
# So many messages in a row that did not arrive pause their channel.
PAUSED_AFTER = 10
# Shorter parts of an address are names such as "hook" and no secrets.
_SECRET_LENGTH = 8

State = ChannelMessage.State
_ENDED = (State.SENT, State.REFUSED, State.GIVEN_UP)


class NotToSend(DomainError):
    """It waits to be sent, or must not be; details: `state`."""

    code = "not_to_send"


def enqueue(
    kind: str,
    *,
    key: str,
    happened_at: datetime,
    now: datetime,
    incident: Incident | None = None,
    item: RemediationItem | None = None,
    by: User | None = None,
) -> list[ChannelMessage]:
    """Write that the channels of the teams concerned are told, each once for a key; call it inside an act.

    The teams are that of the item, or those that own the services an incident came from. Nothing is written
    about what is restricted, nor for channels that were connected after it happened.
    """
    teams = _teams(incident, item)
    found = team_channels.connected_to(teams, kind=kind, happened_at=happened_at)
    told = ChannelMessage.objects.filter(key=key).values("channel")
    fresh = list(found.exclude(pk__in=told))
    if not fresh or not _is_open(incident, item):
        return []
    rows = [
        ChannelMessage(
            channel=one, kind=kind, incident=incident, item=item, by=by, key=key,
            happened_at=happened_at, created_at=now, next_at=now,
        )
        for one in fresh
    ]  # fmt: skip
    return ChannelMessage.objects.bulk_create(rows, ignore_conflicts=True)


def deaf(found: Sequence[News]) -> set[int]:
    """The places in a list of news of those that no channel has still to be told."""
    listening = list(TeamChannel.objects.filter(is_enabled=True, paused_at=None, disconnected_at=None))
    if not listening:
        return set(range(len(found)))
    keys = {f"{one.kind}/{one.key}" for one in found}
    told = set(ChannelMessage.objects.filter(key__in=keys).values_list("channel", "key"))
    teams: dict[int, set[int]] = {}
    incidents = {one.incident.pk for one in found if one.incident is not None}
    origins = IncidentService.objects.filter(incident__in=incidents, part=IncidentService.Part.ORIGIN)
    for incident, team in origins.values_list("incident", "service__team"):
        teams.setdefault(incident, set()).add(team)
    places = set()
    for place, one in enumerate(found):
        of = {one.item.team_id} if one.item else teams.get(one.incident.pk if one.incident else 0, set())
        if not any(
            channel.team_id in of
            and one.kind in channel.kinds
            and channel.listens_from <= one.at
            and (channel.pk, f"{one.kind}/{one.key}") not in told
            for channel in listening
        ):
            places.add(place)
    return places


def claim(*, now: datetime, most: int = AT_ONCE) -> list[ChannelMessage]:
    """Take what is due, a few for each channel; each goes to one worker, until its lease ends."""
    listening = Q(channel__paused_at=None, channel__disconnected_at=None) & (
        Q(channel__quiet_until=None) | Q(channel__quiet_until__lte=now)
    )
    due = outbox.due(ChannelMessage.objects.filter(listening), now=now)
    place = Window(RowNumber(), partition_by=F("channel"), order_by=(F("next_at"), F("pk")))
    with trail.act("messages.claim", by=None):
        chosen = due.annotate(place=place).filter(place__lte=AT_ONCE_INTO_ONE).values_list("pk", flat=True)
        rows = ChannelMessage.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            pk__in=list(chosen[:most])
        )
        # Once more under the lock: another worker may have had some of them meanwhile.
        return outbox.lease(list(outbox.due(rows, now=now)), until=now + LEASE)


def send_due(*, now: datetime) -> int:
    """Send what is due, all at once and outside of any transaction; how many arrived."""
    return _send(claim(now=now), now=now)


def test(channel: TeamChannel, *, by: User, now: datetime) -> ChannelMessage:
    """Send a test message at once; whether it arrived stands in it. It is not tried again.

    Raises:
        NotAllowed: neither the team's manager nor an administrator.
        team_channels.Disconnected: nothing was sent.
    """
    with trail.act("messages.test", by=by):
        channel = team_channels.locked(channel, by=by)
        message = ChannelMessage(
            channel=channel, kind=ChannelMessage.TEST, by=by, key=f"test/{now.isoformat()}",
            happened_at=now, created_at=now, next_at=now,
        )  # fmt: skip
        message.key += f"/{message.uid}"
        message.save(force_insert=True)
        outbox.lease([message], until=now + LEASE)
    _send([message], now=now)
    message.refresh_from_db()
    return message


def send_again(message: ChannelMessage, *, by: User, now: datetime) -> ChannelMessage:
    """Try once more what was sent, refused or given up; receivers know it by the same id.

    Raises:
        NotToSend: it waits, or nobody may read it there any more.
        NotAllowed, team_channels.Disconnected: nothing was written.
    """
    with trail.act("messages.send_again", by=by):
        team_channels.locked(message.channel, by=by)
        message = ChannelMessage.objects.select_for_update().get(pk=message.pk)
        if message.state not in _ENDED or message.kind == ChannelMessage.TEST:
            raise NotToSend(
                _("Only what was sent, refused or given up is sent again."), details={"state": message.state}
            )
        message.state, message.attempts, message.next_at = State.WAITING, 0, now
        message.finished_at, message.lease_until, message.lease_token = None, None, None
        message.save()
    return message


def log(channel: TeamChannel, *, by: User) -> QuerySet[ChannelMessage]:
    """What went into a channel, newest first; what it was about is not part of it.

    Raises:
        NotAllowed: neither the team's manager nor an administrator.
    """
    team_channels.need(channel.team, by)
    return ChannelMessage.objects.filter(channel=channel).select_related("by").order_by("-id")


def _teams(incident: Incident | None, item: RemediationItem | None) -> list[int]:
    if item is not None:
        return [item.team_id]
    origins = IncidentService.objects.filter(incident=incident, part=IncidentService.Part.ORIGIN)
    return [team for team in origins.values_list("service__team", flat=True) if team is not None]


def _is_open(incident: Incident | None, item: RemediationItem | None) -> bool:
    if item is not None:
        return access.is_open_to_all(review_id=item.review_id)
    return incident is None or access.is_open_to_all(incident=incident)


# --- sending ------------------------------------------------------------------------------------------


def _send(claimed: Sequence[ChannelMessage], *, now: datetime) -> int:
    tokens = {one.pk: one.lease_token for one in claimed}
    rows = ChannelMessage.objects.filter(pk__in=tokens).select_related(
        "channel__team", "incident", "item", "by"
    )
    todo: list[tuple[ChannelMessage, Request]] = []
    for row in rows.order_by("next_at", "pk"):
        if row.lease_token != tokens[row.pk] or row.state != State.WAITING:
            continue
        if not _is_open(row.incident, row.item):
            _end(row, State.DROPPED, "", now=now)
            continue
        try:
            target = team_channels.target(row.channel)
            todo.append((row, channels.request(target, worded(row), now=now)))
        except encryption.NoKey:
            _settle(row, Outcome(Result.REFUSED, UNREADABLE), now=now)
        except BadChannel:
            _settle(row, Outcome(Result.REFUSED, MALFORMED), now=now)
    replies = asyncio.run(_post_all([request for _row, request in todo])) if todo else []
    sent = 0
    for (row, request), reply in zip(todo, replies, strict=True):
        outcome = channels.outcome(row.channel.kind, reply, now=now)
        _settle(row, replace(outcome, said=_without_secrets(outcome.said, request.url)), now=now)
        sent += outcome.result == Result.SENT
    return sent


def worded(row: ChannelMessage) -> Message:
    """What a message says, in the language of its channel and the zone of this installation."""
    with translation.override(row.channel.language), timezone.override(timezone.get_default_timezone()):
        is_test = row.kind == ChannelMessage.TEST
        words = _("A test message of Closeloop") if is_test else wordings.words(row)
        title = (
            _("Notices of %(team)s come here.") % {"team": row.channel.team}
            if is_test
            else wordings.title(row)
        )
        path = f"/settings/channels/{row.channel_id}/" if is_test else wordings.path(row)
        due_at = row.item.due_at if row.item is not None else None
        due = ""
        if due_at is not None:
            moment = date_format(timezone.localtime(due_at), _("j M Y, H:i"))
            due = f"{_('Due')}: {moment} ({settings.TIME_ZONE})"
        url = settings.PUBLIC_URL + path
        return Message(
            id=f"msg_{row.uid.hex}",
            kind=row.kind,
            words=words,
            title=title,
            due=due,
            url=url,
            open_words=_("Open it"),
            at=row.happened_at,
            is_bad=row.kind not in {ChannelMessage.TEST, *wordings.CALM},
            facts={
                "kind": row.kind,
                "id": wordings.subject_id(row),
                "title": "" if is_test else title,
                "team": row.channel.team.slug,
                "due_at": due_at.isoformat() if due_at else None,
                "url": url,
                "text": words,
            },
        )


async def _post_all(requests: Iterable[Request]) -> list[Reply]:
    return await asyncio.gather(*(_post(request) for request in requests))


async def _post(request: Request) -> Reply:
    """One exchange, whatever comes of it.

    An address is looked up once, each of its answers is checked, and a redirect is an answer like any other.
    """
    try:
        origin = Origin.of(request.url)
        parts = urlsplit(request.url)
        client = Client(replace(origin, prefix=""), check_address=_guard(is_secure=origin.is_secure))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        async with asyncio.timeout(TIMEOUT_SECONDS):
            answer = await client.post(target, headers=request.headers, body=request.body)
    except TimeoutError:
        return Reply(0, reasons.TIMED_OUT.encode())
    except (OSError, TooLarge, ValueError) as problem:
        # The reason alone: where a name leads inside of one's network is nobody's business.
        return Reply(0, reasons.words(problem).encode())
    return Reply(answer.status, answer.body, answer.header("retry-after"))


def _guard(*, is_secure: bool) -> Callable[[str], None]:
    """Public addresses, and those of the networks that the installation names; only these without TLS."""
    networks: Sequence[str] = settings.CHANNEL_NETWORKS

    def check(address: str) -> None:
        addresses.check_public(address, networks=networks)
        if not is_secure and not addresses.lies_in(address, networks):
            raise AddressRefused(f"{address} would be told without encryption")

    return check


def _settle(row: ChannelMessage, outcome: Outcome, *, now: datetime) -> None:
    """Store what came of an attempt, and what it says about the channel."""
    is_last = row.attempts >= outbox.MOST_ATTEMPTS or row.kind == ChannelMessage.TEST
    with trail.act("messages.settle", by=None):
        channel = (
            TeamChannel.objects.select_for_update(of=("self",)).select_related("team").get(pk=row.channel_id)
        )
        if outcome.result == Result.SENT:
            stored = _end(row, State.SENT, outcome.said, now=now)
            if stored and channel.failed_in_row:
                TeamChannel.objects.filter(pk=channel.pk).update(failed_in_row=0)
            return
        if outcome.result == Result.RETRY and not is_last:
            next_at = max(outbox.next_try(row.attempts, now=now), now + (outcome.wait or timedelta()))
            outbox.mine(row).update(next_at=next_at, lease_until=None, said=outcome.said)
        elif _end(
            row, State.REFUSED if outcome.result == Result.REFUSED else State.GIVEN_UP, outcome.said, now=now
        ):
            _count_failure(channel, row, outcome, now=now)
        if outcome.wait:
            TeamChannel.objects.filter(pk=channel.pk).update(quiet_until=now + outcome.wait)


def _end(row: ChannelMessage, state: str, said: str, *, now: datetime) -> bool:
    ended = outbox.mine(row).update(state=state, finished_at=now, lease_until=None, said=said)
    return ended == 1


def _count_failure(channel: TeamChannel, row: ChannelMessage, outcome: Outcome, *, now: datetime) -> None:
    if row.kind == ChannelMessage.TEST or channel.paused_at is not None:
        return
    channel.failed_in_row += 1
    if outcome.is_gone or channel.failed_in_row >= PAUSED_AFTER:
        channel.paused_at = now
        channel.paused_as = TeamChannel.Pause.GONE if outcome.is_gone else TeamChannel.Pause.FAILING
        # What waits would come late and all at once; it can be sent again by hand.
        ChannelMessage.objects.filter(channel=channel, state=State.WAITING).update(
            state=State.GIVEN_UP, finished_at=now, lease_until=None
        )
        channel.save(update_fields=["paused_at", "paused_as"])
    TeamChannel.objects.filter(pk=channel.pk).update(failed_in_row=channel.failed_in_row)


def _without_secrets(said: str, address: str) -> str:
    """What may be kept of an answer: no part of the address, nothing that looks like a secret."""
    parts = urlsplit(address)
    pieces = [*re.split(r"/", parts.path), *(value for _name, value in parse_qsl(parts.query))]
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= _SECRET_LENGTH:
            said = said.replace(piece, "•••")
    return secrets.mask(said)[0][: channels.LONGEST_SAID]
