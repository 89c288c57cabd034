"""Pages asked of the shipped application by a logged-in reader, in turns with the bare view."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection, RemoteDisconnected
from itertools import repeat
from pathlib import Path
from typing import Any

from benchmarks.servers import await_answer, free_port, granian

ASKED_A_ROUND = 10


@dataclass(frozen=True)
class Site:
    """The application and the bare view, by their ports, and what the reader sends along."""

    web: int
    bare: int
    headers: Mapping[str, str]


def headers(reader: Any) -> dict[str, str]:
    """Of somebody who has logged in, with a token for the API."""
    from django.test import Client
    from django.utils import timezone

    from accounts import tokens

    client, now = Client(), timezone.now()
    client.force_login(reader)
    _token, secret = tokens.issue(
        owner=reader, name="bench", scopes=["read"], expires_at=now + timedelta(days=1), now=now
    )
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    return {"Cookie": cookie, "Authorization": f"Bearer {secret}"}


@contextmanager
def site(folder: Path, headers: Mapping[str, str]) -> Iterator[Site]:
    """Both servers, as shipped."""
    found = Site(free_port(), free_port(), headers)
    running = [
        granian("config.wsgi:application", found.web, folder / "web.log"),
        granian("benchmarks.bare:application", found.bare, folder / "bare.log"),
    ]
    try:
        for port, path in ((found.web, "/healthz"), (found.bare, "/bare")):
            await_answer(port, path)
        yield found
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(10)


def prepare(folder: Path) -> None:
    """Set Django up, and migrate."""
    import django

    os.environ["STATIC_ROOT"] = str(folder / "static")
    django.setup()
    from django.core.management import call_command

    call_command("collectstatic", verbosity=0, interactive=False)
    call_command("migrate", verbosity=0)


def measure(
    where: Site, paths: Mapping[str, Iterator[str]], *, rounds: int, each: int = ASKED_A_ROUND
) -> dict[str, list[float]]:
    """Milliseconds of every request, by name of the page; "bare" is the bare view."""
    paths = {"bare": repeat("/bare")} | dict(paths)
    took: dict[str, list[float]] = {name: [] for name in paths}
    web, bare = (HTTPConnection("127.0.0.1", port) for port in (where.web, where.bare))
    for number in range(rounds + 1):
        for name, path in paths.items():
            link = bare if name == "bare" else web
            found = [_ask(link, next(path), where.headers) for _ in range(each if number else 3)]
            # The first round only warms up connections, plans and code.
            took[name] += found if number else []
    return took


def _ask(link: HTTPConnection, path: str, headers: Mapping[str, str]) -> float:
    begin = time.perf_counter()
    link.request("GET", path, headers=dict(headers))
    try:
        answer = link.getresponse()
    except RemoteDisconnected:
        # It was idle while the others had their turn.
        link.close()
        return _ask(link, path, headers)
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path} answered {answer.status}")
    return 1e3 * (time.perf_counter() - begin)
