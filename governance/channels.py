"""Pure adapters that put notices into chats: a message in, a request out; an answer in, sent or not out.

Each speaks the published schema of its product. Words that people typed go where a product reads plain text
and never where it reads markup, so that a title can neither mention everybody nor hide a link.

Sources: Standard Webhooks 1.0.0; Slack, "Sending messages using incoming webhooks"; Feishu, "Custom bot usage
guide"; DingTalk, "Custom robots"; WeCom, "Group robots".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import parse_qs, quote, urlsplit

SECRET_PREFIX = "whsec_"  # noqa: S105 # how Standard Webhooks marks a secret
# Of a signing secret, before it is written in base64 (Standard Webhooks).
LEAST_SECRET_BYTES, MOST_SECRET_BYTES = 24, 64
LONGEST_SAID = 160
_LONGEST_WAIT = timedelta(hours=6)
# How long a product keeps quiet about a robot that spoke too often.
_FLOODED = {"feishu": timedelta(minutes=1), "dingtalk": timedelta(minutes=10), "wecom": timedelta(minutes=1)}


class BadChannel(ValueError):
    """The address or secret cannot be one of this product; `field` is "address" or "secret"."""

    def __init__(self, code: str, *, field: str) -> None:
        super().__init__(code)
        self.code, self.field = code, field


@dataclass(frozen=True, slots=True)
class Target:
    """Where messages go. Both texts are secrets; in no repr.

    Attributes:
        kind: "webhook", "slack", "feishu", "dingtalk" or "wecom".
        secret: what signs; "" where the product needs none.
    """

    kind: str
    address: str = field(repr=False)
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel says, worded in its language.

    Attributes:
        id: the same for each attempt; without a full stop.
        kind: of the notice, for example "item_breached"; "test" for a test message.
        words: one line that says it.
        title: what people called its subject; plain text.
        due: the deadline in words, or "".
        open_words: the label of the link.
        is_bad: whether it is about something that went wrong, not only near.
        facts: for programs; JSON.
    """

    id: str
    kind: str
    words: str
    title: str
    due: str
    url: str
    open_words: str
    at: datetime
    is_bad: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One POST."""

    url: str = field(repr=False)
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; `status` 0 when nothing did, and `body` is the reason then."""

    status: int
    body: bytes = b""
    retry_after: str = ""


