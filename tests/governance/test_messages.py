"""Notices into the chats of teams: restricted ones never, others once, over real HTTP."""

import json
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from governance import messages, notices, outbox, team_channels
from governance.models import ChannelMessage, Notice, TeamChannel
from postmortem.errors import Invalid, NotAllowed
from postmortem.models import Incident, TrailEntry
from remediation import deadlines
from remediation.probes import reasons
from tests import factories
from tests.chats import CHECKS, PATHS, SECRETS, TOKEN, Chat
from tests.factories import DAY, HOUR, NOW
from tests.race import at_once

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
KINDS = sorted(CHECKS)


@pytest.fixture
def chat():
    opened = []

    def open_one(kind="webhook"):
        one = Chat(kind)
        one.now = NOW
        opened.append(one)
        return one

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def team():
    return factories.team("Payments", manager=factories.user("Max"))


def connect(chat, team, **fields):
    return factories.channel(chat.kind, team=team, address=chat.address, secret=SECRETS[chat.kind], **fields)


def overdue(team, title="Set a timeout", **fields):
    item = factories.item(title, team=team, agreed_at=NOW - 15 * DAY, **fields)
    deadlines.mark(now=NOW)
    return item


def tell_and_send(chat, now=NOW):
    chat.now = now
    notices.tick(now=now)
    return messages.send_due(now=now)


class TestRestricted:
    """Who reads a chat, nobody here knows."""

    def hidden(self, team, word="Zanzibar"):
        service = factories.service(team=team)
        incident = factories.resolved_incident(
            word,
            services=[service],
            is_restricted=True,
            started_at=NOW - 3 * DAY,
            participants=[team.manager],
        )
        review = factories.review(word, incidents=[incident], owner=team.manager, facilitator=team.manager)
        return incident, overdue(team, word, review=review, owner=team.manager)

    @pytest.mark.parametrize("kind", KINDS)
    def test_nothing_restricted_is_written_for_a_channel_or_sent_there(self, chat, team, kind):
        room = chat(kind)
        connect(room, team)
        self.hidden(team)

        tell_and_send(room)

        # The manager is told, so that there was something to leak.
        assert set(Notice.objects.values_list("kind", flat=True)) == {"review_breached", "item_breached"}
        assert not ChannelMessage.objects.exists()
        assert room.requests == []

    def test_what_became_restricted_meanwhile_is_not_sent(self, chat, team):
        room = chat()
        connect(room, team)
        incident, _item = self.hidden(team)
        Incident.objects.update(is_restricted=False)
        notices.tick(now=NOW)
        assert ChannelMessage.objects.count() == 2
        Incident.objects.filter(pk=incident.pk).update(is_restricted=True)

        assert messages.send_due(now=NOW) == 0
        assert room.requests == []
        assert set(ChannelMessage.objects.values_list("state", flat=True)) == {"dropped"}

    def test_what_was_sent_is_not_sent_again_once_it_is_restricted(self, chat, team):
        room = chat()
        connect(room, team)
        self.hidden(team)
        Incident.objects.update(is_restricted=False)
        tell_and_send(room)
        Incident.objects.update(is_restricted=True)

        messages.send_again(ChannelMessage.objects.first(), by=team.manager, now=NOW)
        messages.send_due(now=NOW)

        assert len(room.requests) == 2
        assert ChannelMessage.objects.filter(state="dropped").count() == 1

    def test_one_restricted_incident_restricts_the_items_of_its_review(self, chat, team):
        room = chat()
        connect(room, team)
        service = factories.service(team=team)
        opened = factories.resolved_incident(services=[service])
        hidden = factories.resolved_incident(services=[service], is_restricted=True)
        overdue(team, review=factories.review(incidents=[opened, hidden]))

        tell_and_send(room)

        assert not ChannelMessage.objects.filter(item__isnull=False).exists()


@pytest.mark.parametrize("kind", KINDS)
def test_an_overdue_item_goes_into_the_channel_of_its_team_once(chat, team, kind):
    room, other = chat(kind), chat(kind)
    connect(room, team)
    connect(other, factories.team())
    item = overdue(team)

    assert (tell_and_send(room), tell_and_send(room)) == (1, 0)

    ((path, _headers, body),) = room.requests
    assert path.startswith(PATHS[kind])
    assert item.public_id in body.decode()
    assert "Set a timeout" in body.decode()
    assert f"http://testserver/items/{item.public_id}/" in body.decode()
    assert ChannelMessage.objects.get().state == "sent"
    assert other.requests == []


def test_a_review_goes_to_the_teams_that_own_the_origin(chat, team):
    room = chat()
    connect(room, team)
    factories.resolved_incident(services=[factories.service(team=team)], started_at=NOW - 3 * DAY)

    tell_and_send(room)

    ((uid, event),) = room.said
    assert event["type"] == "notice.review_breached"
    assert event["data"]["team"] == team.slug
    assert uid == f"msg_{ChannelMessage.objects.get().uid.hex}"


