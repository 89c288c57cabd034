"""Chats and receivers on loopback that take what the real ones take, and refuse what those refuse.

Written from what each product publishes; the words of their answers are those of the products.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SECRETS = {
    "webhook": "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode(),
    "feishu": "Zm9yIHRoZSByb2JvdA",
    "dingtalk": "SEC" + "0123456789abcdef" * 4,
    "slack": "",
    "wecom": "",
}
PATHS = {
    "webhook": f"/hooks/{TOKEN}",
    "slack": f"/services/T0/B0/{TOKEN}",
    "feishu": f"/open-apis/bot/v2/hook/{TOKEN}",
    "dingtalk": f"/robot/send?access_token={TOKEN}",
    "wecom": f"/cgi-bin/webhook/send?key={TOKEN}",
}


class Chat:
    """One product, one room; `said` is what arrived, `answers` are given before it looks at a message again.

    Attributes:
        answers: (status, body, headers) each.
    """

    def __init__(self, kind, *, secret=None):
        self.kind = kind
        self.secret = SECRETS[kind] if secret is None else secret
        self.said, self.requests, self.answers = [], [], []
        # What its clock shows: a moment, or the present one.
        self.now = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}{PATHS[self.kind]}"

    def age(self, stamp):
        return abs((self.now.timestamp() if self.now else time.time()) - stamp)

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, dict(self.headers), body))
                if outer.answers:
                    status, answer, headers = outer.answers.pop(0)
                else:
                    status, answer = CHECKS[outer.kind](outer, self.path, self.headers, body)
                    headers = {}
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        return Handler


def _same(one, other):
    return hmac.compare_digest(one.encode(), other.encode())


def _signed(key, text):
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def _only(value, needed, allowed=()):
    """Whether an object has all it needs and nothing that is not known."""
    return isinstance(value, dict) and needed <= value.keys() <= needed | set(allowed)


def _text(value, longest, *, is_needed=True):
    return isinstance(value, str) and len(value) <= longest and (bool(value.strip()) or not is_needed)


def _web_address(value):
    parts = urlsplit(value) if isinstance(value, str) else None
    return bool(parts) and parts.scheme in {"http", "https"} and bool(parts.hostname)


# --- Standard Webhooks 1.0.0 --------------------------------------------------------------------------


def webhook(chat, path, headers, body):
    """A receiver that verifies as the reference libraries do."""
    stamp, uid = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
    if path != PATHS["webhook"]:
        return 404, b""
    if not uid or "." in uid or not stamp.isdecimal() or chat.age(int(stamp)) > 300:
        return 400, b"bad headers"
    key = base64.b64decode(chat.secret.removeprefix("whsec_"))
    expected = _signed(key, f"{uid}.{stamp}.".encode() + body)
    versions = [one.partition(",") for one in headers.get("webhook-signature", "").split(" ")]
    if not any(version == "v1" and _same(given, expected) for version, _comma, given in versions):
        return 401, b"bad signature"
    event = json.loads(body)
    if headers.get("Content-Type") != "application/json" or not _only(event, {"type", "timestamp", "data"}):
        return 400, b"bad body"
    chat.said.append((uid, event))
    return 204, b""


# --- Slack --------------------------------------------------------------------------------------------


def slack(chat, path, headers, body):
    if path != PATHS["slack"]:
        return 404, b"no_service"
    try:
        message = json.loads(body)
    except ValueError:
        return 400, b"invalid_payload"
    if not headers.get("Content-Type", "").startswith("application/json") or not isinstance(message, dict):
        return 400, b"invalid_payload"
    if not _text(message.get("text"), 40_000):
        return 400, b"no_text"
    if not _only(message, {"text"}, {"blocks", "attachments", "thread_ts", "mrkdwn"}):
        return 400, b"invalid_payload"
    blocks = message.get("blocks", [])
    if not isinstance(blocks, list) or len(blocks) > 50 or not all(_slack_block(one) for one in blocks):
        return 400, b"invalid_blocks"
    chat.said.append(message)
    return 200, b"ok"


def _slack_block(block):
    if not _only(block, {"type", "text"}, {"block_id"}):
        return False
    text = block["text"]
    if text.get("type") == "plain_text":
        is_known = _only(text, {"type", "text"}, {"emoji"})
    else:
        is_known = text.get("type") == "mrkdwn" and _only(text, {"type", "text"}, {"verbatim"})
    if block["type"] == "header":
        return is_known and text["type"] == "plain_text" and _text(text["text"], 150)
    return is_known and block["type"] == "section" and _text(text["text"], 3000)


# --- Feishu -------------------------------------------------------------------------------------------


def feishu(chat, path, headers, body):
    if path != PATHS["feishu"]:
        return 200, {"code": 19001, "data": {}, "msg": "param invalid: incoming webhook access token invalid"}
    if len(body) > 20 * 1024:
        return 200, {"code": 19036, "data": {}, "msg": "request body too large"}
    bad = (400, {"code": 9499, "msg": "Bad Request", "data": {}})
    try:
        message = json.loads(body)
    except ValueError:
        return bad
    if not headers.get("Content-Type", "").startswith("application/json") or not isinstance(message, dict):
        return bad
    if chat.secret:
        stamp = message.pop("timestamp", "")
        given = message.pop("sign", "")
        is_fresh = stamp.isdecimal() and chat.age(int(stamp)) <= 3600
        if not is_fresh or not _same(given, _signed(f"{stamp}\n{chat.secret}".encode(), b"")):
            words = "sign match fail or timestamp is not within one hour from current time"
            return 200, {"code": 19021, "data": {}, "msg": words}
    if not _only(message, {"msg_type", "card"}) or message["msg_type"] != "interactive":
        return bad
    if not _feishu_card(message["card"]):
        return 200, {"code": 19002, "data": {}, "msg": "params error, msg_type or card is wrong"}
    chat.said.append(message)
    return 200, {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}


def _feishu_card(card):
    if not _only(card, {"header", "elements"}, {"config"}) or not card["elements"]:
        return False
    header = card["header"]
    colours = {"blue", "wathet", "turquoise", "green", "yellow", "orange", "red", "carmine", "grey"}
    if not _only(header, {"title"}, {"template"}) or header.get("template", "blue") not in colours:
        return False
    return _feishu_text(header["title"]) and all(_feishu_element(one) for one in card["elements"])


def _feishu_text(text):
    return _only(text, {"tag", "content"}) and text["tag"] == "plain_text" and _text(text["content"], 5000)


def _feishu_element(element):
    if element.get("tag") == "div":
        return _only(element, {"tag", "text"}) and _feishu_text(element["text"])
    if element.get("tag") != "action" or not _only(element, {"tag", "actions"}):
        return False
    return all(
        _only(one, {"tag", "type", "url", "text"})
        and one["tag"] == "button"
        and one["type"] in {"default", "primary", "danger"}
        and _web_address(one["url"])
        and _feishu_text(one["text"])
        for one in element["actions"]
    )


# --- DingTalk -----------------------------------------------------------------------------------------


def dingtalk(chat, path, headers, body):
    query = parse_qs(urlsplit(path).query)
    if query.get("access_token") != [TOKEN]:
        return 200, {"errcode": 300005, "errmsg": "token is not exist"}
    if not headers.get("Content-Type", "").startswith("application/json"):
        return 200, {"errcode": 43004, "errmsg": "无效的HTTP HEADER Content-Type"}
    if chat.secret:
        (stamp,), (given,) = query.get("timestamp", [""]), query.get("sign", [""])
        text = f"{stamp}\n{chat.secret}"
        is_fresh = stamp.isdecimal() and chat.age(int(stamp) / 1000) <= 3600
        if not is_fresh or not _same(given, _signed(chat.secret.encode(), text.encode())):
            words = "description:机器人发送签名不匹配;solution:请确认签名和时间戳都放在调用的网址中"
            return 200, {"errcode": 310000, "errmsg": words}
    try:
        message = json.loads(body)
    except ValueError:
        message = None
    if not _only(message, {"msgtype", "link"}, {"at"}) or message["msgtype"] != "link":
        return 200, {"errcode": 40035, "errmsg": "缺少参数 json"}
    link = message["link"]
    is_whole = _only(link, {"title", "text", "messageUrl"}, {"picUrl"}) and _web_address(link["messageUrl"])
    if not is_whole or not _text(link["title"], 500) or not _text(link["text"], 5000):
        return 200, {"errcode": 40035, "errmsg": "缺少参数 link"}
    chat.said.append(message)
    return 200, {"errcode": 0, "errmsg": "ok"}


# --- WeCom --------------------------------------------------------------------------------------------


def wecom(chat, path, headers, body):
    if parse_qs(urlsplit(path).query) != {"key": [TOKEN]}:
        words = f"invalid webhook url, hint: [1764149000], from ip: 203.0.113.9, url: {path}"
        return 200, {"errcode": 93000, "errmsg": words}
    try:
        message = json.loads(body)
    except ValueError:
        return 200, {"errcode": 47001, "errmsg": "data format error"}
    if not _only(message, {"msgtype", "news"}) or message["msgtype"] != "news":
        return 200, {"errcode": 40008, "errmsg": "invalid message type"}
    articles = message["news"].get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= 8:
        return 200, {"errcode": 40058, "errmsg": "news.articles size out of range"}
    for one in articles:
        is_whole = _only(one, {"title", "url"}, {"description", "picurl"}) and _web_address(one["url"])
        sizes = {"title": 128, "description": 512}
        if not is_whole or any(len(one.get(name, "").encode()) > most for name, most in sizes.items()):
            return 200, {"errcode": 40058, "errmsg": "invalid Request Parameter"}
    chat.said.append(message)
    return 200, {"errcode": 0, "errmsg": "ok"}


CHECKS = {"webhook": webhook, "slack": slack, "feishu": feishu, "dingtalk": dingtalk, "wecom": wecom}
