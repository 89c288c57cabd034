"""A small HTTP/1.1 client for many short requests: kept connections, guarded addresses, bounded answers.

Of its own because a check costs little more than its request: the general client it replaces took three
times the CPU for each, more than Prometheus and PostgreSQL took together. It does what probes need and
nothing else: GET and POST, http and https, no redirects, no proxies, no cookies, no compression. Notices go
into chats through it as well (`Client.post`).
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from remediation.probes.access import OPEN, Access

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 2 * 1024 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n", re.IGNORECASE)
_CLOSING = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r\n", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})(?:[ \t]*;[^\r\n]*)?\r\n")


class BadAddress(ValueError):
    """This is not the address of a web server."""


class TooLarge(Exception):
    """The answer is larger than allowed; the rest was not read."""


class Broken(OSError):
    """The connection ended before the answer did, or what came is no HTTP."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where requests go: one scheme, host and port, and the path that stands before each request's own."""

    host: str
    port: int
    is_secure: bool
    prefix: str

    @classmethod
    def of(cls, base_url: str) -> Origin:
        """Read an address such as https://prometheus.example:9090/metrics-api.

        Raises:
            BadAddress: no http or https, no host, credentials in it, or characters no address has.
        """
        try:
            parts = urlsplit(base_url)
            port = parts.port
        except ValueError:
            raise BadAddress(base_url) from None
        is_odd = any(not "!" <= character <= "~" for character in base_url)
        if (
            is_odd
            or parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.username is not None
        ):
            raise BadAddress(base_url)
        is_secure = parts.scheme == "https"
        return cls(parts.hostname, port or (443 if is_secure else 80), is_secure, parts.path.rstrip("/"))

    @property
    def head(self) -> bytes:
        """The header lines that every request to this origin has."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        lines = [f"Host: {host}:{self.port}", "User-Agent: closeloop", "Accept: application/json"]
        return "\r\n".join([*lines, "Accept-Encoding: identity", ""]).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `head` is its status line and headers as they came."""

    status: int
    body: bytes
    head: bytes

    def header(self, name: str) -> str:
        """The first header of this name, or ""."""
        for line in self.head.split(b"\r\n")[1:]:
            found, _, value = line.partition(b":")
            if found.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return ""


