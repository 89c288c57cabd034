"""What goes over the wire to each product, and what each answer means; pure."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from governance import channels
from governance.channels import BadChannel, Message, Reply, Target
from tests.chats import CHECKS, PATHS, SECRETS, Chat

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MESSAGE = Message(
    id="msg_1",
    kind="item_breached",
    words="RI-2026-0001 was not verified in time",
    title="Set a timeout on the pool",
    due="Due: 20 Nov 2026, 12:00 (UTC)",
    url="https://closeloop.example.com/items/RI-2026-0001/",
    open_words="Open it",
    at=NOW,
    is_bad=True,
    facts={"id": "RI-2026-0001"},
)
NASTY = "<!channel> *a* [x](https://evil.example.com) & <https://evil.example.com|RI> @all 连接池 💥"
KINDS = sorted(CHECKS)


def target(kind, secret=None):
    return Target(kind, f"https://chat.example.com{PATHS[kind]}", SECRETS[kind] if secret is None else secret)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "message",
    [
        pytest.param(MESSAGE, id="usual"),
        pytest.param(replace(MESSAGE, title="", due=""), id="bare"),
        pytest.param(replace(MESSAGE, title=NASTY, words=NASTY), id="nasty"),
        pytest.param(replace(MESSAGE, title="连" * 200, words="长" * 300, due="d" * 100), id="long"),
    ],
)
def test_what_is_sent_is_what_the_product_takes(kind, message):
    chat = Chat(kind)
    chat.now = NOW
    request = channels.request(target(kind), message, now=NOW)
    path = request.url.removeprefix("https://chat.example.com")
    status, answer = CHECKS[kind](chat, path, request.headers, request.body)
    chat.close()

    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    assert channels.outcome(kind, Reply(status, body), now=NOW).result == "sent", body
    assert len(chat.said) == 1


@pytest.mark.parametrize("kind", ["feishu", "dingtalk", "webhook"])
def test_a_wrong_secret_is_refused_by_the_product(kind):
    chat = Chat(kind)
    chat.now = NOW
    wrong = {"webhook": channels.new_secret(b"x" * 32)}.get(kind, "another")
    request = channels.request(target(kind, wrong), MESSAGE, now=NOW)
    path = request.url.removeprefix("https://chat.example.com")
    status, answer = CHECKS[kind](chat, path, request.headers, request.body)
    chat.close()

    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    assert channels.outcome(kind, Reply(status, body), now=NOW).result != "sent"
    assert chat.said == []


def test_a_webhook_is_signed_as_standard_webhooks_has_it():
    """The example of its specification's own libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    stamp = datetime.fromtimestamp(1614265330, UTC)
    request = channels.request(target("webhook", secret), replace(MESSAGE, id="msg_p5jXN8"), now=stamp)

    assert request.headers["webhook-timestamp"] == "1614265330"
    assert json.loads(request.body) == {
        "type": "notice.item_breached",
        "timestamp": "2026-11-20T12:00:00+00:00",
        "data": {"id": "RI-2026-0001"},
    }
    key = b"1\xf2\x90\xf6\xbf\x06)\x8a\xabO\x08\xd4<?\x08,\xf6H\xa3b\xda-\xa4\xb0"
    assert channels._webhook_key(secret) == key
    assert channels._hmac(key, b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}') == (
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize("kind", ["slack", "feishu", "dingtalk", "wecom"])
def test_what_people_typed_is_never_markup(kind):
    request = channels.request(target(kind), replace(MESSAGE, title=NASTY), now=NOW)
    body = json.loads(request.body)

    found = [(path, text) for path, text in _texts(body) if "channel>" in text or "channel&gt;" in text]
    assert found
    for path, text in found:
        # Either the product reads it as plain text, or nothing in it can begin a mention or a link.
        is_plain = kind in {"dingtalk", "wecom"} or "plain_text" in path
        assert is_plain or ("<" not in text and ">" not in text), (path, text)


def _texts(value, path=""):
    if isinstance(value, dict):
        here = path + str(value.get("tag", "")) + str(value.get("type", "")) + "/"
        for one in value.values():
            yield from _texts(one, here)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one, path)
    elif isinstance(value, str):
        yield path, value


def told(code, words):
    """An answer in the bodies of all three that put their codes there."""
    return json.dumps({"errcode": code, "errmsg": words, "code": code, "msg": words}).encode()


