"""Channels of teams over the API."""

import pytest

from tests import factories
from tests.api.bodies import CHANNEL
from tests.api.conftest import Caller, assert_problem
from tests.chats import SECRETS, Chat


def test_a_manager_connects_tries_and_disconnects_a_channel(db):
    manager = factories.user("Max")
    team = factories.team(manager=manager)
    caller, room = Caller(manager), Chat("webhook")
    body = {"team": team.slug, "kind": "webhook", "name": "Pager", "address": room.address}

    made = caller.post("team-channels", body)
    assert made.status_code == 201, made.content
    channel = made.json()
    room.secret = channel["new_secret"]

    assert channel["host"] == "127.0.0.1"
    assert "timeline_reminder" not in channel["kinds"]
    tried = caller.post(f"team-channels/{channel['id']}/test").json()
    assert (tried["state"], tried["said"]) == ("sent", "HTTP 204")
    room.close()
    assert caller.get(f"team-channels/{channel['id']}/messages").json()["items"][0]["kind"] == "test"
    shown = caller.get(f"team-channels/{channel['id']}").json()
    assert "new_secret" not in shown
    assert room.secret not in str(shown)
    changed = caller.patch(f"team-channels/{channel['id']}", {"kinds": ["item_breached"]}).json()
    assert changed["kinds"] == ["item_breached"]
    assert caller.delete(f"team-channels/{channel['id']}").status_code == 204
    assert caller.get(f"team-channels/{channel['id']}").status_code == 404


def test_nobody_but_the_manager_and_administrators_connects(db):
    team = factories.team(manager=factories.user())
    body = CHANNEL | {"team": team.slug, "kind": "dingtalk"}

    assert_problem(Caller(factories.user(role="governor")).post("team-channels", body), 403, "not_allowed")
    answer = Caller(factories.user(role="administrator")).post("team-channels", body)
    assert answer.status_code == 201
    assert SECRETS["dingtalk"] not in answer.text
    assert "access_token" not in answer.text


def test_a_wrong_address_is_refused_by_name(db):
    manager = factories.user()
    team = factories.team(manager=manager)

    answer = Caller(manager).post("team-channels", CHANNEL | {"team": team.slug, "kind": "feishu"})

    assert assert_problem(answer, 400, "invalid")["errors"].keys() == {"address"}


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.7", "0.0.0.0", "localhost"],
)
def test_address_inside_is_refused_when_it_is_typed(db, settings, host):
    settings.CHANNEL_NETWORKS = []
    manager = factories.user()
    body = {"team": factories.team(manager=manager).slug, "kind": "webhook", "name": "Pager"}

    problem = assert_problem(
        Caller(manager).post("team-channels", body | {"address": f"https://{host}/"}), 400, "invalid"
    )

    assert list(problem["errors"]) == ["address"]


def test_address_in_a_network_of_ones_own_is_taken(db, settings):
    settings.CHANNEL_NETWORKS = ["10.0.0.0/8"]
    manager = factories.user()
    body = {"team": factories.team(manager=manager).slug, "kind": "webhook", "name": "Pager"}

    assert Caller(manager).post("team-channels", body | {"address": "https://10.0.0.7/"}).status_code == 201