def test_a_channel_speaks_its_language(chat, team):
    room = chat("feishu")
    connect(room, team, language="zh-hans")
    overdue(team, "给连接池设置超时")

    tell_and_send(room)

    header, elements = room.said[0]["card"]["header"], room.said[0]["card"]["elements"]
    assert "未" in header["title"]["content"] or "逾期" in header["title"]["content"]
    assert elements[0]["text"]["content"] == "给连接池设置超时"


def test_a_channel_hears_the_kinds_it_asked_for_and_what_happened_after_it_was_connected(chat, team):
    some, late, off = chat(), chat(), chat()
    connect(some, team, kinds=["item_escalated"])
    connect(late, team, listens_from=NOW)
    connect(off, team, is_enabled=False)
    overdue(team)

    tell_and_send(some)

    assert not ChannelMessage.objects.exists()


def test_a_failure_is_tried_again_later_and_given_up_in_the_end(chat, team):
    room = chat()
    connect(room, team)
    overdue(team)
    notices.tick(now=NOW)
    room.answers = [(500, b"Zanzibar", {})] * outbox.MOST_ATTEMPTS
    now, waits = NOW, []

    for _ in range(outbox.MOST_ATTEMPTS):
        messages.send_due(now=now)
        row = ChannelMessage.objects.get()
        waits.append(row.next_at - now)
        now = max(row.next_at, now)

    assert (row.state, row.attempts, row.said) == ("given_up", 8, "HTTP 500")
    assert waits[0] < waits[3] < waits[6]
    assert messages.send_due(now=now + DAY) == 0
    assert len({headers["webhook-id"] for _path, headers, _body in room.requests}) == 1


def test_who_asks_for_quiet_is_left_alone_with_all_messages(chat, team):
    room = chat("slack")
    connect(room, team)
    for number in range(3):
        overdue(team, f"Item {number}")
    notices.tick(now=NOW)
    room.answers = [(429, b"rate_limited", {"Retry-After": "600"})] * 3

    messages.send_due(now=NOW)

    assert len(room.requests) == 3
    assert messages.send_due(now=NOW + 9 * MINUTE) == 0
    assert len(room.requests) == 3
    assert messages.send_due(now=NOW + 11 * MINUTE) == 3


def test_a_robot_that_spoke_too_often_waits(chat, team):
    room = chat("dingtalk")
    connect(room, team)
    overdue(team)
    notices.tick(now=NOW)
    room.answers = [(200, {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}, {})]

    messages.send_due(now=NOW)
    row = ChannelMessage.objects.get()

    assert (row.state, row.next_at) == ("waiting", NOW + 10 * MINUTE)
    room.now = NOW + 10 * MINUTE
    assert messages.send_due(now=NOW + 10 * MINUTE) == 1


def test_a_redirect_is_not_followed(chat, team):
    room, elsewhere = chat(), chat()
    connect(room, team)
    overdue(team)
    notices.tick(now=NOW)
    room.answers = [(302, b"", {"Location": elsewhere.address})]

    messages.send_due(now=NOW)

    assert (ChannelMessage.objects.get().said, elsewhere.requests) == ("HTTP 302", [])


@pytest.mark.parametrize(
    ("networks", "said"),
    [([], reasons.NOT_ALLOWED), (["10.0.0.0/8"], reasons.NOT_ALLOWED), (["127.0.0.0/8"], "HTTP 204")],
)
def test_only_public_addresses_are_connected_to_unless_a_network_is_named(
    chat, team, settings, networks, said
):
    room = chat()
    # Where it leads may have changed since it was typed.
    connect(room, team)
    settings.CHANNEL_NETWORKS = networks
    overdue(team)

    tell_and_send(room)

    assert ChannelMessage.objects.get().said == said
    assert len(room.requests) == (said == "HTTP 204")


def test_why_nobody_was_reached_is_said_in_words(chat, team, settings):
    settings.CHANNEL_NETWORKS = ["127.0.0.0/8"]
    room = chat()
    connect(room, team)
    room.close()
    overdue(team)

    tell_and_send(room)

    assert ChannelMessage.objects.get().said == reasons.REFUSED


def test_what_an_answer_repeats_of_the_address_is_not_kept(chat, team):
    room = chat("wecom")
    connect(room, team)
    overdue(team)
    notices.tick(now=NOW)
    answer = {"errcode": 40058, "errmsg": f"bad request, url: /cgi-bin/webhook/send?key={TOKEN}"}
    room.answers = [(200, answer, {})]

    messages.send_due(now=NOW)

    said = ChannelMessage.objects.get().said
    assert said.startswith("40058 bad request")
    assert TOKEN not in said