class Client:
    """Sends requests to one origin over connections that stay open; belongs to one event loop."""

    def __init__(
        self, origin: Origin, *, check_address: Callable[[str], None], access: Access = OPEN
    ) -> None:
        """`check_address` raises an OSError for an address that must not be connected to.

        Raises:
            ssl.SSLError: the certificates of `access` are none.
        """
        self._origin = origin
        self._check_address = check_address
        self._idle: list[_Connection] = []
        self._head = origin.head
        if access.authorization:
            self._head += f"Authorization: {access.authorization}\r\n".encode("ascii")
        self._tls = access.tls() if origin.is_secure else None

    async def ask(self, path: str, *, form: str, is_post: bool = False) -> tuple[int, bytes]:
        """Send a form-encoded question; its answer's status and body.

        Raises:
            TooLarge, Broken, OSError: see there; an OSError means that there was no connection.
        """
        target = f"{self._origin.prefix}{path}"
        if is_post:
            kind = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(
                form
            )
            request = f"POST {target} HTTP/1.1\r\n".encode() + self._head + kind + form.encode()
        else:
            request = f"GET {target}?{form} HTTP/1.1\r\n".encode() + self._head + b"\r\n"
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                try:
                    return await self._exchange(connection, request)
                except Broken:
                    # The server may have closed it just now, as servers do with idle ones. A query
                    # changes nothing, so it may be asked again.
                    if connection.has_heard:
                        raise
        return await self._exchange(await self._connect(), request)

    async def post(self, target: str, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a body once, over a connection of its own: it may change something, so it is not sent again.

        Args:
            target: path and query, as they stand in an address that `Origin.of` took.
            headers: beside those of the origin; without line breaks.

        Raises:
            TooLarge, Broken, OSError: as for `ask`.
        """
        lines = [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "Connection: close"]
        if any(mark in line for line in [target, *lines] for mark in "\r\n"):
            raise BadAddress(target)
        head = f"POST {target} HTTP/1.1\r\n".encode("ascii") + self._head
        head += "\r\n".join([*lines, "", ""]).encode("ascii")
        connection = await self._connect()
        try:
            status, said = await connection.exchange(head + body)
        finally:
            connection.abort()
        return Answer(status, said, connection.head)

    def close(self) -> None:
        """Close the idle connections."""
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    async def _exchange(self, connection: _Connection, request: bytes) -> tuple[int, bytes]:
        try:
            status, body = await connection.exchange(request)
        except BaseException:
            connection.abort()
            raise
        if connection.is_open:
            self._idle.append(connection)
        return status, body

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        origin = self._origin
        found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        places = [str(place[4][0]) for place in found]
        # All of them first: a name with one good and one forbidden address is a trick.
        for address in places:
            self._check_address(address)
        problem: OSError = Broken("The name has no address")
        for address in places:
            try:
                _, connection = await loop.create_connection(
                    _Connection,
                    address,
                    origin.port,
                    ssl=self._tls,
                    server_hostname=origin.host if self._tls else None,
                )
                return connection
            except OSError as error:
                problem = error
        raise problem


class _Connection(asyncio.Protocol):
    """One connection: a request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._received = bytearray()
        self._reader = _Reader()
        self.has_heard = False

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def head(self) -> bytes:
        """The head of the last answer."""
        return self._reader.head

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._transport is None:
            raise Broken("The connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self.has_heard = False
        self._reader = _Reader()
        self._transport.write(request)
        return await self._answer

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.has_heard = True
        if self._answer is None or self._answer.done():
            self.abort()  # nobody asked
            return
        self._received += data
        try:
            answer = self._reader.read(self._received, is_end=False)
        except (Broken, TooLarge) as problem:
            self.abort()
            self._answer.set_exception(problem)
            return
        if answer is not None:
            if self._received or not self._reader.is_kept:
                self.abort()
            self._answer.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._answer is None or self._answer.done():
            return
        try:
            answer = None if error else self._reader.read(self._received, is_end=True)
        except (Broken, TooLarge) as problem:
            self._answer.set_exception(problem)
            return
        if answer is None:
            self._answer.set_exception(Broken("The connection ended early"))
        else:
            self._answer.set_result(answer)


class _Reader:
    """Takes one answer off the front of what was received."""

    def __init__(self) -> None:
        self.is_kept = True
        self.head = b""
        self._status = 0
        self._length: int | None = None
        self._is_chunked = False
        self._body = bytearray()

    def read(self, received: bytearray, *, is_end: bool) -> tuple[int, bytes] | None:
        """The answer once it is complete.

        Args:
            is_end: whether nothing will follow, which completes an answer that does not say its length.

        Raises:
            Broken: this is no HTTP.
            TooLarge: the body is.
        """
        while not self._status:
            if not self._read_head(received):
                return None
        if self._is_chunked:
            if not self._read_chunks(received):
                return None
        elif self._length is not None:
            if len(received) < self._length:
                return None
            self._body += received[: self._length]
            del received[: self._length]
        else:
            if len(received) > MAX_BODY_BYTES:
                raise TooLarge
            if not is_end:
                return None
            self._body += received
            received.clear()
        return self._status, bytes(self._body)

    def _read_head(self, received: bytearray) -> bool:
        end = received.find(b"\r\n\r\n")
        if end < 0:
            if len(received) > MAX_HEAD_BYTES:
                raise Broken("The answer's head is too long")
            return False
        head = bytes(received[: end + 2])
        del received[: end + 4]
        found = _STATUS.match(head)
        if found is None:
            raise Broken("This is no HTTP")
        status = int(found[1])
        if 100 <= status < 200:
            return True  # an interim answer: another head follows
        self._status, self.head = status, head
        self.is_kept = head.startswith(b"HTTP/1.1") and _CLOSING.search(head) is None
        self._is_chunked = _CHUNKED.search(head) is not None
        length = _LENGTH.search(head)
        if status in {204, 304}:
            self._length = 0
        elif length is not None and not self._is_chunked:
            self._length = int(length[1])
            if self._length > MAX_BODY_BYTES:
                raise TooLarge
        elif not self._is_chunked:
            self.is_kept = False
        return True

    def _read_chunks(self, received: bytearray) -> bool:
        while True:
            found = _CHUNK_SIZE.match(received)
            if found is None:
                if len(received) > 1024:
                    raise Broken("This is no chunk")
                return False
            size, start = int(found[1], 16), found.end()
            if len(self._body) + size > MAX_BODY_BYTES:
                raise TooLarge
            if size == 0:
                # Trailers, if any, end with an empty line.
                end = received.find(b"\r\n\r\n", start - 2)
                if end < 0:
                    return False
                del received[: end + 4]
                return True
            if len(received) < start + size + 2:
                return False
            if received[start + size : start + size + 2] != b"\r\n":
                raise Broken("This is no chunk")
            self._body += received[start : start + size]
            del received[: start + size + 2]
