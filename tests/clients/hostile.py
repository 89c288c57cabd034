"""Small servers that answer as no instance should, and one that answers well."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from web import clients


def good(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer of an instance that lets everything pass."""
    kept = {name: asked[name] for name in ("service", "date", "repository", "change_id") if name in asked}
    return {"status": "PASS", "findings": [], "mode": "strict", **kept}


def _json(change: Callable[[dict[str, Any]], Any]) -> Callable[["Handler", dict[str, Any]], None]:
    return lambda handler, asked: handler.say(200, json.dumps(change(good(asked))))


def _status(status: int, body: str = "", **headers: str) -> Callable[["Handler", dict[str, Any]], None]:
    return lambda handler, _asked: handler.say(status, body, **headers)


def _raw(*pieces: bytes, pause: float = 0) -> Callable[["Handler", dict[str, Any]], None]:
    def answer(handler: "Handler", _asked: dict[str, Any]) -> None:
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
            time.sleep(pause)
        handler.close_connection = True

    return answer


def _partial(handler: "Handler", asked: dict[str, Any]) -> None:
    body = json.dumps(good(asked)).encode()
    _raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(body) + 40) + body)(handler, asked)


def _twice(handler: "Handler", asked: dict[str, Any]) -> None:
    handler.say(200, json.dumps(good(asked))[:-1] + ', "status": "FAIL"}')


def _drip(handler: "Handler", asked: dict[str, Any]) -> None:
    # A byte now and then keeps every time limit between two bytes.
    body = json.dumps(good(asked)).encode()
    with suppress(OSError):
        _raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))(handler, asked)
        _raw(*(body[place : place + 1] for place in range(len(body))), pause=0.3)(handler, asked)


_PASS = '{"status": "PASS", "service": "order", "repository": "shop/order", "change_id": "!42"}'
_HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

# What a server may do instead of letting pass. None of it is a PASS.
BEHAVIOURS: dict[str, Callable[["Handler", dict[str, Any]], None]] = {
    "fail": _json(lambda answer: answer | {"status": "FAIL"}),
    "unknown": _json(lambda answer: answer | {"status": "UNKNOWN"}),
    "lower_case": _json(lambda answer: answer | {"status": "pass"}),
    "with_space": _json(lambda answer: answer | {"status": "PASS "}),
    "true": _json(lambda answer: answer | {"status": True}),
    "in_a_list": _json(lambda answer: answer | {"status": ["PASS"]}),
    "no_status": _json(lambda answer: {name: answer[name] for name in answer if name != "status"}),
    "in_a_finding": _json(lambda answer: answer | {"status": None, "findings": [{"status": "PASS"}]}),
    "two_verdicts": _json(lambda answer: answer | {"verdict": "FAIL"}),
    "said_twice": _twice,
    "a_list": _json(lambda answer: [answer]),
    "only_a_word": _status(200, '"PASS"'),
    "of_another": _json(lambda answer: answer | {"service": "cart", "repository": "shop/cart"}),
    "of_nobody": _status(200, '{"status": "PASS"}'),
    "bad_request": _status(400, '{"code": "no", "detail": "No.", "errors": {"date": [{"message": "x"}]}}'),
    "unauthorised": _status(401, '{"code": "token_not_valid", "detail": "The token is unknown."}'),
    "forbidden": _status(403, _PASS),
    "not_found": _status(404, _PASS),
    "too_many": _status(429, _PASS, Retry_After="30"),
    "server_error": _status(500, _PASS),
    "bad_gateway": _status(502, "<html>PASS</html>"),
    "unavailable": _status(503, _PASS, Retry_After="1"),
    "created": _status(201, _PASS),
    "partial_content": _status(206, _PASS),
    "no_content": _status(204),
    "html": _status(200, f"<html>{_PASS}</html>"),
    "trailing": _status(200, _PASS + "x"),
    "word": _status(200, "PASS"),
    "empty": _status(200, ""),
    "blank": _status(200, " \n"),
    "cut_short": _status(200, _PASS[:-1]),
    "no_utf8": _raw(_HEAD + b'{"status": "PASS\xff"}'),
    "deep": _status(200, "[" * 100_000),
    "no_http": _raw(b"PASS\r\n"),
    "nothing": _raw(),
    "reset": _raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "partial": _partial,
    "partial_chunks": _raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (len(_PASS) + 9) + _PASS.encode()
    ),
    "drip": _drip,
}  # fmt: skip
# After these the client tries again.
TRIED_AGAIN = {
    "too_many", "server_error", "bad_gateway", "unavailable", "no_http", "nothing", "reset", "partial",
    "partial_chunks", "drip",
}  # fmt: skip
# After these the client ends with 1, for there is a verdict; after all others with 2.
VERDICTS = {"fail", "unknown"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "Hostile"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path.startswith("/ci/"):
            self.server.give(self, address.path[len("/ci/") :])
            return
        self._answer(dict(parse_qsl(address.query)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(json.loads(body))

    def _answer(self, asked: dict[str, Any]) -> None:
        self.server.asked.append(asked)
        self.server.tokens.append(self.headers.get("Authorization", ""))
        self.server.behave(self, asked)

    def say(self, status: int, body: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode() if status != 204 else b"")

    def log_message(self, *args: object) -> None:
        pass


class Hostile(ThreadingHTTPServer):
    """A server on this machine that behaves as it is told; it gives the client files as an instance does.

    Attributes:
        asked: what it was asked, in order.
        tokens: the Authorization header of each.
        behave: called for each question.
        give: called for each client file.
    """

    daemon_threads = True

    def __init__(self, certificate: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.behave: Callable[[Handler, dict[str, Any]], None] = _json(lambda answer: answer)
        self.give: Callable[[Handler, str], None] = self.give_file
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def give_file(self, handler: Handler, name: str) -> None:
        handler.say(200, clients.served(name, self.url).body.decode())

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what half of this is about."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()