class Result(StrEnum):
    SENT = "sent"
    RETRY = "retry"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer means.

    Attributes:
        said: the product's code and words, cut; "HTTP 503" for who says nothing we may keep.
        wait: how long the other side asks to be left alone, if it does.
        is_gone: there is nobody at this address any more.
    """

    result: Result
    said: str = ""
    wait: timedelta | None = None
    is_gone: bool = False


def check(target: Target) -> None:
    """Refuse an address or a secret that the product cannot have given out.

    Raises:
        BadChannel: `code` is "not_feishu", "not_dingtalk", "not_wecom", "no_secret_here" or "bad_secret".
    """
    parts = urlsplit(target.address)
    query = parse_qs(parts.query)
    if target.kind == "feishu" and not re.fullmatch(r"/open-apis/bot/v2/hook/[^/]+/?", parts.path):
        raise BadChannel("not_feishu", field="address")
    if target.kind == "dingtalk" and not query.get("access_token"):
        raise BadChannel("not_dingtalk", field="address")
    if target.kind == "wecom" and not query.get("key"):
        raise BadChannel("not_wecom", field="address")
    if target.kind in {"slack", "wecom"} and target.secret:
        raise BadChannel("no_secret_here", field="secret")
    if target.kind == "webhook":
        _webhook_key(target.secret)
    elif any(not "!" <= character <= "~" for character in target.secret):
        raise BadChannel("bad_secret", field="secret")


def new_secret(random_bytes: bytes) -> str:
    """A secret for a webhook, as its receiver is told it."""
    return SECRET_PREFIX + base64.b64encode(random_bytes).decode()


def request(target: Target, message: Message, *, now: datetime) -> Request:
    """The request that carries a message.

    Raises:
        BadChannel: see `check`.
    """
    return _REQUESTS[target.kind](target, message, now)


def outcome(kind: str, reply: Reply, *, now: datetime) -> Outcome:
    """What an answer means.

    Feishu, DingTalk and WeCom answer 200 and put the error into the body. A code that is not known is tried
    again, for a refusal that was none would lose a message.
    """
    if reply.status == 0:
        return Outcome(Result.RETRY, reply.body.decode("utf-8", "replace")[:LONGEST_SAID])
    if reply.status == 429:
        wait = _wait(reply, now) or timedelta(minutes=1)
        return Outcome(Result.RETRY, "HTTP 429", wait=wait)
    if reply.status in {502, 503, 504}:
        return Outcome(Result.RETRY, f"HTTP {reply.status}", wait=_wait(reply, now))
    return _OUTCOMES[kind](reply)


# --- requests -----------------------------------------------------------------------------------------


def _to_webhook(target: Target, message: Message, now: datetime) -> Request:
    body = _json(
        {"type": f"notice.{message.kind}", "timestamp": message.at.isoformat(), "data": dict(message.facts)}
    )
    stamp = str(int(now.timestamp()))
    signed = f"{message.id}.{stamp}.".encode() + body
    signature = _hmac(_webhook_key(target.secret), signed)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }
    return Request(target.address, headers, body)


def _to_slack(target: Target, message: Message, _now: datetime) -> Request:
    details = "\n".join(part for part in (message.title, message.due) if part)
    blocks: list[dict[str, object]] = [{"type": "header", "text": _plain(message.words, 150)}]
    if details:
        blocks.append({"type": "section", "text": _plain(details, 3000)})
    link = f"<{_slack_escaped(message.url)}|{_slack_escaped(message.open_words)}>"
    blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": link}})
    # What stands in the notification, and for readers that know no blocks.
    text = " - ".join(part for part in (message.words, message.title) if part)
    return _post(target.address, {"text": _slack_escaped(_cut(text, 3000)), "blocks": blocks})


def _to_feishu(target: Target, message: Message, now: datetime) -> Request:
    elements: list[dict[str, object]] = [
        {"tag": "div", "text": {"tag": "plain_text", "content": part}}
        for part in (message.title, message.due)
        if part
    ]
    button = {
        "tag": "button",
        "type": "primary",
        "url": message.url,
        "text": {"tag": "plain_text", "content": message.open_words},
    }
    elements.append({"tag": "action", "actions": [button]})
    header = {
        "title": {"tag": "plain_text", "content": message.words},
        "template": "red" if message.is_bad else "orange",
    }
    body: dict[str, object] = {
        "msg_type": "interactive",
        "card": {"config": {"wide_screen_mode": True}, "header": header, "elements": elements},
    }
    if target.secret:
        stamp = str(int(now.timestamp()))
        # The text to be signed is the key, and nothing is what it signs.
        body |= {"timestamp": stamp, "sign": _hmac(f"{stamp}\n{target.secret}".encode(), b"")}
    return _post(target.address, body)


def _to_dingtalk(target: Target, message: Message, now: datetime) -> Request:
    text = "\n".join(part for part in (message.title, message.due) if part) or message.open_words
    body = {
        "msgtype": "link",
        "link": {"title": message.words, "text": text, "messageUrl": message.url, "picUrl": ""},
    }
    address = target.address
    if target.secret:
        stamp = str(int(now.timestamp() * 1000))
        sign = _hmac(target.secret.encode(), f"{stamp}\n{target.secret}".encode())
        address += f"&timestamp={stamp}&sign={quote(sign, safe='')}"
    return _post(address, body)


def _to_wecom(target: Target, message: Message, _now: datetime) -> Request:
    text = "\n".join(part for part in (message.title, message.due) if part) or message.open_words
    article = {
        "title": _cut_bytes(message.words, 128),
        "description": _cut_bytes(text, 512),
        "url": message.url,
    }
    return _post(target.address, {"msgtype": "news", "news": {"articles": [article]}})


# --- answers ------------------------------------------------------------------------------------------


def _of_webhook(reply: Reply) -> Outcome:
    """Anything but 2xx has failed; 410 says that nobody listens any more. Nothing of the body is kept."""
    said = f"HTTP {reply.status}"
    if 200 <= reply.status < 300:
        return Outcome(Result.SENT, said)
    if reply.status == 410:
        return Outcome(Result.REFUSED, said, is_gone=True)
    return Outcome(Result.RETRY, said)


_SLACK_WORD = re.compile(r"[a-z_]{1,60}")
_SLACK_GONE = {"no_service", "no_service_id", "channel_is_archived", "no_active_hooks", "no_team"}


def _of_slack(reply: Reply) -> Outcome:
    """Slack says "ok", or one word with a status from 400 on."""
    word = reply.body[:100].decode("utf-8", "replace").strip()
    said = f"HTTP {reply.status}" + (f" {word}" if _SLACK_WORD.fullmatch(word) else "")
    if reply.status == 200 and word == "ok":
        return Outcome(Result.SENT, said)
    if 400 <= reply.status < 500 and reply.status != 408:
        return Outcome(Result.REFUSED, said, is_gone=word in _SLACK_GONE or reply.status == 410)
    return Outcome(Result.RETRY, said)


@dataclass(frozen=True, slots=True)
class _Codes:
    """What the codes of a product mean; any other is tried again."""

    product: str
    gone: frozenset[int]
    refused: frozenset[int]
    flooded: frozenset[int]


_FEISHU = _Codes(
    "feishu",
    gone=frozenset({19001}),
    # Broken request; wrong signature or clock; address not on the list; keyword missing; too long.
    refused=frozenset({9499, 19002, 19021, 19022, 19024, 19036}),
    flooded=frozenset({11232, 99991400}),
)
_DINGTALK = _Codes(
    "dingtalk",
    # No such token (two spellings, two ages), robot stopped, group dissolved.
    gone=frozenset({300001, 300005, 400101, 400102, 400013}),
    # Keyword, signature or address; broken request; unwanted content; too long.
    refused=frozenset({310000, 40035, 43004, 400105, 400106, 430101, 430102, 430103, 430104, 460101}),
    flooded=frozenset({130101, 410100, 90030}),
)
_WECOM = _Codes(
    "wecom",
    gone=frozenset({93000, 93008}),
    refused=frozenset({40008, 40035, 40058, 44004, 45002, 47001, 93004}),
    flooded=frozenset({45009, 45033}),
)


def _of_feishu(reply: Reply) -> Outcome:
    return _by_code(reply, _FEISHU, names=("code", "StatusCode"), words=("msg", "StatusMessage"))


def _of_dingtalk(reply: Reply) -> Outcome:
    return _by_code(reply, _DINGTALK, names=("errcode",), words=("errmsg",))


def _of_wecom(reply: Reply) -> Outcome:
    return _by_code(reply, _WECOM, names=("errcode",), words=("errmsg",))


def _by_code(reply: Reply, codes: _Codes, *, names: tuple[str, ...], words: tuple[str, ...]) -> Outcome:
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        answer = None
    answer = answer if isinstance(answer, dict) else {}
    code = next((answer[name] for name in names if type(answer.get(name)) is int), None)
    if code is None:
        return Outcome(Result.RETRY, f"HTTP {reply.status}")
    text = next((answer[name] for name in words if isinstance(answer.get(name), str)), "")
    said = _cut(" ".join(f"{code} {text}".split()), LONGEST_SAID)
    if code == 0 and 200 <= reply.status < 300:
        return Outcome(Result.SENT, said)
    if code in codes.gone:
        return Outcome(Result.REFUSED, said, is_gone=True)
    if code in codes.refused:
        return Outcome(Result.REFUSED, said)
    return Outcome(Result.RETRY, said, wait=_FLOODED[codes.product] if code in codes.flooded else None)


_REQUESTS: dict[str, Callable[[Target, Message, datetime], Request]] = {
    "webhook": _to_webhook,
    "slack": _to_slack,
    "feishu": _to_feishu,
    "dingtalk": _to_dingtalk,
    "wecom": _to_wecom,
}
_OUTCOMES: dict[str, Callable[[Reply], Outcome]] = {
    "webhook": _of_webhook,
    "slack": _of_slack,
    "feishu": _of_feishu,
    "dingtalk": _of_dingtalk,
    "wecom": _of_wecom,
}


# --- what they share ----------------------------------------------------------------------------------


def _post(url: str, body: Mapping[str, object]) -> Request:
    return Request(url, {"Content-Type": "application/json; charset=utf-8"}, _json(body))


def _json(body: Mapping[str, object]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _hmac(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def _webhook_key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadChannel("bad_secret", field="secret") from None
    if not secret.startswith(SECRET_PREFIX) or not LEAST_SECRET_BYTES <= len(key) <= MOST_SECRET_BYTES:
        raise BadChannel("bad_secret", field="secret")
    return key


def _wait(reply: Reply, now: datetime) -> timedelta | None:
    """What Retry-After asks for: seconds, or a date; at most some hours."""
    text = reply.retry_after.strip()
    if text.isascii() and text.isdecimal():
        return min(timedelta(seconds=min(int(text[:9]), 10**8)), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return min(max(moment - now, timedelta()), _LONGEST_WAIT)


def _plain(text: str, longest: int) -> dict[str, object]:
    return {"type": "plain_text", "text": _cut(text, longest), "emoji": False}


def _slack_escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _cut_bytes(text: str, longest: int) -> str:
    encoded = text.encode()
    if len(encoded) <= longest:
        return text
    return encoded[: longest - 3].decode("utf-8", "ignore") + "…"