def test_a_channel_that_is_gone_is_paused_at_once_and_its_manager_told(chat, team):
    room = chat("slack")
    channel = connect(room, team)
    overdue(team)
    overdue(team, "Another")
    notices.tick(now=NOW)
    room.answers = [(404, b"no_service", {})] * 2

    messages.send_due(now=NOW)

    channel.refresh_from_db()
    assert (channel.paused_as, channel.is_listening) == ("gone", False)
    notices.tick(now=NOW + MINUTE)
    notices.tick(now=NOW + 2 * MINUTE)
    notice = Notice.objects.get(kind="channel_paused")
    assert (notice.recipient, notice.team_channel) == (team.manager, channel)
    assert notice in notices.of(team.manager)
    assert messages.send_due(now=NOW + DAY) == 0


def test_a_long_row_of_failures_pauses_a_channel_and_a_success_ends_the_row(chat, team):
    room = chat("slack")
    channel = connect(room, team)
    refused = (400, b"invalid_payload", {})

    def send(count, answers):
        for number in range(count):
            overdue(team, f"Item {number}")
        room.answers = list(answers)
        notices.tick(now=NOW)
        for _ in range(count):
            messages.send_due(now=NOW)
        channel.refresh_from_db()

    send(9, [refused] * 9)
    assert (channel.failed_in_row, channel.is_listening) == (9, True)
    send(1, [])
    assert channel.failed_in_row == 0
    send(10, [refused] * 10)
    assert (channel.paused_as, channel.is_listening) == ("failing", False)

    overdue(team, "Told to nobody here")
    notices.tick(now=NOW)
    assert not ChannelMessage.objects.filter(item__title="Told to nobody here").exists()
    team_channels.resume(channel, by=team.manager, now=NOW + HOUR)
    notices.tick(now=NOW + HOUR)
    assert not ChannelMessage.objects.filter(item__title="Told to nobody here").exists()


def test_a_flood_is_sent_a_few_at_a_time(chat, team):
    room = chat()
    connect(room, team)
    for number in range(5):
        overdue(team, f"Item {number}")
    notices.tick(now=NOW)

    assert [messages.send_due(now=NOW) for _ in range(3)] == [3, 2, 0]


def test_a_worker_that_died_loses_its_message_to_another_once_its_lease_ended(chat, team):
    room = chat()
    connect(room, team)
    overdue(team)
    notices.tick(now=NOW)
    messages.claim(now=NOW)

    assert messages.send_due(now=NOW + MINUTE) == 0
    assert messages.send_due(now=NOW + 3 * MINUTE) == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_message_once(chat, team):
    room = chat()
    connect(room, team)
    for number in range(3):
        overdue(team, f"Item {number}")
    notices.tick(now=NOW)

    at_once(lambda: messages.send_due(now=NOW), lambda: messages.send_due(now=NOW))

    assert len(room.requests) == 3


def test_an_act_that_is_taken_back_tells_no_channel(chat, team):
    room = chat()
    connect(room, team)
    overdue(team)
    with transaction.atomic():
        notices.tick(now=NOW)
        transaction.set_rollback(True)

    assert messages.send_due(now=NOW) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_message_says_whether_it_arrives(chat, team, kind):
    room = chat(kind)
    channel = connect(room, team)

    arrived = messages.test(channel, by=team.manager, now=NOW)
    room.answers = [(500, b"", {})]
    lost = messages.test(channel, by=team.manager, now=NOW)

    assert (arrived.state, lost.state, lost.said) == ("sent", "given_up", "HTTP 500")
    assert "Payments" in json.dumps(room.said, ensure_ascii=False) or kind == "webhook"
    assert messages.send_due(now=NOW + DAY) == 0
    channel.refresh_from_db()
    assert channel.failed_in_row == 0


def test_what_ended_is_sent_again_by_hand_under_its_id(chat, team):
    room = chat()
    connect(room, team)
    overdue(team)
    tell_and_send(room)
    row = ChannelMessage.objects.get()

    messages.send_again(row, by=team.manager, now=NOW)
    with pytest.raises(messages.NotToSend):
        messages.send_again(row, by=team.manager, now=NOW)
    messages.send_due(now=NOW)

    assert len({uid for uid, _event in room.said}) == 1
    assert len(room.said) == 2
    with pytest.raises(NotAllowed):
        messages.send_again(row, by=factories.user(role="governor"), now=NOW)


