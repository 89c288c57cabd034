"""The HTTP client of the probes, against servers that send exactly what a test says."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from remediation.probes.http import MAX_BODY_BYTES, BadAddress, Broken, Client, Origin, TooLarge
from tests.services import require_program

Answer = Callable[[asyncio.StreamWriter, int], Awaitable[None]]


class Server:
    """Answers the n-th request of its life as told, and remembers what it was sent."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0] or 0)
                self.requests.append(head + await reader.readexactly(length))
                await self._answer(writer, len(self.requests))
                if writer.is_closing():
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def client(self, path: str = "") -> Client:
        return Client(Origin.of(f"http://127.0.0.1:{self.port}{path}"), check_address=lambda address: None)


@asynccontextmanager
async def running(answer: Answer, **more: object) -> AsyncIterator[Server]:
    server = Server(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, **more)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


def says(*parts: bytes, closes: bool = False) -> Answer:
    """The same bytes for every request, each part a packet of its own."""

    async def answer(writer: asyncio.StreamWriter, number: int) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.005)
        if closes:
            writer.close()

    return answer


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def ask(answer: Answer, *, times: int = 1) -> list[tuple[int, bytes]]:
    async def talk() -> list[tuple[int, bytes]]:
        async with running(answer) as server:
            client = server.client()
            try:
                async with asyncio.timeout(5):
                    return [await client.ask("/q", form="a=1") for _ in range(times)]
            finally:
                client.close()

    return asyncio.run(talk())


@pytest.mark.parametrize(
    ("parts", "status", "body"),
    [
        ([OK], 200, b"hello"),
        ([bytes([byte]) for byte in OK], 200, b"hello"),
        ([b"HTTP/1.1 404 Not Found\r\ncOnTeNt-LeNgTh:0\r\n\r\n"], 404, b""),
        ([b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"], 200, b"ok"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], 204, b""),
        (
            [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK],
            200,
            b"hello",
        ),
        (
            [
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r",
                b"\n2;x=y\r\nlo\r\n0\r\n\r\n",
            ],
            200,
            b"hello",
        ),
        (
            [
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n",
                b"\r\n",
            ],
            200,
            b"hello",
        ),
    ],
)
def test_answer_is_read_however_it_is_cut(parts, status, body):
    assert ask(says(*parts), times=2) == [(status, body)] * 2


def test_answer_without_a_length_ends_with_the_connection():
    assert ask(says(b"HTTP/1.0 200 OK\r\n\r\nhel", b"lo", closes=True), times=2) == [(200, b"hello")] * 2


@pytest.mark.parametrize(
    "parts",
    [
        [b"SSH-2.0-OpenSSH_9.2\r\n\r\n"],
        [b"HTTP/1.1 two hundred\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz" + b"z" * 2000],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n"],
    ],
)
def test_what_is_no_http_is_broken(parts):
    with pytest.raises(Broken):
        ask(says(*parts))


@pytest.mark.parametrize(
    "parts",
    [
        [b""],
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"],
    ],
)
def test_answer_that_ends_early_is_broken(parts):
    with pytest.raises(Broken):
        ask(says(*parts, closes=True))


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
        b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % (MAX_BODY_BYTES + 1),
        b"\r\n" + b"x" * (MAX_BODY_BYTES + 1),
    ],
)
def test_answer_that_is_too_large_is_not_read(head):
    with pytest.raises(TooLarge):
        ask(says(b"HTTP/1.1 200 OK\r\n" + head))


def test_connection_is_kept_and_requests_are_as_they_should_be():
    async def talk() -> Server:
        async with running(says(OK)) as server:
            client = server.client("/prefix/")
            await client.ask("/q", form="a=1")
            await client.ask("/q", form="b=2", is_post=True)
            client.close()
            return server

    server = asyncio.run(talk())

    common = f"Host: 127.0.0.1:{server.port}\r\nUser-Agent: closeloop\r\nAccept: application/json\r\n"
    common += "Accept-Encoding: identity\r\n"
    kind = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\nb=2"
    assert server.connections == 1
    assert [request.decode() for request in server.requests] == [
        f"GET /prefix/q?a=1 HTTP/1.1\r\n{common}\r\n",
        f"POST /prefix/q HTTP/1.1\r\n{common}{kind}",
    ]