ANSWERS = [
    ("webhook", 200, b"", "sent", "HTTP 200", False),
    ("webhook", 204, b"", "sent", "HTTP 204", False),
    ("webhook", 302, b"", "retry", "HTTP 302", False),
    ("webhook", 404, b"secret words", "retry", "HTTP 404", False),
    ("webhook", 410, b"", "refused", "HTTP 410", True),
    ("webhook", 500, b"", "retry", "HTTP 500", False),
    ("slack", 200, b"ok", "sent", "HTTP 200 ok", False),
    ("slack", 200, b"<html>log in</html>", "retry", "HTTP 200", False),
    ("slack", 400, b"invalid_payload", "refused", "HTTP 400 invalid_payload", False),
    ("slack", 403, b"action_prohibited", "refused", "HTTP 403 action_prohibited", False),
    ("slack", 404, b"no_service", "refused", "HTTP 404 no_service", True),
    ("slack", 410, b"channel_is_archived", "refused", "HTTP 410 channel_is_archived", True),
    ("slack", 500, b"rollup_error", "retry", "HTTP 500 rollup_error", False),
    ("feishu", 200, told(0, "success"), "sent", "0 success", False),
    ("feishu", 200, b'{"StatusCode":0,"StatusMessage":"success"}', "sent", "0 success", False),
    ("feishu", 200, told(19024, "Key Words Not Found"), "refused", "19024 Key Words Not Found", False),
    ("feishu", 200, told(19001, "param invalid"), "refused", "19001 param invalid", True),
    ("feishu", 200, told(11232, "frequency limited"), "retry", "11232 frequency limited", False),
    ("feishu", 400, told(9499, "Bad Request"), "refused", "9499 Bad Request", False),
    ("feishu", 200, b"not json", "retry", "HTTP 200", False),
    ("dingtalk", 200, told(0, "ok"), "sent", "0 ok", False),
    ("dingtalk", 200, told(310000, "sign not match"), "refused", "310000 sign not match", False),
    ("dingtalk", 200, told(130101, "send too fast"), "retry", "130101 send too fast", False),
    ("dingtalk", 200, told(300005, "token is not exist"), "refused", "300005 token is not exist", True),
    ("dingtalk", 200, told(-1, "system busy"), "retry", "-1 system busy", False),
    ("wecom", 200, told(0, "ok"), "sent", "0 ok", False),
    ("wecom", 200, told(45009, "api freq out of limit"), "retry", "45009 api freq out of limit", False),
    ("wecom", 200, told(93000, "invalid webhook url"), "refused", "93000 invalid webhook url", True),
    ("wecom", 200, told(40058, "invalid"), "refused", "40058 invalid", False),
    ("wecom", 200, b"[]", "retry", "HTTP 200", False),
    ("wecom", 200, b'{"errcode":"0"}', "retry", "HTTP 200", False),
    ("wecom", 200, b"[" * 100_000, "retry", "HTTP 200", False),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "status", "body", "result", "said", "is_gone"), ANSWERS)
def test_an_answer_is_sent_or_tried_again_or_refused(kind, status, body, result, said, is_gone):
    found = channels.outcome(kind, Reply(status, body), now=NOW)

    assert (found.result, found.said, found.is_gone) == (result, said, is_gone)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("Fri, 20 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Fri, 20 Nov 2026 11:00:00 GMT", timedelta(minutes=1)),
        ("", timedelta(minutes=1)),
        ("soon", timedelta(minutes=1)),
        ("-5", timedelta(minutes=1)),
        ("9" * 400, timedelta(hours=6)),
    ],
)
def test_who_asks_for_quiet_gets_it(kind, retry_after, wait):
    found = channels.outcome(kind, Reply(429, b"", retry_after), now=NOW)

    assert (found.result, found.wait) == ("retry", wait)


@pytest.mark.parametrize(
    ("kind", "address", "secret", "code"),
    [
        ("feishu", "https://open.feishu.cn/open-apis/bot/hook/x", "", "not_feishu"),
        ("dingtalk", "https://oapi.dingtalk.com/robot/send", "", "not_dingtalk"),
        ("wecom", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?access_token=x", "", "not_wecom"),
        ("slack", "https://hooks.slack.com/services/a/b/c", "secret", "no_secret_here"),
        ("webhook", "https://example.com/", "", "bad_secret"),
        ("webhook", "https://example.com/", "whsec_c2hvcnQ=", "bad_secret"),
        ("webhook", "https://example.com/", "whsec_***", "bad_secret"),
        ("dingtalk", "https://oapi.dingtalk.com/robot/send?access_token=x", "a b", "bad_secret"),
    ],
)
def test_what_no_product_gave_out_is_refused_at_once(kind, address, secret, code):
    with pytest.raises(BadChannel) as refused:
        channels.check(Target(kind, address, secret))

    assert refused.value.code == code


def test_addresses_and_secrets_stand_in_no_repr():
    one = target("dingtalk")

    assert "token" not in repr(one) + repr(channels.request(one, MESSAGE, now=NOW).url[:0])
    assert SECRETS["dingtalk"] not in repr(one)
    assert "access_token" not in repr(channels.request(one, MESSAGE, now=NOW))