class TestConnecting:
    def facts(self, **more):
        return {
            "kind": "slack",
            "name": "#payments",
            "address": "https://hooks.slack.com/services/T0/B0/0123456789abcdef",
        } | more

    def test_the_manager_and_administrators_connect_and_nobody_else(self, team):
        for by in (team.manager, factories.user(role="administrator")):
            team_channels.connect(team=team, by=by, now=NOW, **self.facts(name=str(by)))
        for by in (
            factories.user(role="governor"),
            factories.team(manager=factories.user()).manager,
        ):
            with pytest.raises(NotAllowed):
                team_channels.connect(team=team, by=by, now=NOW, **self.facts())
        team.manager.role = "viewer"
        team.manager.save()
        with pytest.raises(NotAllowed):
            team_channels.connect(team=team, by=team.manager, now=NOW, **self.facts())

    def test_address_and_secret_are_kept_encrypted_and_out_of_the_trail(self, team):
        channel, made = team_channels.connect(
            team=team, by=team.manager, now=NOW, **self.facts(kind="webhook", secret="")
        )

        assert made.startswith("whsec_")
        assert team_channels.target(channel).secret == made
        assert channel.host == "hooks.slack.com"
        stored = str(list(TeamChannel.objects.values())) + str(list(TrailEntry.objects.values()))
        assert "0123456789abcdef" not in stored.replace(channel.address.stored, "")
        assert made not in stored

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"kind": "pager"}, "kind"),
            ({"name": "  "}, "name"),
            ({"name": "x" * 81}, "name"),
            ({"address": ""}, "address"),
            ({"address": "ftp://example.com/"}, "address"),
            ({"address": "https://user:word@example.com/"}, "address"),
            ({"address": "https://example.com:25/"}, "address"),
            ({"address": "https://exa mple.com/"}, "address"),
            ({"kind": "feishu"}, "address"),
            ({"secret": "x"}, "secret"),
            ({"kinds": ["timeline_reminder"]}, "kinds"),
            ({"kinds": []}, "kinds"),
            ({"language": "tlh"}, "language"),
        ],
        ids=str,
    )
    def test_a_wrong_value_is_refused_by_name(self, team, more, field):
        with pytest.raises(Invalid) as refused:
            team_channels.connect(team=team, by=team.manager, now=NOW, **self.facts(**more))

        assert refused.value.field == field
        assert not TeamChannel.objects.exists()

    def test_without_networks_of_its_own_an_installation_takes_https_alone(self, team, settings):
        settings.CHANNEL_NETWORKS = []
        with pytest.raises(Invalid):
            team_channels.connect(
                team=team, by=team.manager, now=NOW, **self.facts(address="http://example.com/")
            )

    def test_a_name_is_taken_until_its_channel_is_disconnected(self, team):
        channel, _made = team_channels.connect(team=team, by=team.manager, now=NOW, **self.facts())
        with pytest.raises(Invalid):
            team_channels.connect(team=team, by=team.manager, now=NOW, **self.facts())

        team_channels.disconnect(channel, by=team.manager, now=NOW)
        again, _made = team_channels.connect(team=team, by=team.manager, now=NOW, **self.facts())

        channel.refresh_from_db()
        assert (channel.address.stored, channel.secret.stored) == ("", "")
        assert list(team_channels.of(team.manager)) == [again]
        with pytest.raises(team_channels.Disconnected):
            messages.test(channel, by=team.manager, now=NOW)

    def test_an_empty_address_keeps_the_stored_one(self, team):
        channel, _made = team_channels.connect(team=team, by=team.manager, now=NOW, **self.facts())
        before = channel.address.stored

        channel = team_channels.edit(
            channel,
            name="#pay",
            address="",
            secret="",
            kinds=["item_breached"],
            by=team.manager,
            now=NOW + HOUR,
        )

        assert (channel.address.stored, channel.name, channel.kinds) == (before, "#pay", ["item_breached"])
        assert channel.listens_from == NOW
        channel = team_channels.edit(
            channel, kinds=["item_breached", "item_regressed"], by=team.manager, now=NOW + HOUR
        )
        assert channel.listens_from == NOW + HOUR

    @pytest.mark.parametrize(
        "changes",
        [{"address": ""}, {"disconnected_at": NOW}, {"paused_at": NOW}, {"kind": "webhook", "secret": ""}],
        ids=str,
    )
    def test_the_database_refuses_what_makes_no_sense(self, team, changes):
        factories.channel("slack", team=team)

        with pytest.raises(DatabaseError), transaction.atomic():
            TeamChannel.objects.update(**changes)

    def test_the_database_keeps_what_was_told(self, team, chat):
        room = chat()
        connect(room, team)
        overdue(team)
        notices.tick(now=NOW)

        for act in (
            ChannelMessage.objects.all().delete,
            TeamChannel.objects.all().delete,
            lambda: ChannelMessage.objects.update(kind="item_at_risk"),
            lambda: ChannelMessage.objects.update(state="sent", finished_at=None),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                act()