def test_each_of_several_requests_at_once_gets_its_own_answer():
    async def echo(writer: asyncio.StreamWriter, number: int) -> None:
        await asyncio.sleep(0.01 * (number % 3))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n%05d" % number)

    async def talk() -> tuple[list[bytes], int]:
        async with running(echo) as server:
            client = server.client()
            bodies = []
            for _ in range(3):
                bodies += [
                    body for _, body in await asyncio.gather(*(client.ask("/", form="") for _ in range(5)))
                ]
            client.close()
            return bodies, server.connections

    bodies, connections = asyncio.run(talk())
    assert sorted(bodies) == [b"%05d" % number for number in range(1, 16)]
    assert connections == 5


def test_kept_connection_that_the_server_has_closed_is_replaced():
    async def once(writer: asyncio.StreamWriter, number: int) -> None:
        if number == 2:
            writer.transport.abort()
        else:
            writer.write(OK)

    async def talk() -> tuple[list[int], int]:
        async with running(once) as server:
            client = server.client()
            found = [(await client.ask("/", form=""))[0] for _ in range(3)]
            client.close()
            return found, server.connections

    assert asyncio.run(talk()) == ([200, 200, 200], 2)


def test_answer_that_breaks_in_the_middle_is_not_asked_again():
    async def break_off(writer: asyncio.StreamWriter, number: int) -> None:
        writer.write(OK if number == 1 else OK[:30])
        if number > 1:
            await writer.drain()
            writer.close()

    with pytest.raises(Broken):
        ask(break_off, times=2)


def test_connection_with_more_than_the_answer_is_not_trusted_again():
    async def talk() -> int:
        async with running(says(OK + b"HTTP/1.1 200 OK\r\n")) as server:
            client = server.client()
            for _ in range(3):
                assert await client.ask("/", form="") == (200, b"hello")
            return server.connections

    assert asyncio.run(talk()) == 3


def test_request_given_up_takes_its_connection_along():
    async def second_answers(writer: asyncio.StreamWriter, number: int) -> None:
        await asyncio.sleep(0.3 if number == 1 else 0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)

    async def talk() -> bytes:
        async with running(second_answers) as server:
            client = server.client()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await client.ask("/", form="")
            _, body = await client.ask("/", form="")
            await asyncio.sleep(0.4)
            client.close()
            return body

    assert asyncio.run(talk()) == b"2"


def test_addresses_are_checked_before_anything_is_sent():
    def refuse(address: str) -> None:
        raise PermissionError(address)

    async def talk() -> int:
        async with running(says(OK)) as server:
            client = Client(Origin.of(f"http://127.0.0.1:{server.port}"), check_address=refuse)
            with pytest.raises(PermissionError):
                await client.ask("/", form="")
            return server.connections

    assert asyncio.run(talk()) == 0


def test_certificates_are_verified(tmp_path):
    openssl = require_program("openssl", "apt-get install openssl")
    argv = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    argv += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    argv += ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")]
    subprocess.run(argv, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")

    async def talk(*, is_trusted: bool) -> bytes:
        async with running(says(OK), ssl=context) as server:
            client = Client(Origin.of(f"https://localhost:{server.port}"), check_address=lambda address: None)
            if is_trusted:
                client._tls.load_verify_locations(tmp_path / "certificate")
            return (await client.ask("/", form=""))[1]

    assert asyncio.run(talk(is_trusted=True)) == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(talk(is_trusted=False))


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("http://prometheus", ("prometheus", 80, False, "")),
        ("https://prometheus.example/", ("prometheus.example", 443, True, "")),
        ("http://10.0.0.7:9090/metrics/api/", ("10.0.0.7", 9090, False, "/metrics/api")),
        ("http://[fd12::1]:9090", ("fd12::1", 9090, False, "")),
    ],
)
def test_origin_is_read_from_an_address(address, origin):
    found = Origin.of(address)

    assert (found.host, found.port, found.is_secure, found.prefix) == origin


@pytest.mark.parametrize(
    "address",
    ["", "prometheus", "ftp://prometheus", "http://", "http://a:b@c", "http://a b", "http://a\r\nX: y", "http://a:99999",
     "http://[::1", "http://普罗米修斯"],
)  # fmt: skip
def test_address_of_no_web_server_is_refused(address):
    with pytest.raises(BadAddress):
        Origin.of(address)


def test_host_of_an_ipv6_address_stands_in_brackets():
    assert b"Host: [fd12::1]:9090\r\n" in Origin.of("http://[fd12::1]:9090").head
