"""The pages of a team's channels: for its manager, nothing secret on them."""

import pytest

from governance import messages
from governance.models import ChannelMessage, TeamChannel
from tests import factories
from tests.chats import SECRETS, TOKEN, Chat
from tests.factories import NOW
from tests.web.test_reviews import client_of

pytestmark = pytest.mark.django_db
KINDS = ["item_breached", "review_breached"]


@pytest.fixture
def team():
    return factories.team("Payments", manager=factories.user("Max"))


@pytest.fixture
def room():
    chat = Chat("webhook")
    yield chat
    chat.close()


def fields(team, chat, **more):
    return {
        "team": team.pk,
        "kind": chat.kind,
        "name": "Pager",
        "address": chat.address,
        "kinds": KINDS,
        "language": "zh-hans",
    } | more


def test_a_manager_connects_a_webhook_and_sees_its_secret_once(team, room):
    client = client_of(team.manager)

    page = client.post("/settings/channels/", fields(team, room)).text

    channel = TeamChannel.objects.get()
    made = channel.secret.reveal()
    assert made in page
    assert TOKEN not in page
    for path in ("/settings/channels/", f"/settings/channels/{channel.pk}/"):
        text = client.get(path).text
        assert "127.0.0.1" in text
        assert made not in text
        assert TOKEN not in text
    assert (channel.kinds, channel.language) == (sorted(KINDS, reverse=True), "zh-hans")


def test_what_is_wrong_stands_at_its_field(team, room):
    client = client_of(team.manager)

    answer = client.post("/settings/channels/", fields(team, room, kind="feishu"))

    assert answer.status_code == 422
    assert "/open-apis/bot/v2/hook/" in answer.text
    assert not TeamChannel.objects.exists()


def test_a_test_message_is_tried_and_its_end_shown(team, room):
    channel = factories.channel(team=team, address=room.address, secret=SECRETS["webhook"])
    client = client_of(team.manager)

    arrived = client.post(f"/settings/channels/{channel.pk}/test", follow=True).text
    room.answers = [(503, b"", {})]
    lost = client.post(f"/settings/channels/{channel.pk}/test", follow=True).text

    assert "The test message arrived." in arrived
    assert "The test message did not arrive: HTTP 503" in lost


def test_a_team_chooses_one_of_its_managers_teams_only(team, room):
    other = factories.team(manager=factories.user())

    answer = client_of(team.manager).post("/settings/channels/", fields(other, room))

    assert answer.status_code == 422
    assert not TeamChannel.objects.exists()


def test_channels_of_other_teams_do_not_exist_for_a_manager(team):
    other = factories.channel(team=factories.team(manager=factories.user()))
    client = client_of(team.manager)

    assert other.name not in client.get("/settings/channels/").text
    for path in ("", "test", "resume", "disconnect"):
        method = client.post if path in {"test", "resume"} else client.get
        assert method(f"/settings/channels/{other.pk}/{path}").status_code == 404
    assert 'href="/settings/channels/"' in client.get("/settings/notices").text
    assert 'href="/settings/channels/"' not in client_of(factories.user()).get("/settings/notices").text


@pytest.mark.parametrize("count", [1, 3])
def test_the_log_says_how_it_went_but_not_about_what(team, django_assert_num_queries, count):
    channel = factories.channel(team=team)
    for number in range(count):
        ChannelMessage.objects.create(
            channel=channel,
            kind="review_breached",
            incident=factories.resolved_incident("Zanzibar"),
            key=str(number),
            state="given_up",
            said="HTTP 500",
            happened_at=NOW,
            created_at=NOW,
            next_at=NOW,
            finished_at=NOW,
        )
    client = client_of(team.manager)

    # Session, person, whether there is a team, channel, may one read its log, messages.
    with django_assert_num_queries(6):
        page = client.get(f"/settings/channels/{channel.pk}/").text

    assert page.count("HTTP 500") == count
    assert "Zanzibar" not in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_no_more_for_more_channels(team, django_assert_num_queries, count):
    for _ in range(count):
        factories.channel(team=team)
    client = client_of(team.manager)

    with django_assert_num_queries(8):
        page = client.get("/settings/channels/").text

    assert page.count("127.0.0.1/…") == count


def test_a_paused_channel_is_resumed_and_its_messages_sent_again(team, room):
    channel = factories.channel(
        team=team, address=room.address, secret=SECRETS["webhook"], paused_at=NOW, paused_as="gone"
    )
    lost = ChannelMessage.objects.create(
        channel=channel,
        kind="review_breached",
        incident=factories.resolved_incident(),
        key="1",
        state="given_up",
        happened_at=NOW,
        created_at=NOW,
        next_at=NOW,
        finished_at=NOW,
    )
    client = client_of(team.manager)
    assert "there is nobody at its address any more" in client.get(f"/settings/channels/{channel.pk}/").text

    client.post(f"/settings/channels/{channel.pk}/resume")
    client.post(f"/settings/channel-messages/{lost.pk}/again")

    from django.utils import timezone

    assert messages.send_due(now=timezone.now()) == 1
    assert len(room.said) == 1


def test_disconnecting_forgets_the_address(team):
    channel = factories.channel(team=team)
    client = client_of(team.manager)

    client.post(f"/settings/channels/{channel.pk}/disconnect")

    channel.refresh_from_db()
    assert not channel.address
    assert client.get(f"/settings/channels/{channel.pk}/").status_code == 404
