"""A network that fails: between a client and a server it lets through only so much of an answer."""

import socket
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit


class Relay:
    """Passes questions on whole, and of each answer the first `most` bytes, `pause` seconds late.

    Attributes:
        url: where it listens.
        passed: how many bytes of answers came from the server, of each question.
        most, pause: may be changed between questions; None: all of it.
    """

    def __init__(self, url: str, *, most: int | None = None, pause: float = 0) -> None:
        self._to = (urlsplit(url).hostname, urlsplit(url).port)
        self.most, self.pause = most, pause
        self.passed: list[int] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listening.accept()
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(self._to) as server:
            threading.Thread(target=self._copy, args=(client, server), daemon=True).start()
            left, count = self.most, 0
            server.settimeout(1)
            while piece := self._read(server):
                count += len(piece)
                time.sleep(self.pause)
                client.sendall(piece if left is None else piece[: max(left, 0)])
                left = None if left is None else left - len(piece)
                if left is not None and left <= 0:
                    break
            self.passed.append(count)

    @staticmethod
    def _read(server: socket.socket) -> bytes:
        try:
            return server.recv(65536)
        except TimeoutError:
            return b""

    @staticmethod
    def _copy(client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := client.recv(65536):
                server.sendall(piece)
